"""An album or export, whole or in parts, as pictures with what is said of them.

Rules kept here:

* Of a recognised export only what its table lists is opened; of a plain album only what is called a picture, or
  has no ending.
* The parts of an export are one export: a sidecar in one part speaks of a picture in another.
* Nothing is opened twice but the account's own pictures, which are asked about first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from countenance.collection.exports.account import account_identifiers
from countenance.collection.exports.bucket import SCHEME, BucketAddress, open_bucket
from countenance.collection.exports.containers import Container, Member, Read, Unread, open_container
from countenance.collection.exports.layouts import Export, Fact, recognise
from countenance.collection.exports.listings import read_account, read_listing, read_sidecar
from countenance.collection.exports.paths import normal
from countenance.collection.exports.sidecars import Sidecars
from countenance.collection.items import Item, Refused, Told
from countenance.errors import ArchiveUnreadable, CollectionError, SourceMissing
from countenance.settings import ObjectStorage

PICTURES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".heic",
        ".heif",
        ".hif",
        ".tif",
        ".tiff",
        ".gif",
        ".pgm",
        ".ppm",
        ".pnm",
    }
)
VIDEOS = frozenset(
    {
        ".mp4",
        ".mov",
        ".m4v",
        ".mkv",
        ".avi",
        ".webm",
        ".3gp",
        ".3g2",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".flv",
        ".mp",
    }
)
_FILM = re.compile(r"\.mp~\d+$", re.IGNORECASE)
"""The film of an edited motion photograph of a Google telephone."""
Source = Path | BucketAddress
LISTING_BYTES = 64 * 1024 * 1024
_PARTS = (
    re.compile(
        r"(?P<stem>takeout-\d{8}T\d{6}Z)(?:-\d{1,2})?-\d{3}(?P<ending>\.(?:zip|tgz|tar\.gz))", re.IGNORECASE
    ),
    re.compile(r"(?P<stem>.*-)\d{3}(?P<ending>\.(?:zip|tgz|tar\.gz))", re.IGNORECASE),
)
"""Names of the parts of an export that comes in several: those with the same stem and ending are one."""


@dataclass(slots=True)
class _Part:
    container: Container
    export: Export | None = None
    names: set[str] = field(default_factory=set)
    """The normal forms of the media members' names."""


class Album:
    """Everything that can be taken from these files, folders and prefixes of buckets.

    ``paths`` are archives, folders and addresses; for one part of a Takeout the other parts beside it are taken,
    too. Raises SourceMissing when there is nothing in them, or what opening the only one raises.
    """

    def __init__(self, paths: Sequence[Source], *, picture_bytes: int) -> None:
        self._picture_bytes = picture_bytes
        self.refused: list[Refused] = []
        """What is known from the names alone not to be readable."""
        self.facts: dict[Fact, str] = {}
        """What the export says of where the account's owner lives."""
        self.accounts: frozenset[str] = frozenset()
        """What the export's account is called on its platform; see account_identifiers."""
        self.videos = 0
        """Videos beside the photographs; they are not looked at."""
        self.passed_over = 0
        """Files that are none of the album's pictures; they were not opened."""
        self._told: dict[str, Told] = {}
        self._own: set[str] = set()
        self._sidecars = Sidecars()
        self._parts = self._open(with_siblings(paths))
        self._sort()
        self._listen()
        if not self.count and not self.refused:
            raise SourceMissing(f"There is no picture in {', '.join(path.name for path in paths)}.")

    @property
    def platform(self) -> str:
        """Which platform's export this is, or ``album``."""
        return next((part.export.layout.platform for part in self._parts if part.export is not None), "album")

    @property
    def count(self) -> int:
        """How many pictures will be looked at."""
        return sum(len(part.names) for part in self._parts)

    def own_pictures(self) -> Iterator[Item]:
        """The pictures that the account shows of itself; none for a plain album."""
        for part in self._parts:
            if part.export is not None:
                yield from self._items(part, part.export)

    def pictures(self) -> Iterator[Item]:
        """Every picture."""
        for part in self._parts:
            yield from self._items(part, None)

    # -- reading --------------------------------------------------------------------------------------------

    def _open(self, paths: Sequence[Source]) -> list[_Part]:
        parts = []
        for path in paths:
            try:
                parts.append(_Part(open_bucket(path) if isinstance(path, BucketAddress) else open_container(path)))
            except CollectionError as error:
                if len(paths) == 1:
                    raise
                self._refuse(path.name, error)
        return parts

    def _sort(self) -> None:
        """What each part's files are, by their names."""
        listed: list[tuple[_Part, list[str]]] = []
        for part in self._parts:
            names = []
            for member in part.container.names():
                if isinstance(member, Unread):
                    self._refuse(member.name, member.error)
                else:
                    names.append(normal(member.name))
            listed.append((part, names))
            part.export = recognise(names)
        known = next((part.export for part in self._parts if part.export is not None), None)
        for part, names in listed:
            part.export = part.export or known
            for name in names:
                self._place(part, name)

    def _place(self, part: _Part, plain: str) -> None:
        ending = _ending(plain)
        if part.export is None:
            wanted = ending in PICTURES or not ending
            hidden = any(piece.startswith((".", "__MACOSX", "@eaDir")) for piece in plain.split("/"))
            listed = (wanted or ending in VIDEOS) and not hidden
        else:
            listed = part.export.is_media(plain)
        if not listed:
            self.passed_over += 1
        elif ending in VIDEOS or _FILM.search(plain) is not None:
            self.videos += 1
        else:
            part.names.add(plain)

    def _listen(self) -> None:
        """Read listings, sidecars and account files; they are small and come before the pictures."""
        for part in self._parts:
            export = part.export
            if export is None:
                continue
            for member, read in part.container.stream(partial(_speaks, export)):
                name = normal(member.name)
                try:
                    self._hear(export, name, read(LISTING_BYTES))
                except (ValueError, RecursionError) as error:
                    damaged = ArchiveUnreadable(
                        f"{name} cannot be read: {error}; its pictures come without captions."
                    )
                    self._refuse(name, damaged)
                except CollectionError as error:
                    self._refuse(name, error)

    def _hear(self, export: Export, name: str, data: bytes) -> None:
        account = export.account_file(name)
        if account is not None:
            told = read_account(data, account)
            self.accounts |= account_identifiers(export.layout.platform, told)
            self.facts = told | self.facts
        elif export.layout.sidecars:
            said = read_sidecar(data)
            if said is not None:
                self._sidecars.add(export.inside(name) or "", *said)
        else:
            read_listing(data, export.layout, partial(self._say, export))
        if export.is_own_listing(name):
            read_listing(data, export.layout, lambda path, _: self._own.add(export.key(normal(path))))

    def _say(self, export: Export, path: str, told: Told) -> None:
        key = export.key(normal(path))
        known = self._told.get(key)
        self._told[key] = told if known is None else known.over(told)

    def _items(self, part: _Part, own: Export | None) -> Iterator[Item]:
        for member, read in part.container.stream(part.names.__contains__):
            name = normal(member.name)
            if own is None or own.is_own(name) or own.key(own.inside(name) or name) in self._own:
                yield Item(
                    name,
                    f"{name}\0{member.stamp}",
                    self._reader(member, read),
                    self._about(part, name),
                    afar=part.container.afar,
                    size_bytes=member.size_bytes,
                )

    def _reader(self, member: Member, read: Read) -> partial[bytes]:
        return partial(read, self._picture_bytes)

    def _about(self, part: _Part, name: str) -> Told:
        if part.export is None:
            return Told()
        inside = part.export.inside(name) or name.lower()
        if part.export.layout.sidecars:
            return self._sidecars.of(inside)
        return self._told.get(part.export.key(inside), Told())

    def _refuse(self, name: str, error: CollectionError) -> None:
        self.refused.append(Refused(name, error.code, str(error), error.remedy))


def source_of(text: str | Path, storage: ObjectStorage) -> Source:
    """What the operator names: a file or folder, or ``s3://bucket/prefix`` of ``storage``. Raises SourceMissing."""
    if isinstance(text, str) and text.startswith(SCHEME):
        return BucketAddress.parse(text, storage)
    return Path(text)


def with_siblings(paths: Sequence[Source]) -> list[Source]:
    """``paths``, and for ``takeout-...-001.zip`` the other parts that lie beside it, in order."""
    found: dict[Source, None] = {}
    for path in paths:
        series = _series(path.name)
        if series is None or isinstance(path, BucketAddress) or not path.is_file():
            found[path] = None
            continue
        found.update(dict.fromkeys(sorted(p for p in path.parent.iterdir() if _series(p.name) == series)))
    return list(found)


def _series(name: str) -> tuple[int, str, str] | None:
    """What the names of all parts of one export have in common; None for a name that is no part's."""
    for number, pattern in enumerate(_PARTS):
        match = pattern.fullmatch(name)
        if match is not None:
            return number, match["stem"], match["ending"]
    return None


def _speaks(export: Export, name: str) -> bool:
    return export.is_listing(name) or export.account_file(name) is not None


def _ending(name: str) -> str:
    base = name.rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    return f".{ending.lower()}" if dot and stem and re.fullmatch(r"[A-Za-z0-9]{1,5}", ending) else ""
