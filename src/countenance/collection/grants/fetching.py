"""One request at a time, politely, to the address that was checked; no redirects, nothing packed, nothing endless.

Rules kept here:

* A redirect is never followed: whoever wants another page read grants that page.
* Answers are bounded in bytes and in time, and must come unpacked.
* Between two requests to a site at least a second passes, or what its robots.txt asks for; "too many" ends it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from countenance.collection.grants.address import Place, Reach
from countenance.errors import AddressForbidden, PageReserved, PageUnreadable

AGENT = "Countenance"
USER_AGENT = f"{AGENT}/1 (reads only what a grant lists)"
TIMEOUT_SECONDS = 20.0
DEADLINE_SECONDS = 120.0
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 600.0
"""A site that asks for longer pauses is not read: nobody would wait for the end."""
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site answered. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """One header, empty when it is not there; repeated ones are joined with commas."""
        return self.headers.get(name, "")


class _Plain(http.client.HTTPConnection):
    """A connection to one address, whatever the host's name says by now."""

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self._address = address

    def connect(self) -> None:
        """Connect to the address that was checked."""
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT_SECONDS)


class _Secure(_Plain):
    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, address)
        self._context = ssl.create_default_context()

    def connect(self) -> None:
        """Connect, and let the certificate prove the host's name."""
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)


@dataclass(slots=True)
class Fetcher:
    """Asks one site for one thing after the other."""

    reach: Reach
    sleep: Callable[[float], None] = time.sleep
    seconds: Callable[[], float] = time.monotonic
    pause: float = PAUSE_SECONDS
    requests: int = 0
    _last: float | None = field(default=None)

    def slow_down(self, seconds: float) -> None:
        """Leave at least so much time between requests, as the site's robots.txt asks. Raises PageReserved."""
        if seconds > LONGEST_PAUSE_SECONDS:
            raise PageReserved(f"The site's robots.txt asks for {seconds:,.0f} seconds between two requests.")
        self.pause = max(self.pause, seconds)

    def get(self, place: Place, limit: int, *, conditions: Mapping[str, str] | None = None) -> Answer:
        """The answer to one GET, at most ``limit`` bytes of it.

        Raises AddressForbidden (also for a redirect), PageReserved (the site says no: 401, 403, 451) and
        PageUnreadable (no answer, too long, too slow, packed, 429 or 5xx). 404 and 410 are answers.
        """
        address = self.reach.find(place)
        self._wait()
        kind = _Secure if place.scheme == "https" else _Plain
        connection = kind(place.host, place.port, address)
        try:
            answer = self._ask(connection, place, limit, conditions or {})
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PageUnreadable(f"{place.url} did not answer in a usable way.") from error
        finally:
            connection.close()
            self._last = self.seconds()
        return _checked(place, answer)

    def _ask(
        self, connection: http.client.HTTPConnection, place: Place, limit: int, conditions: Mapping[str, str]
    ) -> Answer:
        began = self.seconds()
        self.requests += 1
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close", **conditions}
        connection.request("GET", place.path, headers=headers)
        response = connection.getresponse()
        names: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            names[key] = f"{names[key]}, {value}" if key in names else value
        if int(names.get("content-length", "0") or "0") > limit:
            raise PageUnreadable(f"{place.url} announces more than {limit:,} bytes.")
        parts, size = [], 0
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > limit:
                raise PageUnreadable(f"{place.url} has more than {limit:,} bytes.")
            if self.seconds() - began > DEADLINE_SECONDS:
                raise PageUnreadable(f"{place.url} sends too slowly.")
            parts.append(part)
        return Answer(response.status, names, b"".join(parts))

    def _wait(self) -> None:
        if self._last is not None:
            left = self.pause - (self.seconds() - self._last)
            if left > 0:
                self.sleep(left)


def _checked(place: Place, answer: Answer) -> Answer:
    status = answer.status
    if status in {301, 302, 303, 307, 308}:
        raise AddressForbidden(f"{place.url} sends the reader on to another place; redirects are not followed.")
    if status in {401, 403, 451}:
        raise PageReserved(f"{place.url} answers {status}: it may not be read.")
    if status not in {200, 304, 404, 410}:
        raise PageUnreadable(f"{place.url} answers {status}.")
    if answer.header("content-encoding").lower() not in {"", "identity"}:
        raise PageUnreadable(f"{place.url} comes packed although it was asked not to.")
    return answer
