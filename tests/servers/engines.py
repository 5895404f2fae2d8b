"""Distributed indexes on the test server, each in a collection of its own."""

from __future__ import annotations

import itertools

from countenance.index.distributed import Deployment, DistributedIndex
from countenance.index.milvus_collection import Structure
from countenance.index.milvus_link import Address
from countenance.index.milvus_purge import Retention
from tests.servers.milvus import GC_SECONDS, MilvusServer

MODEL = "0" * 64
ROTATION_KEY = bytes(range(100, 132))
_numbers = itertools.count()


def deployment(
    server: MilvusServer, structure: Structure | None = None, *, listed: bool = False, **address: float
) -> Deployment:
    """How to reach ``server``; ``listed``: its disk can be listed, and a purge waits for it."""
    limits = {"timeout_s": 10.0, "patience_s": 60.0} | address
    return Deployment(
        Address(server.uri, **limits),
        structure or Structure(),
        Retention(gc_seconds=2 * GC_SECONDS, queue_seconds=3 * 24 * 3600, segments=server.data if listed else None),
        purge_seconds=90.0,
    )


def gallery_name() -> str:
    """A gallery that no other test uses."""
    return f"gallery{next(_numbers)}"


def engine(
    server: MilvusServer,
    gallery: str,
    dimensions: int,
    structure: Structure | None = None,
    *,
    key: bytes | None = ROTATION_KEY,
    model: str = MODEL,
    listed: bool = False,
    **address: float,
) -> DistributedIndex:
    """The index of ``gallery`` on ``server``."""
    return DistributedIndex(
        deployment(server, structure, listed=listed, **address), gallery, model, dimensions, key
    )
