"""Who is let in, and how many at once: a bounded number of requests inside, and a polite no to the others.

Rules kept here:

* More than ``inside`` requests at a time are refused at once with 429 and Retry-After, before their body is read.
  Of those inside ``at_work`` are worked on, in threads; the others send their bodies or wait, first come
  first served.
* Looking whether the service lives needs no place. A job's event stream, which stays open, has one of ``streams``
  places of its own: each asks the database twice a second.
* Counting by key or address is in one process; behind several, the limits of all of them add up (docs say so).
  What was asked in the minute before counts by the share of it that still lies within sixty seconds, rounded down:
  over the turn of a minute one more may be let in.
"""

from __future__ import annotations

import re
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from countenance.http.problems import Problem, Refusal
from countenance.settings import ServiceSettings

WITHOUT_A_PLACE = ("/v1/health", "/v1/metrics")
_STREAM = re.compile(r"/v1/jobs/[^/]*/events")


class Admission:
    """ASGI middleware: at most ``inside`` requests at a time."""

    def __init__(self, application: ASGIApp, settings: ServiceSettings) -> None:
        self._application = application
        self._free = {False: settings.inside, True: settings.streams}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith(WITHOUT_A_PLACE):
            await self._application(scope, receive, send)
            return
        stream = _STREAM.fullmatch(path) is not None
        if not self._free[stream]:
            problem = Problem(
                "too_many_requests", "The service has as many requests as it can hold.", "Wait and ask again."
            )
            await problem.answer(scope, receive, send)
            return
        self._free[stream] -= 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._free[stream] += 1


class Meters:
    """How often somebody may ask, in one process. Thread-safe."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._asking = RateLimitItemPerMinute(settings.rate_a_minute)
        self._wrong = RateLimitItemPerMinute(settings.wrong_credentials_a_minute)

    def count(self, key_id: str) -> None:
        """Count one request of a key. Raises Refusal (429)."""
        if not self._limiter.hit(self._asking, "asking", key_id):
            raise _wait("This key asks too often.", self._left(self._asking, "asking", key_id))

    def check_address(self, address: str) -> None:
        """Raises Refusal (429) while an address has shown too many wrong credentials."""
        if not self._limiter.test(self._wrong, "wrong", address):
            raise _wait("Too many wrong credentials came from here.", self._left(self._wrong, "wrong", address))

    def wrong(self, address: str) -> None:
        """Count wrong credentials."""
        self._limiter.hit(self._wrong, "wrong", address)

    def _left(self, item: RateLimitItemPerMinute, kind: str, who: str) -> int:
        stats = self._limiter.get_window_stats(item, kind, who)
        return max(1, min(60, int(stats.reset_time - time.time()) + 1))


def _wait(sentence: str, seconds: int) -> Refusal:
    return Refusal(Problem("too_many_requests", sentence, "Wait and ask again.", retry_after_s=seconds))
