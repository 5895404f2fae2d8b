"""Errors as RFC 9457 problem details, and the one table from an error's code to an HTTP status.

Rules kept here:

* Every code of the error tree has a row (tests/unit/http/test_problems.py); what was not raised on purpose is
  ``internal`` and says nothing of its cause.
* ``type`` is a relative reference that can be followed: ``/v1/problems/CODE`` says what it means.
* A problem carries codes, sentences and remedies; the sentence of an error names ids and what the caller sent.

Source: RFC 9457; RFC 9110 for the statuses; RFC 6585 for 429.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from countenance.errors import AccessRefused, CountenanceError, SubjectUnknown
from countenance.oversight.policy import Code

MEDIA_TYPE = "application/problem+json"
_ASK_OPERATOR = "Tell the operator the instance of this problem."
RETRY_AFTER_S = 2
"""What a caller is told to wait when nothing better is known, seconds."""

STATUS: dict[str, int] = {}
"""HTTP status for each code; filled below, one line a status."""

for _status, _codes in {
    400: """
        amount_invalid authority_key_invalid bad_request date_impossible deadline_before_service
        dependency_cycle dependency_unknown entry_unsafe evidence_invalid face_choice filter_invalid
        input_invalid labels_invalid live_input order_malformed order_unreadable permission_invalid
        place_unknown predicate_unknown purpose_unknown scope_empty scope_mixed subject_name
        time_zone_unknown vectors_invalid verb_unknown
    """,
    401: "credential_invalid",
    403: """
        access_refused address_forbidden authority_key_revoked authority_key_unknown case_missing
        grant_ended grant_invalid grant_missing order_forbids order_signature order_unsigned
        page_not_granted page_reserved permission permission_refused
    """,
    404: """
        compartment_unknown image_not_held job_unknown
        case_unknown customer_unknown grant_unknown issuer_unknown not_found order_unknown
        pending_unknown permission_unknown person_unknown review_unknown source_missing subject_unknown
    """,
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    409: """
        certificate_invalid clock_set_back erasure_held erasure_incomplete export_foreign gallery_exists
        answer_not_kept request_under_way
        log_exists models_differ move_disagrees move_unusable order_served order_transition party_exists
        reference_missing sample_too_small scope_everyone subject_exists
    """,
    413: "archive_bomb body_too_large clip_too_large entry_too_large image_too_large",
    415: "image_format media_type",
    422: """
        account_suppressed idempotency_key_reused
        archive_encrypted archive_unreadable beyond_validated clip clip_unreadable collection error
        evaluation face grant image_empty image_missing image_suppressed image_truncated image_unreadable
        model_uncalibrated no_face order oversight page_unreadable quality_too_low several_faces
        unprocessable
    """,
    429: "jobs_full too_many_requests",
    500: """
        backup_unusable blobs blobs_foreign blobs_refused blobs_unsuitable
        calibration calibration_missing calibration_unfit calibration_unreadable
        checkpoint_invalid engine engine_foreign engine_refused engine_version gallery gallery_missing
        gallery_newer index internal key_destroyed keys_foreign keys_missing
        key_service key_service_refused log log_damaged log_entry
        log_key log_missing log_read_only model model_digest model_missing model_unsuitable schema_older seal_broken
        snapshot_unusable
    """,
    501: """
        backup_elsewhere blobs_driver bucket_client clip_decoder engine_driver geography_missing key_service_driver
        report_unavailable
    """,
    503: """
        blobs_unavailable bucket_unreachable database_unavailable engine_busy engine_slow engine_unavailable
        gallery_busy issuer_unavailable key_service_unavailable not_ready
    """,
    507: "disk_full",
}.items():
    for _code in _codes.split():
        STATUS[_code] = _status

REFUSED: dict[str, int] = {Code.OTHER_CUSTOMER.value: 404}
"""Refusals of the policy that must look like something else; all others are 403."""

_OWN = {
    "bad_request": "The request could not be read.",
    "not_found": "There is nothing here.",
    "method_not_allowed": "This is not how to ask here.",
    "not_acceptable": "There is no such form of the answer.",
    "too_slow": "The request came too slowly.",
    "body_too_large": "The request is larger than the service takes.",
    "media_type": "The body is of a kind that is not read here.",
    "unprocessable": "A field is missing or not of its kind.",
    "too_many_requests": "Too many requests at once.",
    "not_ready": "The gallery is being opened.",
    "issuer_unavailable": "The issuer of the token does not say what its keys are.",
    "internal": "The service failed.",
}
"""Problems of the door itself, which no error of the engine stands for."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; ``as_dict`` is the document."""

    code: str
    detail: str
    remedy: str = ""
    status: int = 0
    """0: what the table says."""
    reason: str | None = None
    """The policy's code, when it refused."""
    fields: tuple[dict[str, object], ...] = ()
    """Which fields are wrong and how, without what was sent."""
    retry_after_s: int | None = None

    @property
    def http_status(self) -> int:
        """The status to answer with."""
        return self.status or STATUS.get(self.code, 500)

    def as_dict(self, request_id: str | None) -> dict[str, object]:
        """The RFC 9457 document."""
        document: dict[str, object] = {
            "type": f"/v1/problems/{self.code}",
            "title": title(self.code),
            "status": self.http_status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.remedy:
            document["remedy"] = self.remedy
        if self.reason is not None:
            document["reason"] = self.reason
        if self.fields:
            document["fields"] = list(self.fields)
        if request_id is not None:
            document["instance"] = f"urn:uuid:{request_id}"
        return document

    def response(self, request_id: str | None) -> JSONResponse:
        """The answer."""
        headers = {"Cache-Control": "no-store"}
        if self.retry_after_s is not None or self.http_status in (429, 503):
            headers["Retry-After"] = str(self.retry_after_s or RETRY_AFTER_S)
        if self.http_status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="countenance"'
        return JSONResponse(self.as_dict(request_id), self.http_status, headers=headers, media_type=MEDIA_TYPE)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with this from below the routes."""
        state = scope.setdefault("state", {})
        state["problem"] = self.code
        await self.response(state.get("request_id"))(scope, receive, send)


class Refusal(Exception):
    """Raised inside the door to end a request with a problem of the door's own."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def problem_of(error: Exception) -> Problem:
    """The problem that stands for ``error``; anything not raised on purpose says nothing."""
    match error:
        case Refusal():
            return error.problem
        case AccessRefused():
            status = REFUSED.get(error.reason, 403)
            if status == 404:  # in the same words as for what does not exist
                return Problem("not_found", "There is nothing of that id here.")
            return Problem(error.code, str(error), error.remedy, reason=error.reason)
        case SubjectUnknown():  # its sentence has the name that was asked for
            return Problem(error.code, title(error.code), error.remedy)
        case CountenanceError():
            if STATUS.get(error.code, 500) == 500:  # its sentence is for the operator: it may name a file
                return Problem(error.code, title(error.code), _ASK_OPERATOR, status=500)
            return Problem(error.code, str(error), error.remedy)
        case RequestValidationError():
            fields = tuple({"where": list(one["loc"]), "what": one["msg"]} for one in error.errors())
            return Problem("unprocessable", "A field is missing or not of its kind.", fields=fields)
        case HTTPException():
            return _of_status(error.status_code)
        case _:
            return Problem("internal", "The service failed.", _ASK_OPERATOR)


def _of_status(status: int) -> Problem:
    for code, sentence in _OWN.items():
        if STATUS[code] == status:
            return Problem(code, sentence)
    return Problem("bad_request" if status < 500 else "internal", HTTPStatus(status).phrase, status=status)


def title(code: str) -> str:
    """What a code means, in one sentence: the first line of its class's docstring."""
    for kind in tree():
        if kind.code == code:
            return (kind.__doc__ or code).strip().splitlines()[0]
    return _OWN.get(code, code)


def tree() -> Iterator[type[CountenanceError]]:
    """Every class of the error tree."""
    waiting: list[type[CountenanceError]] = [CountenanceError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def install(application: FastAPI) -> None:
    """Make every error of ``application`` end as a problem."""

    def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        request.state.problem = problem.code
        return problem.response(getattr(request.state, "request_id", None))

    for kind in (CountenanceError, Refusal, RequestValidationError, HTTPException, Exception):
        application.add_exception_handler(kind, answer)
