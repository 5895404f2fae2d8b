"""An index on disk: encrypted under the key of its epoch, whole or not there at all.

Format, version 2: labels have a compartment (every number little-endian)::

    magic 8 | version 4 | chunk size 4 | plaintext size 8 | salt 32 | chunk, chunk, ... each followed by its tag 16

    plaintext = manifest size 8 | manifest (JSON) | arrays, each starting at a multiple of 64

Rules kept here:

* The file key is HKDF-SHA256(epoch key, salt); the salt is new for every file, so a nonce is never used twice.
* Chunks are sealed with AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar 2015):
  the nonce is the chunk's number and a flag for the last one; the associated data are the header, the caller's
  context, the number and the flag. Chunks cannot be changed, moved, dropped, added, or taken from elsewhere.
* Nothing is parsed before the chunk it lies in has been authenticated, and nothing is kept unless all were.
* A file is written beside its place, flushed to the disk, and renamed; a crash leaves the old one or the new.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from countenance.errors import DiskFull, InputInvalid, SnapshotUnusable

MAGIC = b"CNTIDX\r\n"
VERSION = 2
CHUNK_BYTES = 4 << 20
TAG_BYTES = 16
KEY_BYTES = 32
_HEADER = struct.Struct("<8sIIQ32s")
_ALIGNMENT = 64
_LARGEST_MANIFEST = 1 << 24
_THREADS = 2
_KINDS = {"|b1", "|u1", "|i1", "<u2", "<u4", "<u8", "<i4", "<i8", "<f2", "<f4"}

Array = npt.NDArray[Any]
_Place = tuple[int, npt.NDArray[np.uint8]]
Parameters = Mapping[str, int | float | str | bool]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What a snapshot holds, opened: numbers that describe the index, and its arrays by name."""

    kind: str
    model: str
    dimensions: int
    parameters: Parameters
    arrays: Mapping[str, Array]


def write_contents(path: Path, key: bytes, context: bytes, contents: Contents) -> None:
    """Write ``contents`` to ``path`` under ``key`` (32 bytes), bound to ``context``, atomically.

    Raises DiskFull when there is no room; the file that was there before stays.
    """
    _check_key(key)
    listed, pieces, position = [], [], 0
    for name, array in contents.arrays.items():
        solid = np.ascontiguousarray(array)
        if solid.dtype.str not in _KINDS:
            raise InputInvalid(f"an array of {solid.dtype} cannot be kept")
        listed.append({"name": name, "type": solid.dtype.str, "shape": list(solid.shape), "at": position})
        pieces.append(solid)
        position += _padded(solid.nbytes)
    manifest = json.dumps(
        {
            "kind": contents.kind,
            "model": contents.model,
            "dimensions": contents.dimensions,
            "parameters": dict(contents.parameters),
            "arrays": listed,
        }
    ).encode()
    head = struct.pack("<Q", len(manifest)) + manifest
    head += bytes(_padded(len(head)) - len(head))
    plain = [memoryview(head)]
    for solid in pieces:
        if solid.nbytes:
            plain.append(solid.reshape(-1).view(np.uint8).data)
        plain.append(memoryview(bytes(_padded(solid.nbytes) - solid.nbytes)))
    size = len(head) + position
    salt = secrets.token_bytes(32)
    header = _HEADER.pack(MAGIC, VERSION, CHUNK_BYTES, size, salt)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        _write(partial, header, _Stream(key, salt, header, context), plain, size)
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise DiskFull(f"the index snapshot could not be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def read_contents(path: Path, key: bytes, context: bytes) -> Contents:
    """Open the snapshot at ``path``. Raises SnapshotUnusable for whatever is not exactly what was written."""
    _check_key(key)
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            return _opened(file.fileno(), header, key, context)
    except OSError as error:
        raise SnapshotUnusable("the snapshot is not there or cannot be read") from error


class _Stream:
    """Seals and opens numbered chunks under the key of one file."""

    def __init__(self, key: bytes, salt: bytes, header: bytes, context: bytes) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt, b"countenance index snapshot 1").derive(key)
        self._cipher = AESGCM(derived)
        # The header has a fixed length, so header | context cannot be split in two ways.
        self._bound = hashlib.sha256(header + context).digest()

    def _names(self, number: int, last: bool) -> tuple[bytes, bytes]:
        nonce = number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
        return nonce, self._bound + nonce

    def seal(self, number: int, last: bool, plain: memoryview) -> bytes:
        nonce, bound = self._names(number, last)
        return self._cipher.encrypt(nonce, plain, bound)

    def open(self, number: int, last: bool, sealed: bytes) -> bytes:
        nonce, bound = self._names(number, last)
        return self._cipher.decrypt(nonce, sealed, bound)


def _write(path: Path, header: bytes, stream: _Stream, plain: list[memoryview], size: int) -> None:
    chunks = max(1, -(-size // CHUNK_BYTES))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file, ThreadPoolExecutor(_THREADS) as threads:
        file.write(header)
        waiting = []
        for number, chunk in enumerate(_regrouped(plain)):
            waiting.append(threads.submit(stream.seal, number, number == chunks - 1, chunk))
            if len(waiting) > 2 * _THREADS:
                _write_all(file.fileno(), waiting.pop(0).result())
        for sealed in waiting:
            _write_all(file.fileno(), sealed.result())
        os.fsync(file.fileno())


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _regrouped(plain: list[memoryview]) -> list[memoryview]:
    """The pieces as chunks of exactly CHUNK_BYTES, the last one shorter; copies only where pieces meet."""
    chunks: list[memoryview] = []
    carry = bytearray()
    for piece in plain:
        rest = piece
        if carry:
            wanted = CHUNK_BYTES - len(carry)
            carry += rest[:wanted]
            rest = rest[wanted:]
            if len(carry) == CHUNK_BYTES:
                chunks.append(memoryview(carry))
                carry = bytearray()
        while len(rest) >= CHUNK_BYTES:
            chunks.append(rest[:CHUNK_BYTES])
            rest = rest[CHUNK_BYTES:]
        carry += rest
    if carry or not chunks:
        chunks.append(memoryview(carry))
    return chunks


def _opened(descriptor: int, header: bytes, key: bytes, context: bytes) -> Contents:
    if len(header) < _HEADER.size:
        raise SnapshotUnusable("the snapshot is cut short")
    magic, version, chunk_bytes, size, salt = _HEADER.unpack(header)
    if magic != MAGIC or version != VERSION or chunk_bytes != CHUNK_BYTES:
        raise SnapshotUnusable("the file is not a snapshot of a version that can be read")
    chunks = max(1, -(-size // CHUNK_BYTES))
    if os.fstat(descriptor).st_size != len(header) + size + chunks * TAG_BYTES:
        raise SnapshotUnusable("the snapshot is cut short or has been lengthened")
    stream = _Stream(key, salt, header, context)

    def opened(number: int) -> bytes:
        first, last = number * CHUNK_BYTES, min(size, (number + 1) * CHUNK_BYTES)
        start = len(header) + first + number * TAG_BYTES
        return stream.open(number, number == chunks - 1, os.pread(descriptor, last - first + TAG_BYTES, start))

    try:
        head = opened(0)
        (length,) = struct.unpack_from("<Q", head)
        for number in range(1, min(chunks, -(-(8 + min(length, _LARGEST_MANIFEST)) // CHUNK_BYTES))):
            head += opened(number)
        contents, places = _laid_out(head[8 : 8 + length], _padded(8 + length), size)

        def fill(number: int) -> None:
            _scatter(opened(number), number * CHUNK_BYTES, places)

        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(fill, range(chunks)):
                pass
    except InvalidTag:
        raise SnapshotUnusable("the snapshot does not open under this key and context, or is damaged") from None
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise SnapshotUnusable("the snapshot's manifest cannot be read") from error
    return contents


def _laid_out(manifest_json: bytes, start: int, size: int) -> tuple[Contents, list[_Place]]:
    """Empty arrays as the (authenticated) manifest describes them, and where in the plaintext each lies."""
    manifest = json.loads(manifest_json)
    arrays: dict[str, Array] = {}
    places: list[_Place] = []
    for entry in manifest["arrays"]:
        kind, shape = np.dtype(entry["type"]), tuple(int(n) for n in entry["shape"])
        first = start + int(entry["at"])
        nbytes = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if kind.str not in _KINDS or nbytes < 0 or first + nbytes > size:
            raise SnapshotUnusable("the snapshot's manifest describes what is not there")
        array = np.empty(shape, kind)
        arrays[str(entry["name"])] = array
        places.append((first, array.reshape(-1).view(np.uint8)))
    contents = Contents(
        str(manifest["kind"]), str(manifest["model"]), int(manifest["dimensions"]), manifest["parameters"], arrays
    )
    return contents, places


def _scatter(plain: bytes, first: int, places: list[_Place]) -> None:
    """Copy a chunk that starts at ``first`` into the arrays that it holds parts of."""
    piece = np.frombuffer(plain, np.uint8)
    for start, array in places:
        begin, end = max(first, start), min(first + len(piece), start + len(array))
        if begin < end:
            array[begin - start : end - start] = piece[begin - first : end - first]


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise InputInvalid(f"a snapshot key has {KEY_BYTES} bytes")
