"""The service put together: middleware, routes, and the gallery that is opened behind them.

Rules kept here:

* The process answers at once; the gallery is opened in the background, and until then everything but ``/v1/health``
  is 503. A gallery that cannot be opened ends the process.
* While it is open, time is let pass: cases are swept every minute, what has expired is erased every hour.
* Told to stop, it is not ready any more and takes no more jobs, at once (stopping); running requests and jobs are
  given ``drain_seconds``; then the gallery is closed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import metadata

import anyio
from anyio import to_thread
from fastapi import APIRouter, FastAPI

from countenance.custody.erasure.errand import Progress
from countenance.engine import Countenance
from countenance.errors import CountenanceError
from countenance.http import compat, problems, stopping
from countenance.http.admission import Admission, Meters
from countenance.http.bodies import BodyLimits, keep_in_memory
from countenance.http.describing import describe, operation_id
from countenance.http.headers import Guarded
from countenance.http.issuer_keys import IssuersKeys
from countenance.http.observing import Figures, Observed
from countenance.http.routes import (
    cases,
    compartments,
    customers,
    health,
    issuers,
    jobs,
    metrics,
    orders,
    own,
    people,
    permissions,
    register,
    residency,
    reviews,
    sessions,
    subjects,
)
from countenance.http.routes import problems as problem_routes
from countenance.settings import ServiceSettings

_log = logging.getLogger("countenance.http")

SWEEP_S = 60.0
EXPIRE_EVERY = 60
"""Sweeps between two looks for what has expired."""

V1: tuple[APIRouter, ...] = (
    *(health.router, metrics.router, problem_routes.router),
    *(sessions.router, customers.router, customers.blocks, people.router, people.keys),
    issuers.router,
    *(compartments.router, permissions.router, subjects.router, subjects.verifications, own.router, jobs.router),
    *(cases.router, reviews.router, reviews.reviewers),
    *(orders.router, orders.authorities, orders.holds, orders.notices, residency.router),
    *(register.router, register.log),
)
"""The resources of /v1, in the order of the documentation."""

Opener = Callable[[Progress], Countenance]
"""Opens the gallery; is given something to report progress to."""


def create(settings: ServiceSettings, open_gallery: Opener) -> FastAPI:
    """The application. ``open_gallery`` is called once, in a thread of its own, when the process starts."""
    keep_in_memory()
    application = FastAPI(
        title="Countenance",
        version=_version(),
        summary="Face search that asks first.",
        description="Every search has a person, a purpose and a case behind it. Errors are RFC 9457 problems; "
        "writes take an Idempotency-Key.",
        lifespan=_life(settings, open_gallery),
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        generate_unique_id_function=operation_id,
    )
    application.openapi = describe(application)  # type: ignore[method-assign]
    application.state.settings = settings
    application.state.gallery = None
    application.state.doing = "opening"
    application.state.failed = None
    application.state.meters = Meters(settings)
    application.state.figures = Figures()
    application.state.issuers = IssuersKeys()
    v1 = APIRouter(prefix="/v1")
    for router in V1:
        v1.include_router(router)
    application.include_router(v1)
    application.router.routes.extend(
        compat.routes(lambda: application.state.gallery, settings, application.state.meters)
    )
    problems.install(application)
    application.add_middleware(BodyLimits, settings=settings)
    application.add_middleware(Admission, settings=settings)
    application.add_middleware(Observed, figures=application.state.figures)
    application.add_middleware(Guarded)
    return application


def _life(
    settings: ServiceSettings, open_gallery: Opener
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(application: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.at_work
        state = application.state
        stop = threading.Event()

        def report(done: int, total: int | None, what: str) -> None:
            state.doing = what

        def open_and_keep() -> None:
            try:
                gallery = open_gallery(report)
            except CountenanceError as error:
                state.failed = error.code
                _log.error({"event": "not opened", "code": error.code, "says": str(error), "remedy": error.remedy})
                stopping.failed.set()
                os.kill(os.getpid(), signal.SIGTERM)
                return
            gallery.listen(state.figures.took)
            try:
                report(0, None, "loading the networks and the index")
                gallery.make_ready()
            except CountenanceError as error:  # what is missing is said to whoever needs it
                _log.warning({"event": "not ready", "code": error.code})
            state.gallery = gallery
            _let_time_pass(gallery, stop)

        keeper = threading.Thread(target=open_and_keep, name="keeper", daemon=True)
        keeper.start()

        def drain() -> None:
            if state.gallery is not None:
                state.gallery.oversight.jobs.drain(settings.drain_seconds)

        stopping.listen()
        forget = stopping.when_told(drain)
        try:
            yield
        finally:
            forget()
            stop.set()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_close, state, keeper)
            if stopping.failed.is_set() and settings.workers > 1:
                os._exit(stopping.FAILED)  # uvicorn's own ending would say 0, and the worker would be started again

    return life


def _let_time_pass(gallery: Countenance, stop: threading.Event) -> None:
    minutes = 0
    while not stop.wait(SWEEP_S):
        minutes += 1
        try:
            gallery.oversight.sweep()
            if minutes % EXPIRE_EVERY == 0:
                gallery.expire()
        except CountenanceError as error:  # it is tried again in a minute, and at the next opening
            _log.warning({"event": "time", "says": "what was due could not be done", "code": error.code})


def _close(state: object, keeper: threading.Thread) -> None:
    keeper.join(timeout=10)
    gallery: Countenance | None = getattr(state, "gallery", None)
    if gallery is not None:
        gallery.close()


def _version() -> str:
    try:
        return metadata.version("countenance")
    except metadata.PackageNotFoundError:
        return "0"
