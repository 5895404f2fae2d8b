"""From an error of the engine to an exception of Rekognition.

Rules kept here: names are those of the service's model, so that a client's ``except`` clauses go on working; what
another customer holds is a ResourceNotFoundException; what was not raised on purpose says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from countenance.errors import AccessRefused, CountenanceError
from countenance.http.compat.rekognition.sigv4 import SignatureRefused
from countenance.http.problems import STATUS, Refusal
from countenance.oversight.policy import Code

INVALID = "InvalidParameterException"
DENIED = "AccessDeniedException"
NOT_FOUND = "ResourceNotFoundException"
INTERNAL = "InternalServerError"
BUSY = "ProvisionedThroughputExceededException"
BAD_IMAGE = "InvalidImageFormatException"


class Failure(Exception):
    """A call ends with an exception of Rekognition."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Told:
    """What the client is told."""

    kind: str
    message: str

    @property
    def status(self) -> int:
        """500 for the service's own failures, 400 for everything else, as the service does."""
        return 500 if self.kind == INTERNAL else 400


KINDS: dict[str, str] = {
    "credential_invalid": "UnrecognizedClientException",
    "compartment_unknown": NOT_FOUND,
    "party_exists": "ResourceAlreadyExistsException",
    "subject_unknown": NOT_FOUND,
    "subject_exists": "ConflictException",
    "image_not_held": INVALID,
    "no_face": INVALID,
    "image_too_large": "ImageTooLargeException",
    "image_format": BAD_IMAGE,
    "image_unreadable": BAD_IMAGE,
    "image_truncated": BAD_IMAGE,
    "image_empty": INVALID,
    "gallery_busy": BUSY,
    "engine_busy": BUSY,
}
"""Errors with an exception of their own. Of the rest, what the gallery refuses (401, 403) is AccessDeniedException,
what was asked wrongly InvalidParameterException."""


def told(error: Exception) -> Told:
    """What stands for ``error``."""
    match error:
        case SignatureRefused() | Failure():
            return Told(error.kind, str(error))
        case Refusal():
            status = error.problem.http_status
            kind = BUSY if status in (429, 503) else INVALID if status < 500 else INTERNAL
            return Told(kind, error.problem.detail)
        case AccessRefused() if error.reason == Code.OTHER_CUSTOMER:
            return Told(NOT_FOUND, "The collection does not exist.")
        case CountenanceError():
            status = STATUS.get(error.code, 500)
            kind = KINDS.get(error.code) or (
                DENIED if status in (401, 403) else INVALID if status < 500 else INTERNAL
            )
            return Told(kind, str(error) if kind != INTERNAL else "The service failed.")
        case _:
            return Told(INTERNAL, "The service failed.")
