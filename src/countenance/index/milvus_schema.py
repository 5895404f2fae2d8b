"""How references look inside Milvus, and what a filter says there. Pure: nothing here opens a connection.

Rules kept here:

* One collection for each gallery and model, one partition for each jurisdiction; the reference id is the
  primary key, so that an insert that is repeated replaces and does not double.
* A collection says in its description whose it is. One that does not say so is never written to.
* Bit masks are kept as eight signed bytes each, and "bit b is set" is "the byte is one of these 128 values".
  Milvus 2.3 has no bit operator and compares the result of arithmetic only with ``==``; a field of 64 numbers
  (ARRAY) takes up to 64 bytes a reference where this takes 8 (docs/adr/0011-milvus.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from countenance.errors import EngineForeign, EngineVersionUnknown, InputInvalid
from countenance.index.protocol import LABELS, Batch, Filter, Labels
from countenance.terms import Ids, Vectors

SCHEMA_VERSION: Final = 2
"""2: references have a compartment."""
MASK_BYTES: Final = 8
VECTOR: Final = "template"
PURPOSES: Final = tuple(f"purposes_{n}" for n in range(MASK_BYTES))
BARRED: Final = tuple(f"barred_{n}" for n in range(MASK_BYTES))
SCALARS: Final = (
    "reference_id",
    "subject_id",
    "jurisdiction",
    "expires_day",
    "restricted",
    "compartment",
    *PURPOSES,
    *BARRED,
)
MOST_HITS: Final = 16_384
"""The largest ``limit`` that Milvus takes (its ``quotaAndLimits.limits.topK`` by default)."""

RUN_HERE: Final = (2, 3)
KNOWN_VERSIONS: Final = (RUN_HERE, (2, 4), (2, 5), (2, 6))
RABITQ_SINCE: Final = (2, 6)


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose a collection is; kept as JSON in its description."""

    gallery: str
    model: str
    dimensions: int
    rotation: str | None
    """Check value of the rotation's key (see index.rotation), or None for templates that are not rotated."""

    def text(self) -> str:
        """The description to write."""
        return json.dumps(
            {
                "countenance": SCHEMA_VERSION,
                "gallery": self.gallery,
                "model": self.model,
                "dimensions": self.dimensions,
                "rotation": self.rotation,
            },
            sort_keys=True,
        )

    def check(self, name: str, description: str) -> None:
        """Raises EngineForeign unless ``description`` is the one that this marker writes."""
        try:
            found = json.loads(description)
        except ValueError:
            found = None
        if not isinstance(found, dict) or "countenance" not in found:
            raise EngineForeign(f"the collection {name} was not made by Countenance")
        if found["countenance"] != SCHEMA_VERSION:
            raise EngineForeign(f"the collection {name} was made by another version of Countenance")
        for field in ("gallery", "model", "dimensions"):
            if found.get(field) != getattr(self, field):
                raise EngineForeign(f"the collection {name} is of another {field}")
        if found.get("rotation") != self.rotation:
            raise EngineForeign(f"the collection {name} was written under another rotation key")


def outlived(marker: Marker, description: str) -> bool:
    """Whether a collection with this description is ``marker``'s own, of an older schema."""
    try:
        found = json.loads(description)
    except ValueError:
        return False
    if not isinstance(found, dict) or type(found.get("countenance")) is not int:
        return False
    own = json.loads(marker.text())
    older: bool = 0 < found["countenance"] < SCHEMA_VERSION
    return older and bool({**found, "countenance": SCHEMA_VERSION} == own)


def collection_name(gallery: str, model: str) -> str:
    """The name of a gallery's collection for a model: letters, digits and underscores, as Milvus wants it."""
    if not gallery or not model:
        raise InputInvalid("a collection needs the name of a gallery and of a model")
    return "countenance_" + re.sub(r"[^0-9A-Za-z]", "_", f"{gallery[:40]}_{model[:16]}")


def partition_name(jurisdiction: int) -> str:
    """The partition of a jurisdiction's number."""
    return f"j{jurisdiction}"


def version_of(text: str) -> tuple[int, int]:
    """Major and minor number of a server's version such as ``v2.3.5-lite``.

    Raises EngineVersionUnknown for what is no version and for versions outside :data:`KNOWN_VERSIONS`.
    """
    found = re.match(r"v?(\d+)\.(\d+)(\D|$)", text)
    version = (int(found[1]), int(found[2])) if found else None
    if version is None or version not in KNOWN_VERSIONS:
        known = ", ".join(f"{major}.{minor}" for major, minor in KNOWN_VERSIONS)
        raise EngineVersionUnknown(f"the server says it is {text[:40]!r}; the versions that are known are {known}")
    return version


def expression(where: Filter, denied: Iterable[int] = ()) -> str:
    """``where`` as a Milvus boolean expression, without its jurisdictions: those are partitions.

    ``denied`` are reference ids that must not be seen whatever the server still holds.
    """
    parts = ["restricted == false"]
    if where.purpose is not None:
        parts.append(_bit(PURPOSES, where.purpose, "in"))
    if where.customer_class is not None:
        parts.append(_bit(BARRED, where.customer_class, "not in"))
    if where.today is not None:
        parts.append(f"expires_day >= {int(where.today)}")
    if where.compartments is not None:
        parts.append(f"compartment in {sorted(int(number) for number in where.compartments)}")
    hidden = sorted(denied)
    if hidden:
        parts.append(f"reference_id not in {hidden}")
    return " and ".join(parts)


def among(field: str, ids: Ids | Sequence[int]) -> str:
    """The expression that ``field`` is one of ``ids``."""
    return f"{field} in {[int(n) for n in ids]}"


def rows_of(batch: Batch, templates: Vectors) -> list[dict[str, Any]]:
    """``batch`` as the rows that the client library wants; ``templates`` are written instead of the batch's own."""
    table, codes = np.unique(batch.labels, return_inverse=True)
    shared = [_label_fields(row) for row in table]
    return [
        {"reference_id": reference, "subject_id": subject, VECTOR: template, **shared[code]}
        for reference, subject, template, code in zip(
            batch.reference_ids.tolist(), batch.subject_ids.tolist(), templates, codes.tolist(), strict=True
        )
    ]


def labels_of(rows: Sequence[dict[str, Any]]) -> Labels:
    """The labels that :func:`rows_of` wrote, shape (len(rows),)."""
    labels = np.zeros(len(rows), LABELS)
    for n, row in enumerate(rows):
        labels[n]["jurisdiction"] = row["jurisdiction"]
        labels[n]["expires_day"] = row["expires_day"]
        labels[n]["restricted"] = row["restricted"]
        labels[n]["compartment"] = row["compartment"]
        labels[n]["purposes"] = _mask([row[name] for name in PURPOSES])
        labels[n]["barred_customers"] = _mask([row[name] for name in BARRED])
    return labels


def _label_fields(row: np.void) -> dict[str, Any]:
    return {
        "jurisdiction": int(row["jurisdiction"]),
        "expires_day": int(row["expires_day"]),
        "restricted": bool(row["restricted"]),
        "compartment": int(row["compartment"]),
        **dict(zip(PURPOSES, _signed_bytes(int(row["purposes"])), strict=True)),
        **dict(zip(BARRED, _signed_bytes(int(row["barred_customers"])), strict=True)),
    }


def _signed_bytes(mask: int) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in mask.to_bytes(MASK_BYTES, "little")]


def _mask(values: Sequence[int]) -> int:
    return int.from_bytes(bytes(value & 255 for value in values), "little")


def _bit(fields: Sequence[str], number: int, how: str) -> str:
    byte, bit = divmod(number, 8)
    with_bit = [value for value in range(-128, 128) if (value & 255) >> bit & 1]
    return f"{fields[byte]} {how} {with_bit}"
