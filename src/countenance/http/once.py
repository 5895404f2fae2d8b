"""Writes that are made once, however often they are sent: the Idempotency-Key header.

Rules kept here:

* With a key, a request that is sent again gets the first answer again (24 hours), and one that was cut off is
  carried out exactly once: what it makes is named by the key's request id. Without a key, every sending counts.
* The same key for another request is refused; so is a second sending while the first is under way.
* A request is known by its method, its path, its fields and the bytes of its uploads.

Source: draft-ietf-httpapi-idempotency-key-header for the header and the statuses.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Header, Request, Response
from pydantic import BaseModel

from countenance.errors import CountenanceError
from countenance.http.asker import Engine, Who
from countenance.oversight.once import Fresh
from countenance.terms import SubjectId

Made = TypeVar("Made", bound=BaseModel)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Send the same key again when you do not know whether a request arrived.",
    ),
]


class Once:
    """Carries a write out, once under its key. A dependency of every route that writes."""

    def __init__(self, request: Request, gallery: Engine, who: Who, key: Key = None) -> None:
        self._request = request
        self._gallery = gallery
        self._who = who
        self._key = key

    def __call__(
        self,
        make: Callable[[str | None], Made],
        *sent: BaseModel | bytes | str | None,
        status: int = 201,
        about: Callable[[], SubjectId | None] | None = None,
        secret: bool = False,
        anew: bool = False,
    ) -> Response | Made:
        """``make``, given the request's id, or its earlier answer.

        ``sent`` is everything that makes one request differ from another beside method and path; ``about``
        says whom the answer is about, so that what is kept of it goes with her; ``secret`` that the answer shows
        something once and is not kept; ``anew`` that a second sending
        is carried out again, which changes nothing more: a job, a withdrawal, a release.
        """
        if self._key is None:
            return make(None)
        once = self._gallery.oversight.once
        begun = once.begin(self._who, self._key, self._fingerprint(sent))
        if not isinstance(begun, Fresh):
            return Response(
                begun.body, begun.status, media_type="application/json", headers={"Idempotency-Replayed": "true"}
            )
        try:
            made = make(begun.request_id)
        except CountenanceError:  # refused before it did anything, or known to have done something: once knows
            once.forget(begun.request_id)
            raise
        except BaseException:
            once.leave(begun.request_id)
            raise
        if anew:
            once.leave(begun.request_id)
            return made
        body = None if secret else made.model_dump_json(by_alias=True).encode()
        once.finish(begun.request_id, status, body, None if about is None else about())
        return made

    def _fingerprint(self, sent: tuple[BaseModel | bytes | str | None, ...]) -> bytes:
        whole = sha256(f"{self._request.method} {self._request.url.path}?{self._request.url.query}".encode())
        for part in sent:
            match part:
                case BaseModel():
                    data = part.model_dump_json().encode()
                case str():
                    data = part.encode()
                case None:
                    data = b""
                case _:
                    data = part
            whole.update(sha256(data).digest())
        return whole.digest()
