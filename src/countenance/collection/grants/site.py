"""Reading a site by its grant: exactly the listed pages, and of those only the listed pictures.

Rules kept here:

* The grant comes first; then everything that may say no is asked; only then a page, and never a link of it.
* Every page and picture is asked for once, conditionally if it was read before.
* A "no" about one picture leaves out that picture; a "no" about a page leaves out all of its pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import urljoin

from countenance.collection import metadata
from countenance.collection.grants import reservations
from countenance.collection.grants.address import Place
from countenance.collection.grants.document import GRANT_BYTES, WELL_KNOWN, Grant, read_grant
from countenance.collection.grants.fetching import Answer, Fetcher
from countenance.collection.grants.reservations import ROBOTS_BYTES, Robots, TdmPolicy
from countenance.collection.items import Refused
from countenance.collection.markup import tame
from countenance.errors import AddressForbidden, CollectionError, GrantMissing, PageNotGranted, PageReserved

PAGE_BYTES = 8 * 1024 * 1024
_TOLD_HEADERS = ("date", "last-modified", "etag", "content-type", "content-length")


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that may be taken, with where it came from."""

    url: str
    page: str
    data: bytes
    caption: str
    fetched_at: datetime
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page whose pictures have all been asked for: remember its ``etag`` and ``last_modified``."""

    url: str
    etag: str
    last_modified: str
    unchanged: bool


Conditions = Callable[[str], Mapping[str, str]]
"""The headers of a conditional request for an address that was read before; empty for any other."""


class Site:
    """One site, read by its grant."""

    def __init__(self, place: Place, fetcher: Fetcher, now: Callable[[], datetime], picture_bytes: int) -> None:
        self._place = place
        self._fetcher = fetcher
        self._now = now
        self._picture_bytes = picture_bytes

    def grant(self) -> Grant:
        """The site's grant, its signature checked. Raises GrantMissing, GrantInvalid, GrantEnded."""
        answer = self._fetcher.get(self._at(WELL_KNOWN), GRANT_BYTES)
        if answer.status != 200:
            raise GrantMissing(f"{self._place.origin} has published no grant ({WELL_KNOWN} is not there).")
        grant = read_grant(answer.body, self._place.origin)
        grant.check_time(self._now())
        return grant

    def read(self, grant: Grant, conditions: Conditions) -> Iterator[Found | Refused | PageRead]:
        """The pictures of the listed pages at the given address and below it. Raises PageNotGranted."""
        pages = grant.pages_under(self._place.path)
        if not pages:
            raise PageNotGranted(f"The grant of {grant.site} does not list {self._place.path}.")
        robots = Robots.of(self._fetcher.get(self._at("/robots.txt"), ROBOTS_BYTES))
        self._fetcher.slow_down(robots.delay_seconds)
        policy = TdmPolicy.of(self._fetcher.get(self._at("/.well-known/tdmrep.json"), ROBOTS_BYTES))
        for page in pages:
            try:
                yield from self._page(grant, robots, policy, page, conditions)
            except CollectionError as error:
                yield Refused(self._place.origin + page, error.code, str(error), error.remedy)

    def _page(
        self, grant: Grant, robots: Robots, policy: TdmPolicy, path: str, conditions: Conditions
    ) -> Iterator[Found | Refused | PageRead]:
        place = self._at(path)
        answer = self._get(place, robots, policy, PAGE_BYTES, conditions(place.url))
        read = PageRead(place.url, answer.header("etag"), answer.header("last-modified"), answer.status == 304)
        if answer.status == 200:
            html = answer.body.decode("utf-8", "replace")
            reason = reservations.in_page(html)
            if reason is not None:
                raise PageReserved(f"{place.url} is reserved: {reason}.")
            for source, caption in _pictures(html):
                url = urljoin(place.url, source).partition("#")[0]
                try:
                    yield self._picture(grant, robots, policy, url, place.url, caption)
                except CollectionError as error:
                    yield Refused(url[:300], error.code, str(error), error.remedy)
        yield read

    def _picture(self, grant: Grant, robots: Robots, policy: TdmPolicy, url: str, page: str, caption: str) -> Found:
        place = self._fetcher.reach.place(url)
        if place.origin != self._place.origin:
            raise AddressForbidden(f"{url[:200]} lies on another site than the page that shows it.")
        if not grant.lists_picture(place.path):
            raise PageNotGranted(f"The grant of {grant.site} does not list {place.path[:200]}.")
        answer = self._get(place, robots, policy, self._picture_bytes, {})
        reason = metadata.reservation(answer.body)
        if reason is not None:
            raise PageReserved(f"{place.url} is reserved: {reason}.")
        told = tuple((name, answer.header(name)) for name in _TOLD_HEADERS if answer.header(name))
        return Found(place.url, page, answer.body, caption, self._now(), told)

    def _get(
        self, place: Place, robots: Robots, policy: TdmPolicy, limit: int, conditions: Mapping[str, str]
    ) -> Answer:
        if not robots.allows(place.path):
            raise PageReserved(f"{place.url} is closed by the site's robots.txt.")
        if policy.reserves(place.path):
            raise PageReserved(f"{place.url} is reserved by the site's tdmrep.json.")
        answer = self._fetcher.get(place, limit, conditions=conditions)
        if answer.status in {404, 410}:
            raise GrantMissing(
                f"{place.url} is listed in the grant and not there.", remedy="Tell the site's owner."
            )
        reason = reservations.in_headers(answer)
        if reason is not None:
            raise PageReserved(f"{place.url} is reserved: {reason}.")
        return answer

    def _at(self, path: str) -> Place:
        return Place(self._place.scheme, self._place.host, self._place.port, path)


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the pictures that the page itself shows."""
        given = dict(attrs)
        source = (given.get("src") or "").strip()
        if tag == "img" and source and not source.startswith("data:"):
            self.found.setdefault(source, (given.get("alt") or "").strip())


def _pictures(html: str) -> Iterator[tuple[str, str]]:
    reader = _Images()
    reader.feed(tame(html))
    yield from reader.found.items()
