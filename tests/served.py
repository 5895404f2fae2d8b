"""The service in this process, without a socket, on a gallery that a test has made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from countenance import Countenance
from countenance.http.application import create
from countenance.settings import ServiceSettings


@dataclass
class Service:
    """A client of the service. ``as_`` asks with somebody's token."""

    client: TestClient
    application: FastAPI
    token: str | None = None

    def as_(self, token: str | None) -> Service:
        """The same service, asked by whoever shows ``token``."""
        return replace(self, token=token)

    def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> Response:
        """One request under ``/v1``; ``key`` is its idempotency key."""
        headers = dict(more.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.request(method, f"/v1{path}", headers=headers, **more)

    def get(self, path: str, **more: Any) -> Response:
        """Read."""
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> Response:
        """Write."""
        return self.ask("POST", path, **more)

    def put(self, path: str, **more: Any) -> Response:
        """Set."""
        return self.ask("PUT", path, **more)

    def delete(self, path: str, **more: Any) -> Response:
        """Remove."""
        return self.ask("DELETE", path, **more)

    def login(self, name: str, password: str) -> Service:
        """Begin a session and ask with it from now on."""
        answer = self.post("/sessions", json={"name": name, "password": password})
        assert answer.status_code == 201, answer.text
        return self.as_(answer.json()["secret"])


def assert_ends(answers: Sequence[object], fine: object, refused: object, limit: int) -> None:
    """That of ``answers`` so many are fine, or one more over the turn of a minute, and the rest are refusals."""
    ended = answers.index(refused)
    assert ended in (limit, limit + 1), answers
    assert list(answers) == [fine] * ended + [refused] * (len(answers) - ended)


SETTINGS = ServiceSettings(rate_a_minute=1_000_000, wrong_credentials_a_minute=1_000_000)


@contextmanager
def serving(gallery: Countenance, settings: ServiceSettings = SETTINGS) -> Iterator[Service]:
    """The service on ``gallery``, ready; closes the gallery at the end, as a service does."""
    application = create(settings, lambda progress: gallery)
    with TestClient(application, raise_server_exceptions=False) as client:
        while application.state.gallery is None:
            assert client.get("/v1/health/live").status_code == 200
        yield Service(client, application)
