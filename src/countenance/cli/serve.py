"""``countenance serve``: becomes the HTTP service.

Rules kept here: a door does not import another; this one turns its options into settings and hands over the
process.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib.util import find_spec

import click

from countenance.cli.door import Door
from countenance.cli.options import everywhere
from countenance.errors import InputInvalid
from countenance.settings import SERVICE_VARIABLE, ServiceSettings

_DEFAULT = ServiceSettings()


@click.command(short_help="Serve the gallery over HTTP.")
@click.option("--host", default=_DEFAULT.host, show_default=True, help="Address to listen on.")
@click.option("--port", default=_DEFAULT.port, show_default=True, type=click.IntRange(1, 65535), help="Its port.")
@click.option(
    "--workers", default=_DEFAULT.workers, show_default=True, type=click.IntRange(1, 64), help="Worker processes."
)
@click.option("--migrate", is_flag=True, help="Bring an older database to this version first.")
@click.option(
    "--trusted-proxies", default="", metavar="ADDRESSES", help="Proxies whose X-Forwarded-For is believed."
)
@click.option(
    "--rate",
    default=_DEFAULT.rate_a_minute,
    show_default=True,
    type=click.IntRange(1),
    help="Requests a minute a key.",
)
@everywhere
@click.pass_obj
def serve(door: Door, host: str, port: int, workers: int, migrate: bool, trusted_proxies: str, rate: int) -> None:
    """Serve the gallery over HTTP until told to stop (SIGTERM or Ctrl-C).

    Needs the extra `service`. The API is described at /v1/openapi.json; see docs/api.md.
    """
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise InputInvalid("The service is not installed.", remedy="Install countenance[service].")
    settings = replace(
        _DEFAULT,
        gallery=door.folder(),
        keys=door.keys,
        host=host,
        port=port,
        workers=workers,
        migrate=migrate,
        trusted_proxies=trusted_proxies,
        rate_a_minute=rate,
    )
    click.echo(f"countenance: http://{host}:{port}/v1/openapi.json", err=True)
    sys.stdout.flush()
    environment = {**os.environ, SERVICE_VARIABLE: settings.to_text()}
    os.execve(sys.executable, [sys.executable, "-m", "countenance.http"], environment)  # noqa: S606 - ourselves  # nosec B606
