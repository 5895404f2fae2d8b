"""Making a Milvus server forget, and finding out whether it has.

Rules kept here:

* "Completed" is not believed. A compaction has worked when the rows in the segments are exactly the rows that a
  count at the newest timestamp sees: a segment that still carries a deleted row has one row too many.
* Segments on the server's disk are looked at, when they can be; otherwise only the server's own settings say
  when they go, and the answer names them as unconfirmed.
* The message queue can never be looked into from here; its retention is always named.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from countenance.errors import EngineSlow
from countenance.index.milvus_link import Client, Link

_PAUSE_S = 0.5
_AGAIN_AFTER_S = 10.0
_DELTA_LEVEL = 1  # SegmentLevel.L0 of Milvus 2.4 and later: deletions only, no rows


@dataclass(frozen=True, slots=True)
class Retention:
    """What the operator knows about the server and this program cannot ask it."""

    gc_seconds: int | None = None
    """``dataCoord.gc.interval`` plus ``dropTolerance``: how long a dropped segment stays in object storage."""
    queue_seconds: int | None = None
    """How long the message queue keeps what was inserted (``rocksmq.retentionTimeInMinutes``, or the retention
    of the Pulsar or Kafka topic)."""
    segments: Path | None = None
    """The server's storage folder (it holds ``insert_log``), if this program can read it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows in segments against rows that are seen."""

    seen: int
    stored: int
    segments: frozenset[int]

    @property
    def deleted_rows(self) -> int:
        """Deleted rows whose bytes are still in a segment."""
        return max(0, self.stored - self.seen)

    @property
    def clean(self) -> bool:
        """True when no segment carries a deleted row."""
        return self.stored == self.seen


class Purge:
    """Physical removal for one collection."""

    def __init__(self, link: Link, collection: str, retention: Retention, seconds: float) -> None:
        """``seconds``: how long to wait for the server to finish."""
        self._link = link
        self._collection = collection
        self._retention = retention
        self._seconds = seconds

    def run(self) -> Standing:
        """Flush, compact until nothing deleted is left in a segment, and wait for the garbage collection where
        it can be watched. Raises EngineSlow when the server has not finished in time; it can be run again."""
        deadline = time.monotonic() + self._seconds
        standing = self.look()
        asked_at = 0.0
        while not standing.clean:
            if time.monotonic() - asked_at > _AGAIN_AFTER_S:
                asked_at = time.monotonic()
                job = self._link.call("compact", lambda c, t: c.compact(self._collection, timeout=t))
                self._until(deadline, partial(self._completed, job))
            self._pause(deadline)
            standing = self.look(flush=False)
        if self._retention.segments is not None:
            self._until(deadline, lambda: not self.left_on_disk(standing))
        return standing

    def look(self, *, flush: bool = True) -> Standing:
        """Rows in segments and rows that are seen, taken between two equal lists of segments."""
        if flush:
            self._link.call(
                "flush", lambda c, t: c.flush(self._collection, timeout=t), timeout_s=max(60.0, self._seconds)
            )
        before = self._segments()
        while True:
            seen = self._link.call("count", self._count)
            after = self._segments()
            if after == before:
                return Standing(seen, sum(before.values()), frozenset(before))
            before = after

    def left_on_disk(self, standing: Standing) -> tuple[int, ...] | None:
        """Segments whose files are on the server's disk and that are no longer part of the collection; None if
        the disk cannot be seen."""
        folder = self._retention.segments
        if folder is None or not (folder / "insert_log").is_dir():
            return None
        number = int(
            self._link.call("describe", lambda c, t: c.describe_collection(self._collection, timeout=t))[
                "collection_id"
            ]
        )
        files = (folder / "insert_log" / str(number)).glob("*/*/*/*")
        on_disk = {int(path.parent.parent.name) for path in files}
        return tuple(sorted(on_disk - standing.segments))

    def checked(self, standing: Standing) -> tuple[bool, str, str]:
        """(nothing left as far as can be seen, how it was looked, what cannot be known)."""
        left = self.left_on_disk(standing)
        how = "asked the server at its newest timestamp, compared the rows in its segments with the rows it sees"
        unknown = []
        if left is not None:
            how += ", listed the segments on its disk"
        elif self._retention.gc_seconds is None:
            unknown.append("when the server's garbage collection removes dropped segments from its storage")
        else:
            unknown.append(
                "dropped segments leave the server's storage within "
                f"{self._retention.gc_seconds} s, as its operator states"
            )
        if self._retention.queue_seconds is None:
            unknown.append("how long the server's message queue keeps what was inserted")
        else:
            unknown.append(
                "the server's message queue keeps what was inserted for "
                f"{self._retention.queue_seconds} s, as its operator states"
            )
        return standing.clean and not left, how, "; ".join(unknown)

    def _segments(self) -> dict[int, int]:
        infos = self._link.call(
            "list segments", lambda c, t: c.list_persistent_segments(self._collection, timeout=t)
        )
        return {int(i.segment_id): int(i.num_rows) for i in infos if int(i.level or 0) != _DELTA_LEVEL}

    def _count(self, client: Client, timeout: float) -> int:
        rows = client.query(
            self._collection, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=timeout
        )
        return int(rows[0]["count(*)"])

    def _completed(self, job: int) -> bool:
        return (
            str(self._link.call("ask for the compaction", lambda c, t: c.get_compaction_state(job, timeout=t)))
            == "Completed"
        )

    def _until(self, deadline: float, done: Callable[[], bool]) -> None:
        while not done():
            self._pause(deadline)

    def _pause(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise EngineSlow(f"the server has not removed what was deleted within {self._seconds:.0f} s")
        time.sleep(_PAUSE_S)
