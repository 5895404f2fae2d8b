"""What an export's listings say of its media: captions, times and positions, out of JSON and out of HTML.

Rules kept here:

* A listing is searched for the paths that its table calls media; everything else in it is passed over unread.
* Nesting differs from year to year, so it is not relied on: what stands nearest above a path is about it.
* A listing that cannot be read is no reason to lose its pictures; they come without captions.
* Tables of an HTML listing name other people (tags); of them only positions are taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from countenance.collection.exports.layouts import AccountFile, Fact, Layout
from countenance.collection.exports.paths import mended
from countenance.collection.items import EARLIEST, Told, moment
from countenance.collection.markup import tame

LONGEST_CAPTION = 2_000
_DEEPEST = 60
_MOST_PIECES = 4_000_000
"""Braces, brackets and commas of a JSON file; one of 64 MiB that says something of photographs has fewer."""
Say = Callable[[str, Told], None]
"""Told of each media path (as the listing writes it) and what is said of it."""


def read_listing(data: bytes, layout: Layout, say: Say) -> None:
    """Call ``say`` for every media path in a JSON or HTML listing. Raises ValueError when it is neither."""
    if data.lstrip()[:1] in {b"{", b"["}:
        try:
            document = _json(data)
        except RecursionError as error:
            raise ValueError("the listing is nested too deeply") from error
        for path, told in _in_json(document, layout, Told(), 0):
            say(path, told)
    elif b"<" in data[:512]:
        _Page(layout, say).read(data.decode("utf-8", "replace"))
    else:
        raise ValueError("the listing is neither JSON nor HTML")


def _json(data: bytes) -> Any:
    """What a JSON file holds. Raises ValueError when it is none, or of so many pieces that they fill the memory."""
    if sum(map(data.count, (b"{", b"[", b","))) > _MOST_PIECES:
        raise ValueError(f"it has more than {_MOST_PIECES:,} pieces")
    return json.loads(data.decode("utf-8-sig"))


def _in_json(node: Any, layout: Layout, above: Told, depth: int) -> Iterator[tuple[str, Told]]:
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        # Facebook lists a post's picture, its place and its text side by side: all of it is about the picture.
        beside = above
        for one in node:
            if isinstance(one, dict) and not any(key in one for key in layout.path_keys):
                beside = _own(one, layout, deep=True).over(beside)
        for one in node:
            yield from _in_json(one, layout, beside, depth + 1)
    elif isinstance(node, dict):
        about = _own(node, layout, deep=False).over(above)
        path = next((node[key] for key in layout.path_keys if isinstance(node.get(key), str)), None)
        if path is not None:
            yield path, about
            return
        texts = node.get("data")
        if isinstance(texts, list):
            for one in texts:
                if isinstance(one, dict):
                    about = about.over(_own(one, layout, deep=False))
        for value in node.values():
            yield from _in_json(value, layout, about, depth + 1)


def _own(node: Mapping[str, Any], layout: Layout, *, deep: bool) -> Told:
    """What an object says itself, with its metadata; ``deep``: also its ``place`` and ``coordinate``."""
    text = next((node[key] for key in layout.caption_keys if isinstance(node.get(key), str) and node[key]), "")
    latitude, longitude = _position(node)
    if latitude is None and deep:
        place = node.get("place")
        if isinstance(place, dict):
            latitude, longitude = _position(place)
    labelled = _labelled(node)
    if not text:
        text = next((value for label, value in labelled.items() if label in layout.caption_labels), "")
    if latitude is None:
        latitude, longitude = _numbers(labelled)
    caption = mended(text) if layout.split_bytes else text
    return Told(caption[:LONGEST_CAPTION], _time(node, layout), latitude, longitude)


def _labelled(node: Mapping[str, Any]) -> dict[str, str]:
    """The values of exports that are lists of labels and values (from 2025 on), by label in lower case."""
    rows = node.get("label_values")
    found: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("label"), str) and isinstance(row.get("value"), str):
            found.setdefault(row["label"].lower(), row["value"])
    return found


def _numbers(labelled: Mapping[str, str]) -> tuple[float | None, float | None]:
    try:
        latitude, longitude = float(labelled["latitude"]), float(labelled["longitude"])
    except (KeyError, ValueError):
        return None, None
    return (latitude, longitude) if on_earth(latitude, longitude) else (None, None)


def _time(node: Mapping[str, Any], layout: Layout) -> datetime | None:
    for key in layout.time_keys:
        value = node.get(key)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int | float):
            return moment(value)
        if isinstance(value, str):
            return _written_time(value)
    return None


def _position(node: Mapping[str, Any]) -> tuple[float | None, float | None]:
    for holder in _position_holders(node):
        latitude, longitude = holder.get("latitude"), holder.get("longitude")
        if (
            isinstance(latitude, int | float)
            and isinstance(longitude, int | float)
            and on_earth(latitude, longitude)
        ):
            return float(latitude), float(longitude)
    return None, None


def _position_holders(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for key in ("coordinate", "geoDataExif", "geoData"):
        if isinstance(node.get(key), dict):
            yield node[key]
    metadata = node.get("media_metadata")
    if isinstance(metadata, dict):
        for kind in ("photo_metadata", "video_metadata"):
            rows = metadata.get(kind, {}).get("exif_data") if isinstance(metadata.get(kind), dict) else None
            yield from (row for row in rows or () if isinstance(row, dict))


def on_earth(latitude: float, longitude: float) -> bool:
    """Whether a position is one, and not the (0, 0) of programs that know nothing."""
    return abs(latitude) <= 90 and abs(longitude) <= 180 and not (latitude == 0 and longitude == 0)


def read_sidecar(data: bytes) -> tuple[str, Told] | None:
    """The title and what is said in a Google Takeout sidecar; None for an album's own description and the like.

    The names of people in it are not looked at. Raises ValueError when it is no JSON.
    """
    document = _json(data)
    if not isinstance(document, dict) or "title" not in document or "photoTakenTime" not in document:
        return None
    latitude, longitude = _position(document)
    taken = document.get("photoTakenTime")
    at = None
    if isinstance(taken, dict) and str(taken.get("timestamp", "")).lstrip("-").isdigit():
        at = moment(int(taken["timestamp"]))
    return str(document["title"]), Told(
        str(document.get("description", ""))[:LONGEST_CAPTION], at, latitude, longitude
    )


def read_account(data: bytes, file: AccountFile) -> dict[Fact, str]:
    """The facts that stand under the file's labels in a JSON or HTML account file."""
    labels = dict(file.labels)
    found: dict[Fact, str] = {}
    if data.lstrip()[:1] in {b"{", b"["}:
        for label, value in _pairs_in_json(_json(data), 0):
            fact = labels.get(mended(label).lower())
            if fact is not None and value:
                found.setdefault(fact, value)
        return found
    words = _Words()
    words.feed(tame(data.decode("utf-8", "replace")))
    for place, text in enumerate(words.texts):
        label, _, rest = text.partition(":")
        fact = labels.get(label.strip().lower())
        value = rest.strip() or (words.texts[place + 1] if place + 1 < len(words.texts) else "")
        if fact is not None and value:
            found.setdefault(fact, value)
    return found


def _pairs_in_json(node: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for one in node:
            yield from _pairs_in_json(one, depth + 1)
    elif isinstance(node, dict):
        for named in ("name", "label"):
            if isinstance(node.get(named), str) and isinstance(node.get("value"), str):
                yield node[named], node["value"]
        for key, value in node.items():
            if isinstance(value, str):
                yield key, value
            elif isinstance(value, dict) and isinstance(value.get("value"), str):
                yield key, value["value"]
            else:
                yield from _pairs_in_json(value, depth + 1)


# -- HTML ---------------------------------------------------------------------------------------------------

_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_LINKS = {"img": "src", "a": "href", "video": "src", "source": "src"}


class _Words(HTMLParser):
    """The pieces of text of a page, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self._hidden:
            self.texts.append(text)


_HEADLINE, _BODY, _FOOT = "_a6-h", "_a6-p", "_a6-o"
"""Classes of the parts of a post, in exports of both platforms since 2021."""


class _Page(_Words):
    """The posts of a page: each is the outermost element with one of the entry classes."""

    def __init__(self, layout: Layout, say: Say) -> None:
        super().__init__()
        self._layout = layout
        self._say = say
        self._paths: list[str] = []
        self._depth = 0
        self._entry_depth: int | None = None
        self._zones: list[tuple[int, str]] = []
        self._written: dict[str, list[str]] = {}

    def read(self, text: str) -> None:
        self.feed(tame(text))
        self.close()
        self._finish()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        given = dict(attrs)
        if tag not in _VOID:
            self._depth += 1
            classes = set((given.get("class") or "").split())
            if self._entry_depth is None and classes & self._layout.entry_classes:
                self._finish()
                self._entry_depth = self._depth
            zone = "table" if tag == "table" else next((c for c in (_HEADLINE, _BODY, _FOOT) if c in classes), None)
            if zone is not None and len(self._zones) < _DEEPEST:
                self._zones.append((self._depth, zone))
        path = given.get(_LINKS.get(tag, ""))
        if path and ":" not in path.partition("/")[0] and not path.startswith("#"):
            self._paths.append(path)

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag in _VOID:
            return
        if self._entry_depth is not None and self._depth <= self._entry_depth:
            self._finish()
            self._entry_depth = None
        while self._zones and self._depth <= self._zones[-1][0]:
            self._zones.pop()
        self._depth = max(0, self._depth - 1)

    def handle_data(self, data: str) -> None:
        before = len(self.texts)
        super().handle_data(data)
        if len(self.texts) > before:
            zones = {zone for _, zone in self._zones}
            zone = "table" if "table" in zones else self._zones[-1][1] if self._zones else ""
            self._written.setdefault(zone, []).append(self.texts[-1])

    def _finish(self) -> None:
        told = self._told() if self._entry_depth is not None else Told()
        for path in dict.fromkeys(self._paths):
            self._say(path, told)
        self._paths, self.texts, self._written = [], [], {}

    def _told(self) -> Told:
        zones = (_BODY, _HEADLINE, "") if self._layout.headline_is_caption else (_BODY, "")
        captions = [text for zone in zones for text in self._written.get(zone, ()) if _is_caption(text)]
        times = [at for at in map(_written_time, self.texts) if at is not None]
        latitude, longitude = _numbers(_beside(self.texts))
        caption = captions[0][:LONGEST_CAPTION] if captions else ""
        return Told(caption, times[-1] if times else None, latitude, longitude)


def _is_caption(text: str) -> bool:
    return not (
        _written_time(text) is not None
        or re.fullmatch(r"[-\d.,]+", text)
        or text.partition(":")[0].strip().lower() in {"latitude", "longitude"}
        or text.startswith("Updated ")
    )


def _beside(texts: list[str]) -> dict[str, str]:
    """Values by label: behind the label's colon, or in the next piece of text."""
    found: dict[str, str] = {}
    for place, text in enumerate(texts):
        label, _, rest = text.partition(":")
        after = texts[place + 1] if place + 1 < len(texts) else ""
        found.setdefault(label.strip().lower(), rest.strip() or after)
    return found


_FORMS = (
    "%b %d, %Y, %I:%M %p",
    "%b %d, %Y %I:%M %p",
    "%b %d, %Y, %I:%M:%S %p",
    "%b %d, %Y %I:%M:%S %p",
    "%B %d, %Y, %I:%M %p",
    "%B %d, %Y at %I:%M %p",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d %B %Y, %H:%M",
    "%d %b %Y, %H:%M",
    "%d.%m.%Y, %H:%M",
    "%d/%m/%Y, %H:%M",
)


def _written_time(text: str) -> datetime | None:
    """A time as listings write it, taken as UTC; None for any other text."""
    if not 8 <= len(text) <= 40 or not any(c.isdigit() for c in text):
        return None
    plain = re.sub(r"(\d)(am|pm)$", r"\1 \2", text.replace("\u202f", " ").strip(), flags=re.IGNORECASE)
    try:
        at = datetime.fromisoformat(plain)
    except ValueError:
        parsed = next((d for d in (_parsed(plain, form) for form in _FORMS) if d is not None), None)
        if parsed is None:
            return None
        at = parsed
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if at >= EARLIEST else None


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
