"""Running the service: uvicorn, one process or several workers, stopped gracefully by SIGTERM.

Rules kept here: settings come in one variable, so that every worker has the same; uvicorn writes no access log,
since paths name subjects (``observing`` writes its own); an old schema ends the process before anything listens.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from countenance.engine import Countenance
from countenance.errors import CountenanceError, SchemaOlder
from countenance.http import stopping
from countenance.http.application import create
from countenance.http.observing import log_as_lines
from countenance.settings import SERVICE_VARIABLE, ServiceSettings

HUNG_S = 60
"""One that says nothing for so long is killed. Loading a large index can keep it from answering for seconds."""

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of the OpenTelemetry specification that say where traces go."""


def application() -> FastAPI:
    """The application of one worker process, from the settings in ``COUNTENANCE_SERVICE``."""
    log_as_lines()
    trace_if_asked()
    settings = ServiceSettings.of_text(os.environ[SERVICE_VARIABLE])
    return create(
        settings,
        lambda progress: Countenance(
            settings.gallery, keys=settings.keys, progress=progress, migrate=settings.migrate
        ),
    )


def main() -> None:
    """Serve until told to stop. Ends with 0 then, and with 3 when the gallery could not be opened."""
    settings = ServiceSettings.of_text(os.environ[SERVICE_VARIABLE])
    log_as_lines()
    try:  # before there is a worker, which would be started again and again
        before = Countenance.migrate_schema(settings.gallery, dry_run=not settings.migrate)
        if before.missing and not settings.migrate:
            raise SchemaOlder(f"The database has the schema version {before.present}; {before.known} is needed.")
    except CountenanceError as error:
        line = {"event": "not opened", "code": error.code, "says": str(error), "remedy": error.remedy}
        logging.getLogger("countenance.http").error(line)  # noqa: TRY400 - a line for the operator, no traceback
        sys.exit(stopping.FAILED)
    config = configured(settings)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises it once more when it has shut down in order
        signal.signal(number, lambda *_: None)
    if settings.workers > 1:
        workers = Multiprocess(config, sockets=[config.bind_socket()])
        workers.run()
        failed = any(worker.exitcode == stopping.FAILED for worker in workers.processes)
    else:
        uvicorn.Server(config).run()
        failed = stopping.failed.is_set()
    if failed:
        sys.exit(stopping.FAILED)


def configured(settings: ServiceSettings) -> uvicorn.Config:
    """How uvicorn runs."""
    return uvicorn.Config(
        "countenance.http.serving:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers if settings.workers > 1 else None,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=settings.drain_seconds,
        timeout_keep_alive=30,
        timeout_worker_healthcheck=HUNG_S,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=None,
    )


def trace_if_asked() -> None:
    """Export traces by OTLP over HTTP where the standard OpenTelemetry variables name an endpoint; else do
    nothing."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "countenance"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
