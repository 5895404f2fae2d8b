"""Bodies of requests: counted while they come, given up when they come too slowly, never written to a file.

Rules kept here:

* A body's announced length is checked before a byte is read, its true length while it comes; both before anything
  is decoded.
* Uploads stay in memory. The multipart parser would write larger ones to a temporary file in the clear, where no
  Holder reaches; :func:`keep_in_memory` forbids that.
"""

from __future__ import annotations

import sys
import time

import anyio
from fastapi import UploadFile
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from countenance.collection.clips.reading import looks_like_clip
from countenance.errors import ClipTooLarge, ImageTooLarge
from countenance.http.problems import Problem, Refusal
from countenance.settings import ServiceSettings

UPLOADS = (
    "multipart/form-data",
    "application/octet-stream",
    "application/zip",
    "application/x-tar",
    "video/",
)
_ENOUGH_TO_KNOW = 512
"""Bytes by which a clip is told from an image."""
PICTURES = "/compat/"
"""Under this path, bodies of any kind carry pictures: up to two of 5 MB in base64, inside JSON."""


class BodyLimits:
    """ASGI middleware: ends a request whose body is too large or too slow, or is one too many."""

    def __init__(self, application: ASGIApp, settings: ServiceSettings) -> None:
        self._application = application
        self._settings = settings
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = headers.get("content-type", "").startswith(UPLOADS) or str(scope.get("path", "")).startswith(
            PICTURES
        )
        most = self._settings.upload_bytes if upload else self._settings.json_bytes
        announced = headers.get("content-length", "0")
        if not announced.isdigit():
            await Problem("bad_request", "That is no length of a body.").answer(scope, receive, send)
            return
        if int(announced) > most:
            await _too_large(most).answer(scope, receive, send)
            return
        # A body of unannounced length may become as large as it may be.
        reserved = most if headers.get("transfer-encoding") else int(announced)
        if self._held + reserved > self._settings.held_bytes:
            await _FULL.answer(scope, receive, send)
            return
        self._held += reserved
        try:
            await self._application(scope, _Counted(receive, most, self._settings), send)
        finally:
            self._held -= reserved


_FULL = Problem("too_many_requests", "The service holds as many uploads as it can.", "Wait and ask again.")


class _Counted:
    """A request's ``receive``, counted and timed."""

    def __init__(self, receive: Receive, most: int, settings: ServiceSettings) -> None:
        self._receive = receive
        self._most = most
        self._settings = settings
        self._came = 0
        self._begun: float | None = None
        self._done = False

    async def __call__(self) -> Message:
        """The next message. Raises Refusal (413, 408)."""
        if self._done:  # what comes now is the end of the connection, which may take as long as it likes
            return await self._receive()
        if self._begun is None:
            self._begun = time.monotonic()
        with anyio.move_on_after(self._settings.idle_seconds):
            message = await self._receive()
            self._came += len(message.get("body", b""))
            self._done = not message.get("more_body", False)
            if self._came > self._most:
                raise Refusal(_too_large(self._most))
            over = time.monotonic() - self._begun - self._settings.idle_seconds
            if self._done or over * self._settings.slowest_bytes_a_second <= self._came:
                return message
        raise Refusal(Problem("too_slow", "The request came too slowly and was given up.", "Send it again."))


def keep_in_memory() -> None:
    """Let no upload be spooled to disk, in this whole process."""
    MultiPartParser.spool_max_size = sys.maxsize


def image(upload: UploadFile, settings: ServiceSettings) -> bytes:
    """The bytes of one uploaded image. Raises ImageTooLarge."""
    data = upload.file.read(settings.image_bytes + 1)
    if len(data) > settings.image_bytes:
        raise ImageTooLarge(f"An uploaded image has at most {settings.image_bytes} bytes.")
    return data


def probe(upload: UploadFile, settings: ServiceSettings) -> bytes:
    """The bytes of one uploaded image, or of a recorded clip, which may be as large as an upload. Raises
    ImageTooLarge, ClipTooLarge."""
    start = upload.file.read(_ENOUGH_TO_KNOW)
    upload.file.seek(0)
    if not looks_like_clip(start):
        return image(upload, settings)
    data = upload.file.read(settings.upload_bytes + 1)
    if len(data) > settings.upload_bytes:
        raise ClipTooLarge(f"An uploaded clip has at most {settings.upload_bytes} bytes.")
    return data


def _too_large(most: int) -> Problem:
    return Problem("body_too_large", f"A body of this kind has at most {most} bytes.", "Send less at once.")
