"""Pictures of granted pages to references of permitted subjects.

Rules kept here: a picture is taken only where a grant and a subject's permission meet in a purpose; whoever else
is in it is compared once and forgotten, as in every import; where the picture came from is kept with it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from countenance import clock
from countenance.collection.bystanders import Wanted
from countenance.collection.collector import Collector, Plan
from countenance.collection.grants.document import Grant
from countenance.collection.grants.register import GrantRegister
from countenance.collection.grants.site import Found, PageRead, Site
from countenance.collection.items import Item, Refused, Told
from countenance.collection.origin import Origin
from countenance.collection.outcomes import Became, FileOutcome, Imported, Report, Tally, pace
from countenance.custody.erasure.errand import Progress
from countenance.custody.residency import extract
from countenance.errors import ImageError
from countenance.recognition.gallery.stored_copy import Keep
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store.subjects import SubjectRow
from countenance.terms import SubjectId

SOURCE = "granted page"


@dataclass(slots=True)
class PageImport:
    """Reads one site by its grant for an audience of subjects."""

    site: Site
    register: GrantRegister
    collector: Collector
    audience: str
    """What identifies the subjects it is read for, so that a page is read again for others."""
    near: Callable[[Sequence[RecognisedFace], Grant], list[Wanted]]
    """Those of the audience who may be among these faces and permit one of the grant's purposes."""
    begin: Callable[[SubjectRow, str], str]
    """Begins an import of a subject under a grant; returns its id."""
    keep: Keep
    report: Report | None
    progress: Progress | None
    host: str
    _imports: dict[SubjectId, str] = field(default_factory=dict)
    _pages_unchanged: int = 0

    def run(self) -> Imported:
        """Everything that the grant lists at and below the address.

        Raises GrantMissing, GrantInvalid, GrantEnded, PageNotGranted, AddressForbidden, PageReserved,
        PageUnreadable; what was finished is kept.
        """
        begun, tally = time.monotonic(), Tally()
        grant = self.site.grant()
        grant_id = self.register.use(grant)
        for one in self.site.read(grant, lambda url: self.register.conditions(grant_id, self.audience, url)):
            if isinstance(one, PageRead):
                self._pages_unchanged += one.unchanged
                self.register.remember(grant_id, self.audience, one)
                continue
            outcome = _refused(one) if isinstance(one, Refused) else self._take(one, grant, grant_id)
            tally.add(outcome)
            if self.report is not None:
                self.report(outcome)
            if self.progress is not None:
                said = pace(tally.files, 0, time.monotonic() - begun, tally)
                self.progress(tally.files, None, f"{outcome.file[-60:]}  {said}")
        notes = (f"{self._pages_unchanged} page(s) have not changed since",) if self._pages_unchanged else ()
        return Imported(
            "everyone with a permission" if not self._imports else f"{len(self._imports)} subject(s)",
            f"{grant.site} under grant {grant.sha256[:16]}",
            dict(tally.outcomes),
            dict(tally.refusals),
            tally.faces,
            tally.bystanders,
            tally.references,
            tally.others,
            tally.outcomes[Became.ASKS],
            0,
            0,
            time.monotonic() - begun,
            0,
            notes,
        )

    def _take(self, found: Found, grant: Grant, grant_id: str) -> FileOutcome:
        try:
            faces = self.collector.faces(found.data, found.url)
        except ImageError as error:
            return FileOutcome(
                found.url, Became.REFUSED, code=error.code, message=str(error), remedy=error.remedy or None
            )
        if not faces:
            return FileOutcome(found.url, Became.NO_FACE)
        outcomes = [self._take_for(one, found, grant, grant_id) for one in self.near(faces, grant)]
        taken = [one for one in outcomes if one.became in {Became.ENROLLED, Became.ASKS}]
        first = taken[0] if taken else FileOutcome(found.url, Became.NO_SUBJECT)
        known = [one for one in outcomes if one.became in {Became.EARLIER, Became.DUPLICATE}]
        if known and not taken:
            return FileOutcome(found.url, known[0].became)
        references = tuple(number for one in taken for number in one.references)
        return replace(first, faces=len(faces), bystanders=len(faces) - len(taken), references=references)

    def _take_for(self, wanted: Wanted, found: Found, grant: Grant, grant_id: str) -> FileOutcome:
        subject_id = wanted.subject.subject_id
        if subject_id not in self._imports:
            self._imports[subject_id] = self.begin(wanted.subject, grant_id)
        origin = Origin(
            SOURCE,
            found.url.rpartition("/")[2],
            found.caption,
            url=found.url,
            page=found.page,
            fetched_utc=clock.to_text(found.fetched_at),
            headers=found.headers,
            grant_sha256=grant.sha256,
        )
        host = extract.from_page_host(self.host, found.fetched_at.date())
        plan = Plan(
            self._imports[subject_id],
            replace(wanted, named=True),
            SOURCE,
            self.keep,
            origin=lambda _item, _told: origin,
            findings=() if host is None else (host,),
        )
        stamp = f"{grant_id}\0{found.url}\0{hashlib.sha256(found.data).hexdigest()}"
        item = Item(found.url, stamp, lambda: found.data, Told(found.caption), grant_id)
        seen: list[FileOutcome] = []
        self.collector.collect(plan, [item], 1, seen.append, None)
        return seen[0]


def _refused(one: Refused) -> FileOutcome:
    return FileOutcome(one.name, Became.REFUSED, code=one.code, message=one.message, remedy=one.remedy or None)
