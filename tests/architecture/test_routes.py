"""Every route is in the policy, documented, and tells what can go wrong in one shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from countenance.http.application import create
from countenance.http.asker import NO_VERB
from countenance.oversight.policy import ROWS, Reach, Verb
from countenance.settings import ServiceSettings


def application() -> FastAPI:
    return create(ServiceSettings(), lambda progress: (_ for _ in ()).throw(AssertionError("not opened here")))


def routes() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of everything that the service answers."""
    document = application().openapi()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


ROUTES = list(routes())
IDS = [f"{method} {path}" for method, path, _ in ROUTES]


@pytest.mark.parametrize(("method", "path", "described"), ROUTES, ids=IDS)
def test_every_route_is_a_verb_of_the_policy_or_says_why_none_is_needed(
    method: str, path: str, described: dict[str, Any]
) -> None:
    assert "x-verb" in described, "give it policed(), open_to_all() or without_policy()"
    if described["x-verb"] == NO_VERB:
        assert len(described["x-no-verb-because"].split()) >= 4
    else:
        Verb(described["x-verb"])


@pytest.mark.parametrize(("method", "path", "described"), ROUTES, ids=IDS)
def test_a_route_that_is_open_to_all_is_so_in_the_policy_too(
    method: str, path: str, described: dict[str, Any]
) -> None:
    verb = described["x-verb"]
    if verb != NO_VERB:
        open_here = described.get("security") == []
        assert open_here == (ROWS[Verb(verb)].reach is Reach.EVERYBODY)


@pytest.mark.parametrize(("method", "path", "described"), ROUTES, ids=IDS)
def test_every_route_says_what_it_does_and_no_two_have_one_name(
    method: str, path: str, described: dict[str, Any]
) -> None:
    assert described["description"].strip().endswith("."), "a docstring, in sentences"
    names = [other["operationId"] for _, _, other in ROUTES]
    assert names.count(described["operationId"]) == 1


def test_every_verb_of_the_policy_can_be_used_over_http() -> None:
    used = {described["x-verb"] for _, _, described in ROUTES}
    assert sorted(verb.value for verb in Verb if verb.value not in used) == []


def test_every_write_takes_an_idempotency_key_or_may_be_repeated_as_it_is() -> None:
    """PUT and DELETE set a state; a POST that creates something takes a key."""
    application_ = application()
    repeatable = {
        "POST /v1/sessions",  # each begins a session of its own; the old one stays
        "POST /v1/issuers",  # the same again changes nothing
        "POST /v1/reviews/next",  # the same task until it is answered
        "POST /v1/cases/{case}/authorisation",
        "POST /v1/cases/{case}/refusal",
        "POST /v1/cases/{case}/closing",
    }
    for route in application_.routes:
        if isinstance(route, APIRoute) and "POST" in route.methods and route.path not in ("",):
            name = f"POST {route.path}"
            described = application_.openapi()["paths"][route.path]["post"]
            keyed = any(one["name"] == "Idempotency-Key" for one in described.get("parameters", ()))
            assert keyed or name in repeatable, name
