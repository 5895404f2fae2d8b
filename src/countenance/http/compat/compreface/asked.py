"""What a CompreFace client sends: its key, its parameters, its pictures.

Rules kept here:

* The key comes in the header ``x-api-key``. One in the query string is refused, and so is one in a path.
* Plugins that guess something of a person from the face (age, gender, mask, pose), and the one that hands out the
  template (calculator), are passed over: the answer has no such field. Landmarks are answered.
* A picture has at most 5 MB, as there, and stays in memory.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.requests import Request

from countenance.http.compat.compreface.failures import EMPTY_FIELD, INVALID, NO_HEADER, NO_PARAMETER, Failure

PICTURE_BYTES = 5 * 1024 * 1024
KEY = "x-api-key"
SECRETS = frozenset({"x-api-key", "api_key", "api-key", "apikey", "key", "token", "access_token"})
LANDMARKS = "landmarks"


def key_of(request: Request) -> str:
    """The API key. Raises Failure."""
    if any(name.lower() in SECRETS for name in request.query_params):
        raise Failure(400, INVALID, "A key in the query string is not taken: proxies and logs keep it. Revoke it.")
    key = request.headers.get(KEY)
    if key is None:
        raise Failure(400, NO_HEADER, f"Missing header: {KEY}")
    return key


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query parameters that all calls with a picture share."""

    limit: int
    """Faces at most, largest first; 0: all."""
    predictions: int
    """Subjects at most for a face; -1: all."""
    least_confidence: float
    landmarks: bool
    status: bool


def parameters(request: Request) -> Parameters:
    """Read them. Raises Failure."""
    query = request.query_params
    limit = _whole(query, "limit", 0)
    predictions = _whole(query, "prediction_count", 1)
    if limit < 0:
        raise Failure(400, INVALID, "Limit should be equal or greater than 0")
    if predictions < 1 and predictions != -1:
        raise Failure(400, INVALID, "prediction_count should be equal or greater than 1, or -1")
    _switch(query, "detect_faces", default=True)  # faces are always looked for: nothing else gives landmarks
    plugins = {name.strip().lower() for name in query.get("face_plugins", "").split(",")}
    return Parameters(
        limit, predictions, least_confidence(request), LANDMARKS in plugins, _switch(query, "status", default=False)
    )


def least_confidence(request: Request) -> float:
    """``det_prob_threshold``, 0 to 1; 0 when it is not given. Raises Failure."""
    text = request.query_params.get("det_prob_threshold", "")
    try:
        value = float(text or 0.0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise Failure(400, INVALID, "det_prob_threshold should be between 0.0 and 1.0")
    return value


def page(request: Request) -> tuple[int, int]:
    """Page number from 0 and page size. Raises Failure."""
    number, size = _whole(request.query_params, "page", 0), _whole(request.query_params, "size", 20)
    if number < 0 or not 1 <= size <= 1000:
        raise Failure(400, INVALID, "page should be 0 or more, size between 1 and 1000")
    return number, size


def subject_in_query(request: Request) -> str:
    """The required parameter ``subject``. Raises Failure."""
    name = request.query_params.get("subject")
    if name is None:
        raise Failure(400, NO_PARAMETER, "Missing parameter: subject")
    return _named(name)


async def subject_in_body(request: Request) -> str:
    """The field ``subject`` of a JSON body. Raises Failure."""
    name = (await _document(request)).get("subject")
    if name is None:
        raise Failure(400, EMPTY_FIELD, "Field subject cannot be empty")
    if not isinstance(name, str):
        raise Failure(400, INVALID, "Field subject is a string")
    return _named(name)


async def pictures(request: Request, *names: str) -> list[bytes]:
    """The pictures of a request, from a multipart form or base64 in JSON. Raises Failure."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        document = await _document(request)
        return [_decoded(name, document.get(name)) for name in names]
    if kind != "multipart/form-data":
        raise Failure(415, INVALID, "Send multipart/form-data, or base64 in application/json")
    async with request.form(max_files=len(names) + 2, max_fields=8) as form:
        found = []
        for name in names:
            upload = form.get(name)
            if not isinstance(upload, UploadFile):
                raise Failure(400, NO_PARAMETER, f"Required request part '{name}' is not present")
            found.append(_checked(name, await upload.read(PICTURE_BYTES + 1)))
        return found


async def _document(request: Request) -> Mapping[str, object]:
    try:
        document = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Failure(400, INVALID, "The body is no JSON") from error
    if not isinstance(document, dict):
        raise Failure(400, INVALID, "The body is no JSON object")
    return document


def _decoded(name: str, text: object) -> bytes:
    if not isinstance(text, str) or not text:
        raise Failure(400, EMPTY_FIELD, f"Field {name} cannot be empty")
    try:
        return _checked(name, base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise Failure(400, INVALID, f"Field {name} is no base64") from error


def _checked(name: str, data: bytes) -> bytes:
    if len(data) > PICTURE_BYTES:
        raise Failure(400, INVALID, f"{name} has more than 5 MB")
    return data


def _named(name: str) -> str:
    if not name.strip():
        raise Failure(400, INVALID, "subject cannot be blank")
    return name


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name) or default)
    except ValueError as error:
        raise Failure(400, INVALID, f"{name} should be a whole number") from error


def _switch(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = query.get(name, str(default)).lower()
    if value not in ("true", "false"):
        raise Failure(400, INVALID, f"{name} should be true or false")
    return value == "true"
