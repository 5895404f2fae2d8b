"""The input of a call, checked as the service's model has it.

Rules kept here: an image comes as bytes; what would have the service fetch something (S3Object) is refused. Numbers
out of their range are refused, not put right.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence

from countenance.http.compat.rekognition.failures import INVALID, Failure

IMAGE_BYTES = 5 * 1024 * 1024
COLLECTION = re.compile(r"[a-zA-Z0-9_.\-]{1,255}", re.ASCII)
EXTERNAL = re.compile(r"[a-zA-Z0-9_.\-:]{1,255}", re.ASCII)
USER = re.compile(r"[a-zA-Z0-9_.\-:]{1,128}", re.ASCII)
FACE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
FILTERS = ("NONE", "AUTO", "LOW", "MEDIUM", "HIGH")


class Asked:
    """One call's input."""

    def __init__(self, body: bytes) -> None:
        """Raises Failure when ``body`` is no JSON object."""
        try:
            document = json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise Failure("SerializationException", "The body is no JSON.") from error
        if not isinstance(document, dict):
            raise Failure("SerializationException", "The body is no JSON object.")
        self._fields = document

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        """A required string. Raises Failure."""
        found = self.maybe(name, pattern)
        if found is None:
            raise _invalid(f"{name} is required.")
        return found

    def maybe(self, name: str, pattern: re.Pattern[str]) -> str | None:
        """An optional string. Raises Failure."""
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise _invalid(f"{name} does not match {pattern.pattern}.")
        return value

    def collection(self) -> str:
        """The required CollectionId."""
        return self.text("CollectionId", COLLECTION)

    def whole(self, name: str, least: int, most: int, default: int | None) -> int | None:
        """An optional whole number. Raises Failure."""
        value = self._fields.get(name, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _invalid(f"{name} is a whole number from {least} to {most}.")
        return value

    def number(self, name: str, least: int, most: int, default: int) -> int:
        """The same with a default."""
        found = self.whole(name, least, most, default)
        return default if found is None else found

    def share(self, name: str, default: float) -> float:
        """A percentage as a share from 0 to 1. Raises Failure."""
        value = self._fields.get(name, default)
        if value is None:
            value = default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise _invalid(f"{name} is a percentage from 0 to 100.")
        return float(value) / 100

    def filter(self, default: str) -> str:
        """The QualityFilter. Raises Failure."""
        value = self._fields.get("QualityFilter") or default
        if value not in FILTERS:
            raise _invalid(f"QualityFilter is one of {', '.join(FILTERS)}.")
        return str(value)

    def faces(self, most: int, *, required: bool = True) -> Sequence[str] | None:
        """FaceIds. Raises Failure."""
        value = self._fields.get("FaceIds")
        if value is None and not required:
            return None
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise _invalid(f"FaceIds are 1 to {most} ids.")
        if any(not isinstance(one, str) or FACE.fullmatch(one) is None for one in value):
            raise _invalid("A FaceId does not match its pattern.")
        return list(dict.fromkeys(value))

    def image(self, name: str) -> bytes:
        """The bytes of an image. Raises Failure."""
        value = self._fields.get(name)
        if not isinstance(value, dict):
            raise _invalid(f"{name} is required.")
        if value.get("S3Object") is not None:
            raise Failure("InvalidS3ObjectException", "Nothing is fetched from S3: send the image's bytes.")
        text = value.get("Bytes")
        if not isinstance(text, str) or not text:
            raise _invalid(f"{name}.Bytes is required.")
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise Failure("SerializationException", f"{name}.Bytes is no base64.") from error
        if len(data) > IMAGE_BYTES:
            raise Failure("ImageTooLargeException", "An image has at most 5 MB.")
        return data

    def token(self) -> str | None:
        """The NextToken. Raises Failure."""
        value = self._fields.get("NextToken")
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > 255:
            raise bad_token()
        return value


def bad_token() -> Failure:
    """A NextToken that was not given by this service."""
    return Failure("InvalidPaginationTokenException", "The pagination token is not valid.")


def _invalid(message: str) -> Failure:
    return Failure(INVALID, f"Request has invalid parameters: {message}")
