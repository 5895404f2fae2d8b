"""Which of Google Takeout's JSON files belongs to which picture.

Rules kept here:

* A sidecar's name is the picture's plus ``.supplemental-metadata``, cut to 46 UTF-16 units, plus ``.json`` (before
  2024 without the middle part; in late 2024 either, from one archive to the next).
* The number of a repeated name stands behind the cut part, not in the picture's name: ``a(1).jpg`` has
  ``a.jpg.supplemental-metadata(1).json``. Some archives have it in both places.
* An edited picture shares the original's sidecar, and so does the film of a live photograph. A copy of a name that
  was cut may have none of its own; then it shares that of the first.

Sources: test cases and notes of public readers of Takeout (immich-go, ente, Google Photos Takeout Helper), read in
November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from countenance.collection.items import Told

_CUT = 46
_LONGEST_NAME = 255
"""No file system takes a longer one; a picture of such a name is looked for by its title only."""
_MIDDLE = ".supplemental-metadata"
_NUMBER = re.compile(r"\((\d+)\)$")
_EDITED_WORDS = (
    "edited",
    "bearbeitet",
    "modifié",
    "editado",
    "editada",
    "modificato",
    "bewerkt",
    "redigerad",
    "redigeret",
    "redigert",
    "muokattu",
    "edytowane",
    "upraveno",
    "düzenlendi",
    "編集済み",
    "изменено",
    "effects",
    "smile",
    "mix",
)
_EDITED = re.compile(f"-(?:{'|'.join(_EDITED_WORDS)})$")
_PARTNERS = ("", ".heic", ".jpg", ".jpeg")
"""Endings of the photograph whose sidecar a live photograph's film shares."""


class Sidecars:
    """What the sidecars of an export say, found by the path of a picture. Paths are those inside the export."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str, str], Told] = {}
        self._by_title: dict[tuple[str, str], Told] = {}

    def add(self, path: str, title: str, told: Told) -> None:
        """The sidecar at ``path``, whose picture was once called ``title``."""
        folder, _, name = path.rpartition("/")
        stem = name.removesuffix(".json")
        number = _NUMBER.search(stem)
        plain = stem[: number.start()] if number else stem
        self._by_name[folder, plain, number[1] if number else ""] = told
        if number is None:
            self._by_title[folder, title.lower()] = told

    def of(self, path: str) -> Told:
        """What is said of the picture at ``path``; nothing when it has no sidecar."""
        folder, _, name = path.rpartition("/")
        for one, number in _possible(name) if len(name) <= _LONGEST_NAME else ():
            found = self._cut_name(folder, one, number)
            if found is not None:
                return found
        return self._by_title.get((folder, name), Told())

    def _cut_name(self, folder: str, name: str, number: str) -> Told | None:
        full = name + _MIDDLE
        shortest = min(_units(name), _CUT)
        for length in range(len(full), 0, -1):
            if _units(full[:length]) < shortest:
                return None
            found = self._by_name.get((folder, full[:length], number))
            if found is not None:
                return found
        return None


def _possible(name: str) -> Iterator[tuple[str, str]]:
    """Names, each with a number, under which the sidecar of the picture ``name`` may go; likelier ones first."""
    stem, dot, ending = name.rpartition(".")
    if not dot:
        stem, ending = name, ""
    match = _NUMBER.search(stem)
    base, number = (stem[: match.start()], match[1]) if match else (stem, "")
    for one in dict.fromkeys((base, _EDITED.sub("", base), _cut_edited(base))):
        for tail in (dot + ending, *_PARTNERS):
            yield one + tail, number
    if match:
        yield name, ""  # the number is part of the name that the picture always had
        yield name, number
        if _units(base + dot + ending) > _CUT:
            yield base + dot + ending, ""  # a copy whose sidecar was forgotten


def _cut_edited(base: str) -> str:
    """``base`` without the beginning of a word for edited, if it is long enough to have been cut there."""
    front, dash, back = base.rpartition("-")
    if dash and len(back) >= 2 and _units(base) >= _CUT and any(word.startswith(back) for word in _EDITED_WORDS):
        return front
    return base


def _units(text: str) -> int:
    """Length in UTF-16 units, in which the platform counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
