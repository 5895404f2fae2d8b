"""Running the service: uvicorn, one process or several workers, stopped gracefully by SIGTERM.

Rules kept here: settings come in one variable, so that every worker has the same; uvicorn writes no access log,
since paths name subjects (``observing`` writes its own).
"""

from __future__ import annotations

import logging
import os

import uvicorn
from fastapi import FastAPI

from countenance.engine import Countenance
from countenance.http.application import create
from countenance.settings import SERVICE_VARIABLE, ServiceSettings


def application() -> FastAPI:
    """The application of one worker process, from the settings in ``COUNTENANCE_SERVICE``."""
    _log_plainly()
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
    _log_plainly()
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


def _log_plainly() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    logging.getLogger("uvicorn.access").disabled = True
