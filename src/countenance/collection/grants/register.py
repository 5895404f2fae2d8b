"""The grants that were used, what came through them, and how it all goes again.

Rules kept here:

* A withdrawn grant is refused for ever; so is one under another key while the site's first is in use.
* Withdrawing ends with looking: no row, no sealed image, no index entry of what came through it is left. Killed at
  any point, the same command goes on and ends the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from countenance import clock
from countenance.clock import Clock
from countenance.collection.grants.document import Grant
from countenance.collection.grants.site import PageRead
from countenance.custody.erasure.errand import Progress
from countenance.errors import ErasureIncomplete, GrantEnded, GrantInvalid, GrantUnknown
from countenance.holding import Target
from countenance.recognition.gallery.current import CurrentIndex
from countenance.store import feed, granting
from countenance.store.database import Database
from countenance.store.granting import GrantRow, PageRow
from countenance.terms import SubjectId
from countenance.vault.blob_store import BlobStore
from countenance.vault.keys import KeyRing


@dataclass(frozen=True, slots=True)
class GrantWithdrawn:
    """What went with the grants of a site."""

    origin: str
    grants: int
    images: int
    references: int
    waiting: int
    checked: tuple[str, ...]
    finished_utc: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "origin": self.origin,
            "grants": self.grants,
            "images": self.images,
            "references": self.references,
            "waiting": self.waiting,
            "absent": True,
            "checked": list(self.checked),
            "finished": self.finished_utc,
        }


@dataclass(frozen=True, slots=True)
class Grants:
    """The grants on record, each with how many images came through it."""

    rows: tuple[tuple[GrantRow, int], ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "grants": [
                {
                    "id": row.grant_id,
                    "origin": row.origin,
                    "sha256": row.sha256,
                    "issued": row.issued_utc,
                    "read": row.read_utc,
                    "withdrawn": row.withdrawn_utc,
                    "images": images,
                }
                for row, images in self.rows
            ]
        }


class GrantRegister:
    """The grants of one gallery."""

    def __init__(self, database: Database, ring: KeyRing, clock_: Clock) -> None:
        self._database = database
        self._ring = ring
        self._clock = clock_

    def use(self, grant: Grant) -> str:
        """The id under which a grant is on record, now if it was not. Raises GrantEnded, GrantInvalid."""
        with self._database.write() as connection:
            earlier = granting.of_origin(connection, grant.site)
            same = next((row for row in earlier if row.sha256 == grant.sha256), None)
            if same is not None and same.withdrawn_utc is not None:
                raise GrantEnded(f"The grant of {grant.site} was withdrawn on {same.withdrawn_utc}.")
            withdrawn = max((row.withdrawn_utc for row in earlier if row.withdrawn_utc), default=None)
            if same is None and withdrawn is not None and clock.from_text(withdrawn) >= grant.issued:
                raise GrantEnded(f"The grant of {grant.site} was issued before its grants were withdrawn.")
            used = [row for row in earlier if row.withdrawn_utc is None]
            if any(row.key_id != grant.key_id for row in used):
                raise GrantInvalid(
                    f"The grant of {grant.site} is signed with another key than the one in use.",
                    remedy="Ask the owner by another channel. After grant withdraw the new key is accepted.",
                )
            if same is not None:
                return same.grant_id
            row = GrantRow(
                secrets.token_hex(16),
                grant.site,
                grant.sha256,
                grant.key_id,
                clock.to_text(grant.issued),
                clock.to_text(self._clock.now()),
                None,
            )
            granting.add(connection, row)
            return row.grant_id

    def conditions(self, grant_id: str, audience: str, url: str) -> Mapping[str, str]:
        """The headers that ask only for what has changed since ``url`` was read for the same people."""
        with self._database.read() as connection:
            row = granting.page(connection, self._tag(audience, url))
        if row is None or row.grant_id != grant_id:
            return {}
        named = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
        return {name: value for name, value in named.items() if value}

    def remember(self, grant_id: str, audience: str, page: PageRead) -> None:
        """Remember that a page was read to its end."""
        now = clock.to_text(self._clock.now())
        row = PageRow(self._tag(audience, page.url), grant_id, page.etag[:400], page.last_modified[:64], now)
        with self._database.write() as connection:
            granting.set_page(connection, row)

    def all(self) -> Grants:
        """Every grant on record."""
        with self._database.read() as connection:
            return Grants(tuple(granting.everything(connection)))

    def withdraw(
        self,
        origin: str,
        blobs: BlobStore,
        searchable: CurrentIndex,
        begin_epoch: Callable[[], int],
        progress: Progress | None,
    ) -> GrantWithdrawn:
        """Refuse a site's grants from now on and erase what came through them.

        Raises GrantUnknown; ErasureIncomplete when something is left (say it again).
        """
        now = clock.to_text(self._clock.now())
        with self._database.write() as connection:
            rows = granting.of_origin(connection, origin)
            if not rows:
                raise GrantUnknown(f"Nothing on record came through a grant of {origin}.")
            ids = [row.grant_id for row in rows]
            granting.withdraw(connection, ids, now)
            images = granting.image_ids(connection, ids)
            numbers = granting.reference_ids(connection, images)
            # Out of every search first; the rows that say where the images are go last, so that a crash
            # in between leaves something to find them by.
            feed.announce(connection, feed.Change.REMOVE, numbers)
            granting.drop_references(connection, images)
            waiting = granting.drop_pending(connection, ids)
        _tell(progress, 1, "out of every search")
        blobs.delete(images)
        index = searchable.current()
        index.compact()
        _tell(progress, 2, "sealed images deleted")
        begin_epoch()
        with self._database.write() as connection:
            granting.drop_images(connection, images)
            granting.drop_files(connection, ids)
        unconfirmed = self._database.forget_deleted_rows()
        searchable.save()
        _tell(progress, 3, "rows deleted")
        # Images of several subjects; a keeper of images goes by their ids alone.
        absence = blobs.confirm_absent([Target(SubjectId(0), image_ids=tuple(images))])
        left = len(index.held(np.array(numbers, np.int64))) + absence.remaining
        with self._database.read() as connection:
            left += len(granting.image_ids(connection, ids)) + len(granting.reference_ids(connection, images))
            left += granting.evidence_left(connection, images)
        if left:
            raise ErasureIncomplete(f"{left} thing(s) that came through the grants of {origin} are still there.")
        checked = [
            "no table has a row of it",
            absence.checked,
            "no index entry is left",
        ]
        checked += [one for one in (unconfirmed, absence.unconfirmed) if one is not None]
        return GrantWithdrawn(origin, len(ids), len(images), len(numbers), waiting, tuple(checked), now)

    def _tag(self, audience: str, url: str) -> bytes:
        return self._ring.fingerprint("granted-page", f"{audience}\0{url}".encode())


def _tell(progress: Progress | None, step: int, what: str) -> None:
    if progress is not None:
        progress(step, 3, what)
