"""Which addresses may be asked: public ones only, found once, and connected to as they were found.

Rules kept here:

* A host is resolved once for a request and the connection goes to that address; a second answer of the name
  server (DNS rebinding) is never asked for.
* Every address that the name has must be public; one private one among them refuses the host.
* HTTPS on its own port only; no user names in addresses, and no numbers in place of names.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from countenance.errors import AddressForbidden, PageUnreadable

Resolve = Callable[[str, int], list[str]]
"""Gives the IP addresses of a host. Raises OSError when it has none."""

_HOST = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """A page's address in parts. ``path`` begins with a slash and includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and, where it is not the usual one, port."""
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{self.host}" + ("" if self.port == usual else f":{self.port}")

    @property
    def url(self) -> str:
        """The whole address."""
        return self.origin + self.path


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64, RFC 6052
            wrapped.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        inner = [one for one in wrapped if one is not None]
        if inner:
            return all(is_public(str(one)) for one in inner)
        if int(ip) >> 32 == 0:  # IPv4-compatible, long deprecated
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be asked at all. The default is the public internet over HTTPS; tests pass a reach of their own."""

    resolve: Resolve = _resolve
    allows: Callable[[str], bool] = is_public
    schemes: frozenset[str] = frozenset({"https"})
    any_port: bool = False
    any_host: bool = False

    def place(self, url: str) -> Place:
        """The parts of an address that may be asked. Raises AddressForbidden."""
        if len(url) > _LONGEST_URL or any(c.isspace() or not c.isprintable() for c in url) or "\\" in url:
            raise AddressForbidden("The address is too long or has characters that no address has.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressForbidden(f"{url[:200]} is not an address.") from error
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
        if scheme not in self.schemes:
            raise AddressForbidden(f"{url[:200]} does not begin with {' or '.join(sorted(self.schemes))}://.")
        if parts.username is not None or parts.password is not None:
            raise AddressForbidden(f"The address of {host} carries a user name.")
        try:
            host = host.encode("idna").decode("ascii") if not host.isascii() else host
        except UnicodeError as error:
            raise AddressForbidden(f"{host[:100]} is not a host's name.") from error
        if not self.any_host and _HOST.fullmatch(host) is None:
            raise AddressForbidden(f"{host[:100] or 'Nothing'} is not the full name of a host.")
        usual = 443 if scheme == "https" else 80
        if port is not None and port != usual and not self.any_port:
            raise AddressForbidden(f"{host}:{port} is not the usual port.")
        path = parts.path or "/"
        return Place(
            scheme, host, usual if port is None else port, path + (f"?{parts.query}" if parts.query else "")
        )

    def find(self, place: Place) -> str:
        """The one address to connect to. Raises AddressForbidden, PageUnreadable."""
        try:
            addresses = self.resolve(place.host, place.port)
        except (OSError, UnicodeError) as error:
            raise PageUnreadable(f"{place.host} has no address.") from error
        if not addresses:
            raise PageUnreadable(f"{place.host} has no address.")
        if not all(self.allows(address) for address in addresses):
            raise AddressForbidden(f"{place.host} is not on the public internet.")
        return addresses[0]


PUBLIC = Reach()
