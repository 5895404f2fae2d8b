"""From an error of the engine to CompreFace's ``{"message", "code"}``.

Rules kept here: the codes are those of CompreFace (``CommonExceptionCode``); where it has none, 0 with a status
that says what kind of refusal it is. What another customer holds is answered as what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from countenance.errors import AccessRefused, CountenanceError
from countenance.http.problems import STATUS, Refusal
from countenance.oversight.policy import Code

NO_SERVICE, NO_IMAGE, NO_HEADER, BAD_KIND, INVALID, NO_FACE = 10, 11, 20, 21, 26, 28
SEVERAL_FACES, NO_PARAMETER, NO_SUBJECT, SUBJECT_EXISTS, NO_EMBEDDING, EMPTY_FIELD = 31, 33, 42, 43, 44, 5
UNDEFINED = 0


class Failure(Exception):
    """A request ends with CompreFace's error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class _Row:
    status: int
    code: int
    message: str = ""
    """Empty: the error's own sentence."""


TABLE: dict[str, _Row] = {
    "credential_invalid": _Row(404, NO_SERVICE, "No service with this API key was found"),
    "no_face": _Row(400, NO_FACE, "No face is found in the given image"),
    "several_faces": _Row(400, SEVERAL_FACES, "There is more than one face in the given image"),
    "quality_too_low": _Row(400, INVALID),
    "subject_unknown": _Row(404, NO_SUBJECT, "Subject not found"),
    "subject_exists": _Row(400, SUBJECT_EXISTS, "Subject already exists"),
    "image_not_held": _Row(404, NO_EMBEDDING, "Embedding not found"),
    "subject_name": _Row(400, INVALID),
    "input_invalid": _Row(400, INVALID),
    "image_format": _Row(400, BAD_KIND),
    "image_too_large": _Row(400, INVALID),
    "image_unreadable": _Row(400, BAD_KIND),
    "image_truncated": _Row(400, BAD_KIND),
    "image_empty": _Row(400, BAD_KIND),
}
"""Errors for which CompreFace has a code. All others keep the status that /v1 gives them, with code 0."""


def of(error: Exception) -> Failure:
    """CompreFace's error for ``error``; what was not raised on purpose says nothing."""
    match error:
        case Failure():
            return error
        case Refusal():
            return Failure(error.problem.http_status, UNDEFINED, error.problem.detail)
        case HTTPException():  # a form that cannot be read
            return Failure(error.status_code, INVALID, "The request could not be read")
        case AccessRefused() if error.reason == Code.OTHER_CUSTOMER:
            return Failure(404, NO_SERVICE, TABLE["credential_invalid"].message)
        case CountenanceError():
            row = TABLE.get(error.code)
            if row is not None:
                return Failure(row.status, row.code, row.message or str(error))
            status = STATUS.get(error.code, 500)
            return Failure(
                status, UNDEFINED, str(error) if status < 500 else "Something went wrong, please try again"
            )
        case _:
            return Failure(500, UNDEFINED, "Something went wrong, please try again")


def response(error: Exception) -> Response:
    """The answer for ``error``."""
    failure = of(error)
    headers = {"Cache-Control": "no-store"}
    if failure.status in (429, 503):
        headers["Retry-After"] = str(error.problem.retry_after_s or 2) if isinstance(error, Refusal) else "2"
    return JSONResponse({"message": str(failure), "code": failure.code}, failure.status, headers=headers)
