"""More than the service can hold is refused politely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from countenance.http.admission import Admission, Meters
from countenance.http.problems import Refusal
from countenance.settings import ServiceSettings


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/v1/cases", "inside"), ("/v1/orders/ico/events", "inside"), ("/v1/jobs/7/events", "streams")],
    ids=["a request", "one that ends like a stream", "a job's event stream"],
)
def test_the_request_that_is_one_too_many_is_told_when_to_come_again(path: str, limit: str) -> None:
    async def run() -> list[Any]:
        gate, sent = anyio.Event(), []

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()

        admission = Admission(slow, replace(ServiceSettings(), **{"inside": 9, "streams": 9, limit: 2}))  # type: ignore[arg-type]

        async def send(message: Any) -> None:
            sent.append(message)

        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(admission, {"type": "http", "path": path}, None, send)
            await anyio.wait_all_tasks_blocked()
            await admission({"type": "http", "path": path}, None, send)
            gate.set()
        return sent

    start, _ = anyio.run(run)
    assert start["status"] == 429
    assert dict(start["headers"])[b"retry-after"] == b"2"


def test_whoever_asks_whether_the_service_lives_needs_no_place() -> None:
    async def run() -> int:
        came = 0

        async def count(scope: Any, receive: Any, send: Any) -> None:
            nonlocal came
            came += 1

        await Admission(count, replace(ServiceSettings(), inside=0))(
            {"type": "http", "path": "/v1/health/live"}, None, None
        )
        return came

    assert anyio.run(run) == 1


def twice(ask: Callable[[], None]) -> None:
    """One more may be let in over the turn of a minute."""
    for _ in range(2):
        ask()


def test_a_key_that_asks_too_often_waits_and_another_does_not() -> None:
    meters = Meters(replace(ServiceSettings(), rate_a_minute=3))
    for _ in range(3):
        meters.count("A")
    with pytest.raises(Refusal) as refused:
        twice(lambda: meters.count("A"))
    assert refused.value.problem.http_status == 429
    assert refused.value.problem.retry_after_s
    meters.count("B")


def test_guessing_keys_from_one_address_ends_soon() -> None:
    meters = Meters(replace(ServiceSettings(), wrong_credentials_a_minute=2))
    for _ in range(2):
        meters.check_address("192.0.2.1")
        meters.wrong("192.0.2.1")

    def guess() -> None:
        meters.check_address("192.0.2.1")
        meters.wrong("192.0.2.1")

    with pytest.raises(Refusal):
        twice(guess)
    meters.check_address("192.0.2.2")
