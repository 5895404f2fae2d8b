"""One address for every operation, as AWS JSON 1.1 has it: signature first, then the operation, then the answer.

Rules kept here:

* The signature is checked by what was signed: the address, the headers and the body as they came.
* A signature is good for one change. boto3 signs every attempt anew, but to the second, and signs nothing that
  tells two equal calls of one second apart: so what only reads is answered again for ten seconds after the first
  time, and then no more. The memory of signatures is in the database, so all workers have one.
* An unknown operation is told only to whoever could sign for it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from countenance.engine import Countenance
from countenance.errors import CredentialInvalid
from countenance.http.admission import Meters
from countenance.http.compat.bound import Opened, proven
from countenance.http.compat.rekognition import failures, sigv4
from countenance.http.compat.rekognition.asked import Asked
from countenance.http.compat.rekognition.failures import Failure
from countenance.http.compat.rekognition.operations import OPERATIONS, READING, Call
from countenance.http.compat.rekognition.sigv4 import SignatureRefused
from countenance.oversight.parties import Principal
from countenance.settings import ServiceSettings

MEDIA_TYPE = "application/x-amz-json-1.1"
AGAIN = timedelta(seconds=10)
"""How long after its first use the signature of a call that changes nothing is taken again."""
_TARGET = "RekognitionService."
_INVALID = "The security token included in the request is invalid."
_NOBODY = "no key has this for its secret"


def endpoint(
    gallery: Opened, settings: ServiceSettings, meters: Meters | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """What answers every call. ``gallery`` gives the gallery, None while it is being opened."""
    return _Door(gallery, meters or Meters(settings)).call


def mount(gallery: Opened, settings: ServiceSettings, meters: Meters | None = None) -> Starlette:
    """The application for /compat/rekognition/; boto3 leaves the last slash out, see ``http.compat.routes``."""
    return Starlette(
        routes=[Route("/", endpoint(gallery, settings, meters), methods=["POST"])],
        exception_handlers={HTTPException: _no_route},
    )


async def _no_route(request: Request, error: Exception) -> Response:
    return _failed(Failure("UnknownOperationException", "Operations are asked for with POST at the root."))


class _Door:
    """Answers calls."""

    def __init__(self, gallery: Opened, meters: Meters) -> None:
        self._gallery = gallery
        self._meters = meters

    async def call(self, request: Request) -> Response:
        """One call."""
        try:
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
            presented = sigv4.read(headers, str(request.url.query), datetime.now(UTC))
            body = await request.body()
            return await run_in_threadpool(self._answer, request, headers, presented, body)
        except Exception as error:  # noqa: BLE001 - the peer's own form for everything; what it was is not told
            return _failed(error)

    def _answer(
        self, request: Request, headers: list[tuple[str, str]], presented: sigv4.Presented, body: bytes
    ) -> Response:
        path = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1")

        def prove(gallery: Countenance) -> Principal:
            known = True
            try:
                secret = gallery.oversight.signing_secret(presented.key_id)
            except CredentialInvalid:
                known, secret = False, _NOBODY  # and as much work as for one that is known
            try:
                sigv4.check(presented, secret, method=request.method, path=path, headers=headers, body=body)
            except SignatureRefused as refused:
                if known:
                    wrong.append(refused)
                raise CredentialInvalid(_INVALID) from refused
            if not known:
                raise CredentialInvalid(_INVALID)
            return gallery.oversight.principal(presented.key_id)

        wrong: list[SignatureRefused] = []
        try:
            gallery, who = proven(self._gallery, self._meters, request, prove)
        except CredentialInvalid as error:
            raise (wrong[0] if wrong else error) from error
        target = request.headers.get("x-amz-target", "")
        name = target.removeprefix(_TARGET) if target.startswith(_TARGET) else ""
        if name not in OPERATIONS:
            raise Failure("UnknownOperationException", "There is no such operation here.")
        ago = gallery.legacy.used(presented.key_id, presented.signature, sigv4.KEEP)
        if ago is not None and (name not in READING or ago > AGAIN):
            raise SignatureRefused("InvalidSignatureException", "This signature was used before; sign anew.")
        try:
            answer = OPERATIONS[name](Call(gallery.legacy, who, Asked(body), presented.region))
        except Exception as error:
            if failures.told(error).kind in (failures.BUSY, failures.INTERNAL):  # a client tries again, at once
                gallery.legacy.unused(presented.key_id, presented.signature)
            raise
        return _response(answer, 200)


def _failed(error: Exception) -> Response:
    told = failures.told(error)
    answer: dict[str, object] = {
        "__type": told.kind,
        "Code": told.kind,
        "Message": told.message,
        "message": told.message,
    }
    return _response(answer, told.status)


def _response(answer: dict[str, object], status: int) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4()), "Cache-Control": "no-store"}
    return Response(json.dumps(answer), status, headers=headers, media_type=MEDIA_TYPE)
