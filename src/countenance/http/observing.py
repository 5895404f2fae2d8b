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
from datetime import UTC, datetime
from traceback import extract_tb
from types import TracebackType

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from countenance.engine.standing import GalleryStanding
from countenance.http.problems import Problem

_log = logging.getLogger("countenance.http")


class JsonLines(logging.Formatter):
    """One JSON object a line. An exception is named by its class: its text may hold what somebody sent."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = record.msg if isinstance(record.msg, dict) else {"event": "log", "says": record.getMessage()}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "from": record.name, **said}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return json.dumps(line, default=str)


def _where(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in extract_tb(trace)][-8:]


def log_as_lines() -> None:
    """Write every log of this process as JSON lines on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


STAGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_STANDING = {
    "countenance_erasures_open": "Erasures that have begun and that not every keeper has confirmed.",
    "countenance_orders_open": "Orders in force with an obligation that is not met.",
    "countenance_orders_past_deadline": "Orders of which a deadline has passed unmet.",
    "countenance_subjects": "Subjects on record who are not being erased.",
    "countenance_index_references": "References that a search in this process sees.",
}


class Figures:
    """The metrics of one process. None has a label that could name anybody."""

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
        self.stages = Histogram(
            "countenance_stage_seconds",
            "Time of one picture in a stage: decode, detect, template, index (one search of the index).",
            ("stage",),
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._jobs = Gauge("countenance_jobs", "Long work of the gallery.", ("state",), registry=self.registry)
        self._standing = {name: Gauge(name, said, registry=self.registry) for name, said in _STANDING.items()}

    def took(self, stage: str, seconds: float) -> None:
        """Something went through a stage of the engine."""
        self.stages.labels(stage).observe(seconds)

    def text(self, standing: GalleryStanding) -> bytes:
        """All figures in Prometheus' form, with how the gallery stands now."""
        for state, count in standing.jobs.items():
            self._jobs.labels(state).set(count)
        for name, gauge in self._standing.items():
            gauge.set(getattr(standing, name.removeprefix("countenance_")))
        return generate_latest(self.registry)


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
        request_id, begun, status, begun_answer = str(uuid.uuid4()), time.perf_counter(), 500, False
        state = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def sent(message: Message) -> None:
            nonlocal status, begun_answer
            if message["type"] == "http.response.start":
                begun_answer = True
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        with (
            self._figures.inside.track_inprogress(),
            _tracer.start_as_current_span("request", kind=SpanKind.SERVER, record_exception=False) as span,
        ):
            try:
                await self._application(scope, receive, sent)
            except Exception:  # what nobody raised on purpose; its text may hold what was sent
                if begun_answer:
                    raise
                _log.error({"event": "failed", "request": request_id}, exc_info=True)
                await Problem("internal", "The service failed.").answer(scope, receive, sent)
            finally:
                seconds = time.perf_counter() - begun
                self._write(scope, state, status, seconds)
                _trace(span, scope, state, status)

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
        _log.info(line)


_tracer = trace.get_tracer("countenance")
"""Does nothing unless an exporter is configured (serving.trace_if_asked)."""


def _trace(span: Span, scope: Scope, state: dict[str, object], status: int) -> None:
    """Name a request's span and give it what a line of the log has, and no more."""
    route = route_of(scope)
    span.update_name(f"{scope['method']} {route}")
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("countenance.request", str(state["request_id"]))
    if status >= 500:
        span.set_status(StatusCode.ERROR, str(state.get("problem", "")))


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(scope: Scope) -> str:
    """The route as the code writes it (``/v1/subjects/{subject}``), or what stands for all that has none."""
    # FastAPI includes routers lazily: the route knows its own part of the path, and its context the whole.
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    mounted = str(scope.get("root_path", ""))
    return f"{mounted}{path}" if path is not None else f"{mounted}/..." if mounted else "(none)"
