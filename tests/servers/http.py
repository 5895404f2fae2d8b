"""An ASGI application on a free port of the loopback, served by uvicorn in a thread, for clients that are real."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

_READY_S = 30


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        self.listening.set()


@contextmanager
def served(application: ASGIApp) -> Iterator[int]:
    """The port on which ``application`` answers while the block runs."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none")
    server = _Server(config)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    try:
        if not server.listening.wait(_READY_S):
            raise TimeoutError("The server does not listen.")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(_READY_S)
