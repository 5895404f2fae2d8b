"""Running the service: uvicorn, one process or several workers, stopped gracefully by SIGTERM.

Rules kept here: settings come in one variable, so that every worker has the same; uvicorn writes no access log,
since paths name subjects (``observing`` writes its own).
"""

from __future__ import annotations

import os

import uvicorn
from fastapi import FastAPI

from countenance.engine import Countenance
from countenance.http.application import create
from countenance.http.observing import log_as_lines
from countenance.settings import SERVICE_VARIABLE, ServiceSettings

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
    """Serve until told to stop."""
    settings = ServiceSettings.of_text(os.environ[SERVICE_VARIABLE])
    log_as_lines()
    uvicorn.run(
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
