"""One gallery's collection on a Milvus server: made, recognised, loaded, partitioned, written to and asked.

Rules kept here:

* A collection that is there is opened only if its description says that it is this gallery's, for this model and
  this rotation key; it is never altered to fit. Its own of an older schema, a cache, is dropped and made anew.
* What this process has written is seen by its next call; what others have written, within ``staleness_ms``.
  That asks for clocks that agree to well under a second (NTP) between here and the server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from countenance.errors import InputInvalid
from countenance.index.milvus_link import Client, Link, driver
from countenance.index.milvus_schema import (
    BARRED,
    MOST_HITS,
    PURPOSES,
    RABITQ_SINCE,
    VECTOR,
    Marker,
    outlived,
    partition_name,
)

_READ_OWN_WRITES_S = 3.0
_LOGICAL_BITS = 18  # of a Milvus timestamp; the rest are milliseconds since 1970

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Structure:
    """How the server searches a partition's segments."""

    kind: str = "FLAT"
    """``FLAT`` (exhaustive, exact), ``IVF_SQ8``, or ``IVF_RABITQ`` (Milvus 2.6 and later; not run here)."""
    lists: int = 1024
    probes: int = 64
    shards: int = 1
    replicas: int = 1

    @property
    def exact(self) -> bool:
        """True when the server's own scores are those of the float32 templates."""
        return self.kind == "FLAT"

    def build(self, version: tuple[int, int]) -> dict[str, Any]:
        """Build parameters. Raises InputInvalid for a kind that is unknown, or unknown to the server."""
        match self.kind:
            case "FLAT":
                return {}
            case "IVF_SQ8":
                return {"nlist": self.lists}
            case "IVF_RABITQ" if version >= RABITQ_SINCE:
                return {"nlist": self.lists, "refine": True, "refine_type": "SQ8"}
            case "IVF_RABITQ":
                raise InputInvalid("IVF_RABITQ needs a Milvus server of version 2.6 or later")
        raise InputInvalid(f"an index of kind {self.kind!r} is not known")

    def ask(self) -> dict[str, Any]:
        """Search parameters."""
        match self.kind:
            case "FLAT":
                return {}
            case "IVF_RABITQ":
                return {"nprobe": self.probes, "rbq_query_bits": 8, "refine_k": 4.0}
        return {"nprobe": self.probes}


class Collection:
    """The collection ``name``; every method may be called from many threads."""

    def __init__(self, link: Link, name: str, marker: Marker, structure: Structure, staleness_ms: int) -> None:
        self.name = name
        self._link = link
        self._marker = marker
        self._structure = structure
        self._staleness_ms = staleness_ms
        self._partitions: frozenset[str] = frozenset()
        self._partitions_at = float("-inf")
        self._wrote_at = float("-inf")
        self._making = threading.Lock()

    def open(self) -> None:
        """Find the collection or make it, and load it. Raises EngineForeign if it is somebody else's."""
        build = self._structure.build(self._link.version)
        if self._link.call("look for the collection", lambda c, t: c.has_collection(self.name, timeout=t)):
            if outlived(self._marker, self._description()):
                self._link.call("drop the collection", lambda c, t: c.drop_collection(self.name, timeout=t))
                self._make(build)
            else:
                self.recognise()
        else:
            self._make(build)
        self._link.call("load the collection", self._load, timeout_s=max(120.0, self._link.address.timeout_s))

    def recognise(self) -> None:
        """Raises EngineForeign unless the collection that is there is this one."""
        self._marker.check(self.name, self._description())

    def _description(self) -> str:
        found = self._link.call("describe the collection", lambda c, t: c.describe_collection(self.name, timeout=t))
        return str(found.get("description", ""))

    def drop(self) -> None:
        """Remove the collection with everything in it; a foreign one is refused."""
        if self._link.call("look for the collection", lambda c, t: c.has_collection(self.name, timeout=t)):
            self.recognise()
            self._link.call("drop the collection", lambda c, t: c.drop_collection(self.name, timeout=t))
        self._partitions, self._partitions_at = frozenset(), float("-inf")

    def partitions(self, jurisdictions: frozenset[int] | None) -> list[str] | None:
        """The partitions to search: None for all, an empty list when none of them is there."""
        if jurisdictions is None:
            return None
        wanted = {partition_name(number) for number in jurisdictions}
        stale = time.monotonic() - self._partitions_at > self._staleness_ms / 1000
        if stale and not wanted <= self._partitions:
            self._list_partitions()
        return sorted(wanted & self._partitions)

    def ensure_partition(self, jurisdiction: int) -> str:
        """The partition's name, made if it is not there."""
        name = partition_name(jurisdiction)
        if name in self._partitions:
            return name
        with self._making:
            if name not in self._list_partitions():
                self._link.call("make a partition", lambda c, t: _make_partition(c, self.name, name, t))
                self._list_partitions()
        return name

    def upsert(self, rows: Sequence[Row], partition: str) -> None:
        """Write ``rows``; a row whose reference id is in the partition already replaces it."""
        self._link.call("insert", lambda c, t: c.upsert(self.name, list(rows), partition_name=partition, timeout=t))
        self._wrote_at = time.monotonic()

    @property
    def settling_s(self) -> float:
        """For how long an answer may still miss a write that the server has confirmed."""
        return _READ_OWN_WRITES_S + self._staleness_ms / 1000

    def delete(self, expression: str, partition: str = "", *, hidden: bool = False) -> None:
        """Delete what ``expression`` (on the primary key) names, in one partition or in all.

        ``hidden``: the caller keeps it out of its searches for :attr:`settling_s`; they need not wait for it.
        """
        self._link.call(
            "delete",
            lambda c, t: c.delete(self.name, filter=expression, partition_name=partition or None, timeout=t),
        )
        if not hidden:
            self._wrote_at = time.monotonic()

    def query(
        self, expression: str, fields: Sequence[str], partitions: list[str] | None = None, *, newest: bool = False
    ) -> list[Row]:
        """Rows that ``expression`` names; ``newest`` waits for every write that anyone has finished."""

        def ask(client: Client, timeout: float) -> list[Row]:
            rows = client.query(
                self.name,
                filter=expression,
                output_fields=list(fields),
                partition_names=partitions,
                timeout=timeout,
                **self._consistency(newest=newest),
            )
            return [dict(row) for row in rows]

        return self._link.call("query", ask)

    def search(
        self, probes: Any, limit: int, expression: str, partitions: list[str] | None
    ) -> Iterator[list[tuple[int, int, float]]]:
        """For each probe, up to ``limit`` of (reference id, subject id, inner product), best first."""

        def ask(client: Client, timeout: float) -> Any:
            return client.search(
                self.name,
                data=probes,
                anns_field=VECTOR,
                filter=expression,
                limit=min(limit, MOST_HITS),
                partition_names=partitions,
                output_fields=["subject_id"],
                search_params={"metric_type": "IP", "params": self._structure.ask()},
                timeout=timeout,
                **self._consistency(newest=False),
            )

        for hits in self._link.call("search", ask):
            yield [(int(hit.id), int(hit["entity"]["subject_id"]), float(hit.distance)) for hit in hits]

    def count(self, expression: str = "", partitions: list[str] | None = None, *, newest: bool = True) -> int:
        """Rows that are not deleted, or those of them that ``expression`` names."""
        return int(self.query(expression, ["count(*)"], partitions, newest=newest)[0]["count(*)"])

    def _consistency(self, *, newest: bool) -> dict[str, Any]:
        recent = time.monotonic() - self._wrote_at < self.settling_s
        if newest or recent or self._staleness_ms == 0:
            return {"consistency_level": "Strong"}
        since_ms = int(time.time() * 1000) - self._staleness_ms
        return {"consistency_level": "Customized", "guarantee_timestamp": since_ms << _LOGICAL_BITS}

    def _list_partitions(self) -> frozenset[str]:
        asked_at = time.monotonic()
        names = self._link.call("list partitions", lambda c, t: c.list_partitions(self.name, timeout=t))
        self._partitions, self._partitions_at = frozenset(names), asked_at
        return self._partitions

    def _load(self, client: Client, timeout: float) -> None:
        client.load_collection(self.name, replica_number=self._structure.replicas, timeout=timeout)

    def _make(self, build: dict[str, Any]) -> None:
        library = driver()
        kinds = library.DataType
        schema = library.MilvusClient.create_schema(
            auto_id=False, enable_dynamic_field=False, description=self._marker.text()
        )
        schema.add_field("reference_id", kinds.INT64, is_primary=True)
        schema.add_field("subject_id", kinds.INT64)
        schema.add_field("jurisdiction", kinds.INT32)
        schema.add_field("expires_day", kinds.INT32)
        schema.add_field("restricted", kinds.BOOL)
        schema.add_field("compartment", kinds.INT64)
        for field in (*PURPOSES, *BARRED):
            schema.add_field(field, kinds.INT8)
        schema.add_field(VECTOR, kinds.FLOAT_VECTOR, dim=self._marker.dimensions)
        index = library.MilvusClient.prepare_index_params()
        index.add_index(VECTOR, index_type=self._structure.kind, metric_type="IP", params=build)

        def make(client: Client, timeout: float) -> None:
            if not client.has_collection(self.name, timeout=timeout):
                client.create_collection(
                    self.name,
                    schema=schema,
                    num_shards=self._structure.shards,
                    consistency_level="Strong",
                    timeout=timeout,
                )
            client.create_index(self.name, index, timeout=timeout)

        self._link.call("make the collection", make, timeout_s=max(60.0, self._link.address.timeout_s))
        self.recognise()  # another process may have been first


def _make_partition(client: Client, collection: str, name: str, timeout: float) -> None:
    if not client.has_partition(collection, name, timeout=timeout):
        client.create_partition(collection, name, timeout=timeout)
