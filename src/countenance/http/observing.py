"""What the service says of itself: one line a request, counts and durations, and never whom it was about.

Rules kept here:

* A line and a metric name the route as it is written in the code, never the path that was asked for, its query, the
  address it came from or anything of a body: names of subjects stand in paths.
* Every request has an id, which its answer and its problem carry; one that the caller gave is not believed.
"""

from __future__ import annotations

import json
import logging
import time
import uuid

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("countenance.http")


class Figures:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("countenance_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "countenance_request_seconds", "Time to the end of an answer.", labels[:2], registry=self.registry
        )
        self.inside = Gauge("countenance_requests_inside", "Requests being answered.", registry=self.registry)
        self.problems = Counter(
            "countenance_problems", "Requests that ended with a problem.", ("code",), registry=self.registry
        )


class Observed:
    """ASGI middleware: an id, a line and figures for every request."""

    def __init__(self, application: ASGIApp, figures: Figures) -> None:
        self._application = application
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and write down what became of it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request_id, begun, status = str(uuid.uuid4()), time.perf_counter(), 500
        state = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        with self._figures.inside.track_inprogress():
            try:
                await self._application(scope, receive, sent)
            finally:
                seconds = time.perf_counter() - begun
                self._write(scope, state, status, seconds)

    def _write(self, scope: Scope, state: dict[str, object], status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = route_of(scope)
        self._figures.requests.labels(method, route, str(status)).inc()
        self._figures.seconds.labels(method, route).observe(seconds)
        problem = state.get("problem")
        if problem is not None:
            self._figures.problems.labels(str(problem)).inc()
        line = {
            "event": "request",
            "request": state["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "credential": state.get("credential"),
            "problem": problem,
        }
        _log.info(json.dumps(line))


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(scope: Scope) -> str:
    """The route as the code writes it (``/v1/subjects/{subject}``), or what stands for all that has none."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    mounted = str(scope.get("root_path", ""))
    return f"{mounted}{path}" if path is not None else f"{mounted}/..." if mounted else "(none)"
