"""What a picture's own metadata says: when and where it was taken, and whether it may be used for learning.

Rules kept here: only the metadata blocks are looked at, each cut out by its length and bounded; what is damaged
says nothing. A reservation is found in whatever form it is written, and one is enough.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from struct import error as StructError  # noqa: N812 - a class, whatever the standard library calls it
from struct import unpack_from
from typing import Any

from PIL import Image

from countenance.collection.exports.listings import on_earth
from countenance.collection.items import EARLIEST, Told

_GPS, _EXIF = 0x8825, 0x8769
_TAKEN, _ZONE, _CHANGED = 0x9003, 0x9011, 0x0132
_BLOCK_BYTES = 4 * 1024 * 1024


def told_by(data: bytes) -> Told:
    """When and where the picture in ``data`` (JPEG, PNG, WebP or HEIC) was taken, as far as its EXIF says."""
    block = _exif_block(data[: 64 * 1024 * 1024])
    if block is None:
        return Told()
    exif = Image.Exif()
    try:
        exif.load(block)
        details: dict[int, Any] = exif.get_ifd(_EXIF)
        gps: dict[int, Any] = exif.get_ifd(_GPS)
        latitude = _degrees(gps.get(2), gps.get(1), "S")
        longitude = _degrees(gps.get(4), gps.get(3), "W")
        at = _time(details.get(_TAKEN) or exif.get(_CHANGED), details.get(_ZONE))
    except Exception:  # noqa: BLE001 - whatever a damaged block makes the reader do, it then says nothing
        return Told()
    if latitude is None or longitude is None or not on_earth(latitude, longitude):
        latitude = longitude = None
    return Told("", at, latitude, longitude)


def _degrees(value: Any, side: Any, negative: str) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3:
        return None
    try:
        parts = [float(Fraction(part)) if not isinstance(part, float) else part for part in value]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    if not 0 <= degrees <= 180:  # also refuses NaN
        return None
    return -degrees if str(side).strip("\0 ").upper() == negative else degrees


def _time(text: Any, zone: Any) -> datetime | None:
    try:
        at = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        if isinstance(zone, str) and re.fullmatch(r"[+-]\d\d:\d\d", zone):
            at = datetime.fromisoformat(f"{at.replace(tzinfo=None).isoformat()}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at >= EARLIEST else None


def _exif_block(data: bytes) -> bytes | None:
    try:
        if data.startswith(b"\xff\xd8"):
            return next((s[6:] for kind, s in _segments(data) if kind == 0xE1 and s.startswith(b"Exif\0\0")), None)
        if data.startswith(b"\x89PNG"):
            return next((chunk for kind, chunk in _chunks(data) if kind == b"eXIf"), None)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            at = data.find(b"EXIF", 12)
            (length,) = unpack_from("<I", data, at + 4)
            return data[at + 8 : at + 8 + min(length, _BLOCK_BYTES)].removeprefix(b"Exif\0\0") if at > 0 else None
        if data[4:8] == b"ftyp":
            at = data.find(b"Exif\0\0", 0, 16 * 1024 * 1024)
            return data[at + 6 : at + 6 + 65536] if at > 0 else None
    except StructError:
        return None
    return None


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    """The marker segments of a JPEG before its first scan (ITU-T T.81, B.1.1)."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xDA:
            break
        (length,) = unpack_from(">H", data, at + 2)
        found.append((kind, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    at = 8
    while at + 12 <= len(data) and len(found) < 10_000:
        length, kind = unpack_from(">I4s", data, at)
        if kind != b"IDAT":
            found.append((kind, data[at + 8 : at + 8 + min(length, _BLOCK_BYTES)]))
        at += 12 + length
    return found


# -- reservations -------------------------------------------------------------------------------------------

_MINING = re.compile(rb"\bDataMining\b[^<]{0,400}?(DMI-[A-Z-]+)", re.DOTALL)
_TDM = re.compile(rb"tdm:reservation\b[^0-9]{0,40}1|tdm-reservation\b[^0-9]{0,40}1", re.IGNORECASE)
_C2PA = re.compile(
    rb"(?:c2pa|cawg)\.(?:training-mining|ai_training|ai_generative_training|ai_inference|data_mining)"
)
_REFUSALS = (b"notAllowed", b"constrained")
_ALLOWED = b"DMI-ALLOWED"
_UNSPECIFIED = b"DMI-UNSPECIFIED"


def reservation(data: bytes) -> str | None:
    """What in the picture's metadata says that it is not to be taken, in half a sentence; None when nothing does.

    Read are the IPTC/PLUS "Data Mining" property and TDM reservations in XMP, and C2PA training-and-mining
    assertions in JUMBF: ``c2pa.training-mining`` as C2PA 1.x defined it, and ``cawg.training-mining``, under which
    the Creator Assertions Working Group publishes it since C2PA 2.0 left it out (cawg.io/training-and-data-mining).
    Their entries have a ``use`` of allowed, notAllowed or constrained; constrained counts as no. The C2PA signature
    is not checked: whoever wrote "no" is believed.
    """
    head = data[: 32 * 1024 * 1024]
    for value in _MINING.findall(head):
        if value not in {_ALLOWED, _UNSPECIFIED}:
            return f"its IPTC data mining property is {value.decode()}"
    if _TDM.search(head):
        return "its XMP reserves text and data mining"
    for found in _C2PA.finditer(head):
        after = head[found.start() : found.start() + 4096]
        if any(word in after for word in _REFUSALS):
            return "its C2PA manifest does not allow training and mining"
    return None
