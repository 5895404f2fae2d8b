"""Which log of a data folder is the present one.

Rules kept here: two logs of one name are never signed with different pasts. A data folder that was restored from a
copy has an old log, so it begins a new one under a name that was never used; the old one is kept to be read.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import LogDamaged
from countenance.vault.files import write_whole

FILE = "log.json"
FIRST = "log"
_NAME = re.compile(r"log(-[0-9a-f]{16})?")


@dataclass(frozen=True, slots=True)
class Logbook:
    """The folder name of the present log, and those of the older ones, newest first."""

    present: str = FIRST
    older: tuple[str, ...] = ()

    def origin(self, gallery_id: str, name: str) -> str:
        """The name under which a log is signed."""
        return f"countenance/{gallery_id}{name.removeprefix(FIRST).replace('-', '/')}"


def read(folder: Path) -> Logbook:
    """The logbook of a data folder. Raises LogDamaged."""
    try:
        record = json.loads((folder / FILE).read_bytes())
    except FileNotFoundError:
        return Logbook()
    except ValueError as error:
        raise LogDamaged(f"{FILE} is damaged") from error
    names = [record.get("present"), *record.get("older", [])] if isinstance(record, dict) else []
    if not names or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        raise LogDamaged(f"{FILE} is damaged")
    return Logbook(names[0], tuple(names[1:]))


def begin_anew(folder: Path) -> Logbook:
    """Give the data folder a new log, which is made at its first use."""
    old = read(folder)
    older = (old.present, *old.older) if (folder / old.present).is_dir() else old.older
    new = Logbook(f"{FIRST}-{secrets.token_hex(8)}", older)
    record = {"version": 1, "present": new.present, "older": list(new.older)}
    write_whole(folder / FILE, json.dumps(record).encode())
    return new
