"""The line to a Milvus server: one place that knows the client library, its errors, and when to try again.

Rules kept here:

* A call ends: it has a time limit, and trying again has one of its own (``patience_s``).
* Only what may have been the moment's fault is tried again, with a growing pause; every call that goes through
  here can be repeated (inserts have the reference id as key), so "it may have happened" is no danger.
* Whatever the library raises becomes an error of ours, with the cause kept.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from countenance.errors import (
    EngineBusy,
    EngineDriverMissing,
    EngineError,
    EngineRefused,
    EngineSlow,
    EngineUnavailable,
    InputInvalid,
)
from countenance.index.milvus_schema import version_of

T = TypeVar("T")

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 3.0
# Milvus error codes (pkg/util/merr in its source): what passes by itself, and what is back-pressure.
_PASSING = frozenset({1, 2, 5, 101, 103, 106, 202, 502, 503, 901, 902})
_PRESSURE = frozenset({3, 4, 8, 9, 10})


class Client(Protocol):
    """The part of ``pymilvus.MilvusClient`` that is used."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Every method takes a ``timeout`` in seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and how long to wait for it."""

    uri: str
    """``milvus://host:port``, ``http://host:port`` or ``https://host:port``."""
    token: str = ""
    """``user:password`` or an API token; never logged, never in an error."""
    database: str = ""
    timeout_s: float = 10.0
    patience_s: float = 60.0
    """For how long a call that failed by the moment's fault is tried again; a server's restart fits in."""

    def __repr__(self) -> str:
        """Without the token."""
        return f"Address({self.shown})"

    @property
    def http_uri(self) -> str:
        """The form that the client library takes. Raises InputInvalid for another scheme."""
        scheme, found, rest = self.uri.partition("://")
        if not found or not rest or scheme not in ("milvus", "http", "https"):
            raise InputInvalid("an engine's address looks like milvus://host:19530")
        return self.uri if scheme != "milvus" else f"http://{rest}"

    @property
    def shown(self) -> str:
        """Host and port, without what may be secret."""
        return self.http_uri.split("://", 1)[1].rsplit("@", 1)[-1].split("/", 1)[0]


class Link:
    """A connection that is made at the first call and kept. Safe from many threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client: Client | None = None
        self._version: tuple[int, int] | None = None

    @property
    def version(self) -> tuple[int, int]:
        """The server's major and minor version. Raises EngineVersionUnknown."""
        if self._version is None:
            self._version = version_of(
                str(self.call("ask for the version", lambda c, t: c.get_server_version(timeout=t)))
            )
        return self._version

    def call(
        self,
        what: str,
        work: Callable[[Client, float], T],
        *,
        timeout_s: float | None = None,
        patience_s: float | None = None,
    ) -> T:
        """``work(client, timeout)``, again while it fails by the moment's fault and there is patience.

        Raises EngineUnavailable, EngineSlow, EngineBusy or EngineRefused.
        """
        limit = self.address.timeout_s if timeout_s is None else timeout_s
        patience = self.address.patience_s if patience_s is None else patience_s
        deadline = time.monotonic() + patience
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return work(self._connected(limit), limit)
            except (EngineError, InputInvalid):
                raise
            except Exception as cause:  # the library raises its own, gRPC's and plain ones
                error = self._translated(what, cause)
                if isinstance(error, EngineRefused) or time.monotonic() + pause > deadline:
                    raise error from cause
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Let the connection go; the next call makes another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self, timeout_s: float) -> Client:
        client = self._client
        if client is None:
            library = driver()
            address = self.address
            client = library.MilvusClient(
                uri=address.http_uri, token=address.token, db_name=address.database, timeout=timeout_s
            )
            self._client = client
        return client

    def _translated(self, what: str, cause: Exception) -> EngineError:
        code = getattr(cause, "code", None)
        code = code() if callable(code) else code
        name = getattr(code, "name", "")
        where = f"the server at {self.address.shown}"
        if name == "DEADLINE_EXCEEDED":
            return EngineSlow(f"{where} did not answer in time when asked to {what}")
        if name == "RESOURCE_EXHAUSTED" or (not name and code in _PRESSURE):
            return EngineBusy(f"{where} takes no more work for now, when asked to {what}")
        if name == "UNAVAILABLE" or isinstance(cause, ConnectionError) or (not name and code in _PASSING):
            return EngineUnavailable(f"{where} could not be reached when asked to {what}")
        if getattr(cause, "retriable", False):
            return EngineUnavailable(f"{where} was not ready when asked to {what}")
        said = str(getattr(cause, "message", "") or cause)[:300]
        return EngineRefused(f"{where} refused to {what}: {said}")


def driver() -> Any:
    """The client library. Raises EngineDriverMissing."""
    try:
        library = importlib.import_module("pymilvus")
    except ImportError as cause:
        raise EngineDriverMissing("the distributed engine needs the package pymilvus") from cause
    # Its own log repeats every failed call with a traceback; ours says it once, as an error.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return library
