"""Which of Google Takeout's JSON files belongs to which picture.

Rules kept here: a sidecar's name is the picture's plus ``.supplemental-metadata``, cut to 46 characters, plus
``.json`` (before 2024 without the middle part); the number of a repeated name stands at another place in it; an
edited picture shares the original's. Source: exports of 2019 to 2025, from memory.
"""

from __future__ import annotations

import re

from countenance.collection.items import Told

_CUT = 46
_MIDDLE = ".supplemental-metadata"
_NUMBER = re.compile(r"\((\d+)\)$")
_EDITED = re.compile(
    r"-(?:edited|bearbeitet|modifié|editado|editada|modificato|bewerkt|redigerad|redigeret|redigert|muokattu"
    r"|edytowane|upraveno|düzenlendi|編集済み|изменено)$"
)


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
        stem, dot, ending = name.rpartition(".")
        if not dot:
            stem, ending = name, ""
        number = _NUMBER.search(stem)
        base = stem[: number.start()] if number else stem
        for one in (base, _EDITED.sub("", base)):
            for tail in (
                dot + ending,
                "",
                ".heic",
                ".jpg",
                ".jpeg",
            ):  # a live photo's film has the picture's sidecar
                found = self._cut_name(folder, one + tail, number[1] if number else "")
                if found is not None:
                    return found
        return self._by_title.get((folder, name), Told())

    def _cut_name(self, folder: str, name: str, number: str) -> Told | None:
        full = name + _MIDDLE
        for length in range(len(full), min(len(name), _CUT) - 1, -1):
            found = self._by_name.get((folder, full[:length], number))
            if found is not None:
                return found
        return None
