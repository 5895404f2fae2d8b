"""The OpenAPI document, complete enough to make clients from: names, tags, examples, and what can go wrong.

Rules kept here:

* Every operation says every status that it can answer with; each error is the one Problem. Which codes have a
  status is in the table of http.problems.
* An operation is called by its tag and what it does (``cases_search``); a name is part of the interface.
* docs/openapi.json is this document; a test says when it is not. ``make openapi`` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from countenance.http.examples import EXAMPLES
from countenance.http.problems import MEDIA_TYPE, STATUS

TAGS = {
    "health": "Whether the service lives, can answer, and how busy it is.",
    "problems": "What the codes of problems mean.",
    "sessions": "Signing in with a name and a password; who one is.",
    "customers": "Organisations that may search, and classes of them that may not.",
    "people": "Accounts, their roles, reviewers' certificates.",
    "issuers": "OpenID Connect issuers that people sign in at.",
    "keys": "API keys: shown once, scoped, expiring, revocable.",
    "compartments": "Sets of subjects that belong to one customer, apart from all others.",
    "subjects": "Permission, enrolment, search and erasure within a compartment.",
    "recognition": "Comparing two photographs.",
    "own data": "What a subject sees and does of her own.",
    "jobs": "Long work: how far it is, what became of it, stopping it.",
    "cases": "Why somebody may search: asked for, authorised, limited, ended.",
    "reviews": "Two people look at every candidate, blind.",
    "orders": "Orders of authorities, holds, and recipients that must be told.",
    "residency": "Evidence of where a subject lives.",
    "register": "Who has been using the data, in counts, for everybody.",
    "log": "The tamper-evident log, as C2SP lays it out.",
}

_SAYS = {
    400: "It could not be read, or says what cannot be.",
    401: "No credential in force was shown.",
    403: "The policy, a permission or an order forbids it; `reason` says which rule.",
    404: "There is nothing of that id here, or not for you.",
    405: "This is not how to ask here.",
    408: "The body came too slowly.",
    409: "It does not fit what is there.",
    413: "The body, or something in it, is too large.",
    415: "A body, or an image, of a kind that is not read.",
    422: "A field is missing or not of its kind, or a photograph will not do.",
    429: "Too many at once or in a minute; Retry-After says when to come again.",
    500: "The service failed; tell the operator the instance.",
    501: "A part that this needs is not installed.",
    503: "Something that this needs is not there now; Retry-After says when to come again.",
    507: "There is no room left on a disk.",
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "Where the code is explained.", "format": "uri-reference"},
        "title": {"type": "string", "description": "What the code means."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, in a sentence."},
        "code": {"type": "string", "enum": sorted(STATUS), "description": "Never changes."},
        "remedy": {"type": "string", "description": "What to do."},
        "reason": {"type": "string", "description": "Which rule of the policy refused."},
        "fields": {
            "type": "array",
            "description": "Which fields are wrong and how, without what was sent.",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {
                    "where": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "what": {"type": "string"},
                },
            },
        },
        "instance": {"type": "string", "description": "Names this request in the service's log."},
    },
    "example": {
        "type": "/v1/problems/too_many_requests",
        "title": "Too many requests at once.",
        "status": 429,
        "detail": "This key asks too often.",
        "code": "too_many_requests",
        "remedy": "Wait and ask again.",
        "instance": "urn:uuid:6f1ed0a2-8a35-4b35-9d0c-3c1b4f3c8f55",
    },
}


def operation_id(route: APIRoute) -> str:
    """``cases_search``: a client's method is called by it."""
    return f"{str(route.tags[0] if route.tags else 'service').replace(' ', '_')}_{route.name}"


def describe(application: FastAPI) -> Callable[[], dict[str, Any]]:
    """What ``application.openapi`` is to be."""

    def openapi() -> dict[str, Any]:
        if application.openapi_schema is None:
            document = get_openapi(
                title=application.title,
                version=application.version,
                summary=application.summary,
                description=application.description,
                routes=application.routes,
                license_info=application.license_info,
                tags=[{"name": name, "description": says} for name, says in TAGS.items()],
            )
            application.openapi_schema = _completed(document)
        return application.openapi_schema

    return openapi


def as_text(document: dict[str, Any]) -> str:
    """The document as it is committed; without the version, which is the program's."""
    kept = {**document, "info": {**document["info"], "version": "1"}}
    return json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        f"Problem{status}": {"description": says, "content": content} for status, says in _SAYS.items()
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    operation.setdefault("security", [])
    operation["summary"] = operation["description"].strip().split("\n")[0].rstrip(".")
    body = operation.get("requestBody")
    own = operation["responses"]
    own.pop("422", None)
    for status in _statuses(path, method, operation):
        own.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    example = EXAMPLES.get(operation["operationId"])
    if body is not None and example is not None:
        body["content"]["application/json"]["example"] = example


def _statuses(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    found = {400, 405, 429, 500, 503}
    if path.startswith("/v1/health/live"):
        return {400, 405, 500}
    if operation["security"]:
        found |= {401, 403}
    if "{" in path or operation["security"]:
        found |= {404}
    if operation.get("parameters") or "requestBody" in operation:
        found |= {422}
    if "requestBody" in operation:
        found |= {401, 408, 413, 415, 501}
    if method != "get":
        found |= {404, 409, 422, 507}
    return found
