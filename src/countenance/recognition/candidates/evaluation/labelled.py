"""Labelled pictures: folders of people, an LFW pairs file, or a table.

Rules kept here:

* Labels come from the user alone. Nothing about a person (age, sex, skin, origin) is read off a face.
* A label that points to no file is reported, not skipped in silence; a source without people is refused.
* CSV columns ``path`` and ``subject``; every further column is a group attribute, an empty cell is no group.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import LabelsInvalid

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".tif", ".tiff", ".pgm", ".ppm", ".bmp"})
"""File endings looked at in folders; what is inside is decided by the decoder."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture and who is in it. ``groups`` are (attribute, value) pairs that the user stated."""

    path: Path
    subject: str
    groups: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """One prescribed comparison: numbers of two pictures, whether they are one person, and its fold."""

    first: int
    second: int
    same: bool
    fold: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """The pictures of an evaluation. ``pairs`` is empty unless the source prescribes comparisons."""

    name: str
    pictures: tuple[LabelledPicture, ...]
    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people's labels, sorted."""
        return tuple(sorted({picture.subject for picture in self.pictures}))


def read_labelled(source: Path, *, pictures: Path | None = None) -> Labelled:
    """The labelled pictures of ``source``: a folder, a ``.csv`` table, or an LFW pairs file (``.txt``).

    ``pictures`` is the folder that a table's or pairs file's paths start from; by default the file's own.
    Raises LabelsInvalid when the source is missing or does not say who is in which picture.
    """
    if source.is_dir():
        return _read_folders(source)
    if not source.is_file():
        raise LabelsInvalid(f"{source} is neither a folder nor a file")
    base = source.parent if pictures is None else pictures
    return _read_table(source, base) if source.suffix.lower() == ".csv" else _read_pairs(source, base)


def _read_folders(folder: Path) -> Labelled:
    found: list[LabelledPicture] = []
    for person in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        files = sorted(f for f in person.rglob("*") if f.is_file() and f.suffix.lower() in ENDINGS)
        found += [LabelledPicture(file, person.name) for file in files if not file.name.startswith(".")]
    if not found:
        raise LabelsInvalid(f"{folder} has no folders of people with pictures in them")
    return Labelled(folder.name, tuple(found))


def _read_table(file: Path, base: Path) -> Labelled:
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows = list(csv.DictReader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelsInvalid(f"{file.name} cannot be read as a CSV table in UTF-8") from error
    found: list[LabelledPicture] = []
    for line, row in enumerate(rows, start=2):
        path, subject = (row.get("path") or "").strip(), (row.get("subject") or "").strip()
        if not path or not subject or None in row:
            raise LabelsInvalid(f"{file.name}, line {line}: every row needs a path and a subject")
        groups = tuple(
            (name.strip(), value.strip())
            for name, value in row.items()
            if name not in ("path", "subject") and value and value.strip()
        )
        found.append(LabelledPicture(base / path, subject, groups))
    if not found:
        raise LabelsInvalid(f"{file.name} has no rows; its first line must be: path,subject")
    return Labelled(file.stem, tuple(found))


def _read_pairs(file: Path, base: Path) -> Labelled:
    """LFW's format: ``folds pairs`` (or ``pairs``), then per fold lines ``name i j`` and ``name i other j``."""
    try:
        lines = [
            line.split("\t") if "\t" in line else line.split() for line in file.read_text("utf-8").splitlines()
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsInvalid(f"{file.name} cannot be read as text") from error
    lines = [line for line in lines if line]
    try:
        header = [int(value) for value in lines[0]]
        folds, each = (header[0], header[1]) if len(header) == 2 else (1, header[0])
        if len(header) > 2 or folds < 1 or each < 1 or len(lines) - 1 != folds * each * 2:
            raise LabelsInvalid(
                f"{file.name} announces {header} and has {len(lines) - 1} pairs; an LFW pairs file has"
                " 2 x folds x pairs of them"
            )
        numbers: dict[tuple[str, int], int] = {}

        def number(name: str, picture: str) -> int:
            return numbers.setdefault((name, int(picture)), len(numbers))

        pairs: list[Pair] = []
        for at, line in enumerate(lines[1:]):
            fold, mates = at // (2 * each), at % (2 * each) < each
            if len(line) != (3 if mates else 4):
                raise LabelsInvalid(f"{file.name}, line {at + 2}: not a pair of {'one person' if mates else 'two'}")
            other = line[0] if mates else line[2]
            pairs.append(Pair(number(line[0], line[1]), number(other, line[-1]), mates, fold))
    except (ValueError, IndexError) as error:
        raise LabelsInvalid(f"{file.name} is not an LFW pairs file") from error
    found = [LabelledPicture(_lfw_path(base, name, picture), name) for name, picture in numbers]
    return Labelled(file.stem, tuple(found), tuple(pairs))


def _lfw_path(base: Path, name: str, picture: int) -> Path:
    for ending in (".jpg", ".png", ".pgm"):
        path = base / name / f"{name}_{picture:04d}{ending}"
        if path.is_file():
            return path
    return base / name / f"{name}_{picture:04d}.jpg"
