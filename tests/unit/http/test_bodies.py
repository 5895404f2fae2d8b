"""Bodies are counted, timed, and never written to disk."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, Request, UploadFile
from fastapi.testclient import TestClient

from countenance.http import bodies, problems
from countenance.http.bodies import BodyLimits, keep_in_memory
from countenance.settings import ServiceSettings

SMALL = replace(ServiceSettings(), json_bytes=1000, upload_bytes=3_000_000, held_bytes=4_000_000)


def client(settings: ServiceSettings = SMALL) -> TestClient:
    keep_in_memory()
    application = FastAPI()
    problems.install(application)

    @application.post("/upload")
    def take(image: UploadFile) -> int:
        return len(image.file.read())

    @application.post("/json")
    async def read(request: Request) -> int:
        return len(await request.body())

    application.add_middleware(BodyLimits, settings=settings)
    return TestClient(application)


def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    answer = client().post("/json", content=b"x" * 1001)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


def test_a_body_of_unannounced_length_is_counted_while_it_comes() -> None:
    answer = client().post("/json", content=iter([b"x" * 600, b"x" * 600]))
    assert answer.status_code == 413


def test_a_body_within_the_limit_arrives_whole() -> None:
    assert client().post("/json", content=b"x" * 1000).json() == 1000


def test_an_upload_is_never_spooled_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("an upload was written to a temporary file")

    monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    monkeypatch.setattr(tempfile, "_TemporaryFileArgs", None, raising=False)
    answer = client().post("/upload", files={"image": ("a.jpg", b"x" * 2_500_000)})
    assert answer.json() == 2_500_000


def test_more_than_the_service_holds_is_refused_politely() -> None:
    tight = replace(SMALL, held_bytes=100)
    answer = client(tight).post("/json", content=b"x" * 200)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_a_body_that_stops_coming_is_given_up() -> None:
    impatient = replace(SMALL, idle_seconds=0.05)

    async def run() -> list[Any]:
        sent: list[Any] = []

        async def never() -> Any:
            await anyio.sleep_forever()

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()

        scope = {"type": "http", "headers": [(b"content-length", b"10")], "state": {}}
        with pytest.raises(problems.Refusal) as refused:
            await BodyLimits(application, impatient)(scope, never, lambda m: anyio.lowlevel.checkpoint())
        sent.append(refused.value.problem.code)
        return sent

    assert anyio.run(run) == ["too_slow"]


@pytest.mark.parametrize(("bytes_each", "given_up_after"), [(1, 3), (600, None)], ids=["dripping", "quick enough"])
def test_a_body_that_drips_is_given_up_although_it_never_stops(
    monkeypatch: pytest.MonkeyPatch, bytes_each: int, given_up_after: int | None
) -> None:
    """A piece every half idle period: slower than ``slowest_bytes_a_second`` on the whole, or just above it."""
    settings = replace(SMALL, json_bytes=100_000, idle_seconds=20, slowest_bytes_a_second=50)
    now, came, pieces = [1000.0], [0], 40
    monkeypatch.setattr(bodies, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def drip() -> Any:
        now[0] += settings.idle_seconds / 2
        came[0] += 1
        return {"type": "http.request", "body": b"x" * bytes_each, "more_body": came[0] < pieces}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def run() -> None:
        scope = {"type": "http", "headers": [(b"content-length", b"40000")], "state": {}}
        await BodyLimits(application, settings)(scope, drip, lambda m: anyio.lowlevel.checkpoint())

    if given_up_after is None:
        anyio.run(run)
        assert came[0] == pieces
    else:
        with pytest.raises(problems.Refusal) as refused:
            anyio.run(run)
        assert refused.value.problem.code == "too_slow"
        assert came[0] == given_up_after
