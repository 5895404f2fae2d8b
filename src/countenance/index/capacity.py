"""How big a gallery can be: constants measured on this machine, and arithmetic that is shown with its result.

Rules kept here:

* Nothing is assumed that can be measured here; what is assumed is a named field of :class:`Assumptions`.
* Every figure of a plan comes with its formula in words, so that it can be checked by hand.
* Accuracy comes with capacity: at a size where strangers outscore mates, more machines help nobody.
* A false match rate that the given statistics do not resolve (zero) is not taken for zero.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.errors import DiskFull, InputInvalid
from countenance.index.coarse import Codes, Effort

_GB = 1e9
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Constants:
    """What one machine does, measured. Bytes and seconds."""

    cores: int
    memory_read_bytes_per_s: float
    scan_bytes_per_s: float
    """1-bit codes scanned by one query with all cores."""
    code_bytes: int
    """Bytes of a 1-bit code as the scan reads it, at ``dimensions``."""
    dimensions: int
    """At which the scan and the build were measured."""
    build_faces_per_s: float
    disk_write_bytes_per_s: float
    disk_read_bytes_per_s: float
    seal_bytes_per_s: float
    """AES-256-GCM, one thread."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a measurement on one machine cannot say."""

    node_memory_bytes: float = 256 * _GB
    node_share: float = 0.7
    """Of a node's memory, for codes: the rest is the system, the server, and compactions that need room."""
    node_speed: float = 1.0
    """A node's memory bandwidth over this machine's; measure on a node and it is 1."""
    id_bytes: int = 16
    """Reference and subject number of a face, beside its code."""
    label_bytes: int = 8
    searched_share: float = 1 / 8
    """Of the codes, read by one search: an inverted file reads the lists it probes (512 of 4096 found any mate in
    0.997 of searches at 10 million faces, with codes of an earlier kind; 0.999 took half of the lists,
    docs/adr/0005; nobody has measured it at thousands of millions). 1 is exhaustive."""
    concurrency_gain: float = 1.0
    """Queries answered by one pass over the codes (batching)."""
    busiest: float = 0.7
    """How busy a node may be; above that, searches wait for each other."""
    hop_s: float = 0.002
    """Network and merging of the nodes' answers."""
    insert_faces_per_s: float = 5000.0
    """Into a server by batched upserts, one process: 3,900 to 5,300 measured (docs/adr/0011)."""
    writers: int = 1
    """Processes that insert side by side; that their rates add up has not been measured."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a plan."""

    name: str
    value: float
    unit: str
    formula: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Machines, times and accuracy for a gallery of a size."""

    faces: float
    dimensions: int
    queries_per_s: float
    replicas: int
    figures: tuple[Figure, ...]
    warnings: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> float:
        """The value of the figure ``name``."""
        return next(figure.value for figure in self.figures if figure.name == name)

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "faces": self.faces,
            "dimensions": self.dimensions,
            "queries_per_s": self.queries_per_s,
            "replicas": self.replicas,
            "figures": [asdict(figure) for figure in self.figures],
            "warnings": list(self.warnings),
        }


def measure(
    folder: Path,
    random: np.random.Generator,
    *,
    dimensions: int = 128,
    faces: int = 100_000,
    codes: int = 2_000_000,
    size_bytes: int = 256 * _MB,
    timer: Callable[[], float] = time.perf_counter,
) -> Constants:
    """Measure this machine; takes a few seconds and ``size_bytes`` of memory and of disk in ``folder``.

    ``faces`` random unit vectors are built into codes, again and again until there are ``codes`` of them: enough
    that a scan reads memory and not the processor's cache. Raises DiskFull.
    """
    cores = len(os.sched_getaffinity(0))
    vectors = random.standard_normal((faces, dimensions), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rounds, owners = max(1, codes // faces), np.arange(faces, dtype=np.int32)
    built: list[Codes] = []

    def build() -> None:
        parts = ((vectors, owners) for _ in range(rounds))
        built.append(Codes.of(dimensions, vectors[:10_000], rounds * faces, parts, lists_above=2 * rounds * faces))

    build_s = _seconds(timer, build)
    scan_s = min(_seconds(timer, lambda: built[0].scan(vectors[:1], 64, Effort())) for _ in range(9))
    code_bytes = int(built[0].shards[0].code_size)
    write_s, read_s = _disk(folder, random.bytes(size_bytes), timer)
    cipher, plain = AESGCM(random.bytes(32)), random.bytes(min(size_bytes, 64 * _MB))
    seal_s = min(_seconds(timer, lambda: cipher.encrypt(bytes(12), plain, None)) for _ in range(3))
    return Constants(
        cores=cores,
        memory_read_bytes_per_s=_memory_read(size_bytes, cores, timer),
        scan_bytes_per_s=len(built[0]) * code_bytes / scan_s,
        code_bytes=code_bytes,
        dimensions=dimensions,
        build_faces_per_s=len(built[0]) / build_s,
        disk_write_bytes_per_s=size_bytes / write_s,
        disk_read_bytes_per_s=size_bytes / read_s,
        seal_bytes_per_s=len(plain) / seal_s,
    )


def plan(
    faces: float,
    dimensions: int,
    queries_per_s: float,
    replicas: int,
    constants: Constants,
    *,
    false_match_rate: Callable[[float], float] | None = None,
    threshold: float | None = None,
    false_positives: float = 0.01,
    assumptions: Assumptions | None = None,
) -> Plan:
    """What ``faces`` references of ``dimensions`` need at ``queries_per_s``, kept ``replicas`` times.

    ``false_match_rate(score)`` is the share of comparisons with strangers that score at least ``score``; with it
    the plan says how many false positives a search at ``threshold`` returns, and which threshold keeps them at
    ``false_positives`` a search. Raises InputInvalid for sizes that are not positive.
    """
    _check(faces=faces, dimensions=dimensions, queries_per_s=queries_per_s, replicas=replicas)
    _check(false_positives=false_positives)
    given = assumptions or Assumptions()
    figures, warnings = _machines(faces, dimensions, queries_per_s, replicas, constants, given)
    if false_match_rate is not None:
        more, doubts = _accuracy(faces, false_match_rate, threshold, false_positives)
        figures, warnings = figures + more, warnings + doubts
    if dimensions != constants.dimensions:
        warnings.append(f"the scan was measured at {constants.dimensions} dimensions, not {dimensions}")
    return Plan(faces, dimensions, queries_per_s, replicas, tuple(figures), tuple(warnings))


def _machines(
    faces: float, dimensions: int, queries_per_s: float, replicas: int, c: Constants, a: Assumptions
) -> tuple[list[Figure], list[str]]:
    # A code is one bit for each dimension. Whatever else there were in it would not grow with the dimensions.
    code = c.code_bytes + (dimensions - c.dimensions) / 8
    face_bytes = code + a.id_bytes + a.label_bytes
    memory = faces * face_bytes
    for_memory = math.ceil(memory / (a.node_memory_bytes * a.node_share))
    scan_s = faces * code * a.searched_share / (c.scan_bytes_per_s * a.node_speed)
    busy = queries_per_s * scan_s / a.concurrency_gain
    for_speed = math.ceil(busy / (replicas * a.busiest))
    nodes = max(1, for_memory, for_speed)
    latency = scan_s / nodes + a.hop_s
    refinement = faces * dimensions
    sealed = faces * (4 * dimensions + 28)
    build = faces / (c.build_faces_per_s * a.node_speed * nodes)
    loading = faces / (a.insert_faces_per_s * a.writers)
    opening = sealed / (min(c.seal_bytes_per_s * c.cores, c.disk_read_bytes_per_s) * nodes)
    figures = [
        Figure("code", code, "bytes a face", f"{c.code_bytes} at {c.dimensions} dimensions; 1/8 for each one more"),
        Figure("memory a replica", memory / _GB, "GB", "faces x (code + ids + labels)"),
        Figure("nodes for memory", for_memory, "nodes a replica", "memory a replica / (node memory x share), up"),
        Figure("one search on one node", scan_s, "s", "faces x code x searched share / scan rate"),
        Figure(
            "nodes for speed",
            for_speed,
            "nodes a replica",
            "searches a second x one search / batching / replicas / busiest, up",
        ),
        Figure("nodes a replica", nodes, "nodes", "the larger of the two, at least 1"),
        Figure("nodes", nodes * replicas, "nodes", "nodes a replica x replicas"),
        Figure("memory", memory * replicas / _GB, "GB", "memory a replica x replicas"),
        Figure("latency", latency * 1000, "ms, unloaded", "one search / nodes a replica + network and merging"),
        Figure("load", busy / (nodes * replicas), "of 1", "searches a second x one search / batching / nodes"),
        Figure("refinement on disk", refinement * replicas / _GB, "GB", "faces x dimensions x 1 byte x replicas"),
        Figure("sealed templates on disk", sealed / _GB, "GB", "faces x (4 x dimensions + 28 of nonce and tag)"),
        Figure("build", build / 3600, "h", "faces / (build rate x nodes a replica)"),
        Figure("loading into a server", loading / 3600, "h", "faces / (insert rate x writers)"),
        Figure(
            "opening the templates",
            opening / 3600,
            "h",
            "sealed templates / (slower of decryption, disk) / nodes a replica",
        ),
    ]
    warnings = []
    if for_speed > for_memory:
        warnings.append("speed, not memory, decides the number of nodes: faster nodes or larger batches need fewer")
    return figures, warnings


def _accuracy(
    faces: float, rate: Callable[[float], float], threshold: float | None, level: float
) -> tuple[list[Figure], list[str]]:
    figures, warnings = [], []
    wanted = level / faces
    figures.append(Figure("false match rate needed", wanted, "of 1", "false positives a search / faces"))
    if threshold is not None:
        at = rate(threshold)
        figures.append(
            Figure("false positives", faces * at, f"a search at {threshold:g}", "faces x false match rate")
        )
        if at <= 0:
            warnings.append(
                f"the statistics do not resolve the false match rate at {threshold:g}: 0 means unknown here"
            )
    found = threshold_for(rate, wanted)
    if found is None:
        warnings.append(
            f"no threshold is known to keep false positives at {level:g} a search: the statistics end before"
        )
    else:
        figures.append(
            Figure("threshold", found, "score", f"the lowest score with faces x false match rate <= {level:g}")
        )
    return figures, warnings


def threshold_for(rate: Callable[[float], float], wanted: float) -> float | None:
    """The lowest score, to 1e-4, whose false match rate is above zero and at most ``wanted``; None without one.

    ``rate`` must not grow with the score. A rate of zero is what the statistics cannot resolve, not an answer.
    """
    low, high = -1.0, 1.0
    if 0 < rate(low) <= wanted:
        return low
    while high - low > 1e-4:
        middle = (low + high) / 2
        if rate(middle) <= wanted:
            high = middle
        else:
            low = middle
    return high if 0 < rate(high) <= wanted else None


def printed(lines: Sequence[Figure]) -> str:
    """Figures as text, one a line, each with its formula."""
    return "\n".join(f"{f.name:26} {f.value:>14,.6g} {f.unit:18} = {f.formula}" for f in lines)


def _check(**sizes: float) -> None:
    for name, value in sizes.items():
        if not (math.isfinite(value) and value > 0):
            raise InputInvalid(f"{name.replace('_', ' ')} must be a positive number")


def _seconds(timer: Callable[[], float], work: Callable[[], object]) -> float:
    start = timer()
    work()
    return max(timer() - start, 1e-9)


def _memory_read(size_bytes: int, cores: int, timer: Callable[[], float]) -> float:
    """Bytes a second that all cores together read: inner products of a long array with itself."""
    shares = [np.ones(size_bytes // 4 // cores, np.float32) for _ in range(cores)]

    def once() -> None:
        for _ in threads.map(lambda share: float(share @ share), shares):
            pass

    with ThreadPoolExecutor(cores) as threads:
        best = min(_seconds(timer, once) for _ in range(5))
    return sum(share.nbytes for share in shares) / best


def _disk(folder: Path, data: bytes, timer: Callable[[], float]) -> tuple[float, float]:
    """Seconds to write ``data`` through to the disk, and to read it back with the page cache dropped for it."""
    try:
        # A name that nobody can foresee: the folder may be one that everybody writes to.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".countenance-", buffering=0) as file:

            def write() -> None:
                file.write(data)
                os.fsync(file.fileno())

            write_s = _seconds(timer, write)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return write_s, _seconds(timer, Path(file.name).read_bytes)
    except OSError as error:
        raise DiskFull("there was no room to measure the disk") from error
