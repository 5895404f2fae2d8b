"""What a person reads about orders, residence, certificates and backups; the rules are those of cli/words.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from countenance.cli.failure import printable
from countenance.cli.words import fields

if TYPE_CHECKING:
    from rich.console import Console

Document = Mapping[str, Any]

PLAN_LINES = 20
"""Subjects that a plan shows one by one; ``--json`` has more of them."""


def listed(console: Console, documents: Sequence[Document], none: str) -> None:
    """Records one after the other, or a sentence when there are none."""
    if not documents:
        console.print(none)
    for number, document in enumerate(documents):
        if number:
            console.print("")
        fields(console, document)


def authorities(console: Console, documents: Sequence[Document]) -> None:
    """Registered keys."""
    if not documents:
        console.print("No authority's key is registered; no order can be served.")
    for document in documents:
        revoked = f", revoked {document['revoked']}" if document["revoked"] else ""
        console.print(f"{document['key_id']}  {printable(document['authority'])}{revoked}")


def order(console: Console, document: Document) -> None:
    """An order as it stands."""
    console.print(f"{printable(document['order'])}: {printable(document['title'])}")
    console.print(f"  by {printable(document['authority'])}, revision {document['revision']}")
    console.print(f"  state: {document['state'].replace('_', ' ')}")
    if document["frozen_since"]:
        console.print(f"  its subjects are out of every search since {document['frozen_since']}")
    for key, what in (("held_back", "taken out of every search"), ("let_go", "let back into searches")):
        if document.get(key):
            console.print(f"  {what} just now: {document[key]:,}")
    for due in document["obligations"]:
        console.print(f"  {printable(due['obligation']):<20} {due['standing'].replace('_', ' '):<10} {_day(due)}")
    for penalty in document["penalties"]:
        if penalty["amount"] not in ("0", "0.00"):
            what = ", ".join(printable(one) for one in penalty["secures"])
            console.print(f"  accrued so far: {penalty['currency']} {penalty['amount']} ({what})")
    for conflict in document["escalations"]:
        if conflict["open"]:
            console.print(
                f"  UNDECIDED: {conflict['subjects']:,} subjects are to be erased and held as evidence "
                f"({printable(conflict['hold'])}); they are sealed until order resolve"
            )


def _day(due: Document) -> str:
    if due["last_day"] is None:
        return "no deadline"
    left = due["days_left"]
    if left is None:
        return f"by {due['last_day']}"
    return f"by {due['last_day']}, " + (f"{left:,} days left" if left >= 0 else f"{-left:,} days LATE")


def docket(console: Console, documents: Sequence[Document]) -> None:
    """All orders."""
    if not documents:
        console.print("No order was served.")
    for number, document in enumerate(documents):
        if number:
            console.print("")
        order(console, document)


def plan(console: Console, document: Document) -> None:
    """A dry run."""
    counts = document["counts"]
    console.print(
        f"{printable(document['order'])} reaches {document['subjects']:,} of {counts['total']:,} subjects "
        f"on {document['on']}, {counts['by_doubt_alone']:,} of them by doubt alone. Nothing was changed."
    )
    console.print("  by decision: " + _counts(counts["by_decision"]))
    console.print("  by best evidence: " + _counts(counts["by_best_tier"]))
    console.print(f"  artefacts: {', '.join(document['artefacts'])}")
    for holding in document["holdings"]:
        if holding["count"]:
            console.print(
                f"  {holding['count']:>8,}  {printable(holding['what'])} ({printable(holding['holder'])})"
            )
    if document["sealed_as_evidence"]:
        console.print(f"  {document['sealed_as_evidence']:,} are held as evidence: sealed, not erased, escalated")
    for one in document["inside"][:PLAN_LINES]:
        why = ", ".join(one["evidence"]) or "no evidence at all"
        who = f"number {one['subject']}" if one["name"] is None else printable(one["name"])
        console.print(f"  {who}: {one['decision']} (tiers {''.join(one['tiers']) or '-'}; {why})")
    more = document["subjects"] - PLAN_LINES
    if more > 0:
        console.print(f"  and {more:,} more")


def _counts(counts: Document) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def execution(console: Console, document: Document) -> None:
    """What carrying out has done."""
    console.print(f"{printable(document['order'])} is {document['state'].replace('_', ' ')}.")
    if document["erasures"]:
        console.print(f"  erased: {document['erased_subjects']:,} subjects ({', '.join(document['erasures'])})")
    for met in document["met"]:
        console.print(f"  met: {printable(met)}")
    for obligation, reason in document["waiting"].items():
        console.print(f"  waits: {printable(obligation)}: {printable(reason)}")


def certified(console: Console, document: Document) -> None:
    """Certificates that were written."""
    for one in document["certificates"]:
        page = "" if one["page"] is None else f", page {printable(one['page'])}"
        verdict = "stands" if one["stands"] else "DOES NOT STAND"
        console.print(f"{printable(one['file'])}: erasure {one['erasure']}, {verdict}{page}")
    console.print("Give them with the public keys (countenance log keys), but hand the keys over on another way.")


def residency(console: Console, document: Document) -> None:
    """Evidence about one subject, and what follows from it."""
    console.print(f"{printable(document['subject'])}, on {document['on']}:")
    if not document["evidence"]:
        console.print("  nothing is on record; doubt puts the subject inside every protective order")
    for one in document["evidence"]:
        places = ", ".join(one["value"])
        span = f"{one['valid_from'] or '...'} to {one['valid_to'] or '...'}"
        console.print(
            f"  {one['id']}  tier {one['tier']}  {one['predicate']} {places}, {span} "
            f"({one['signal'].replace('_', ' ')}: {printable(one['source'])})"
        )
    for stand in document["decisions"]:
        rests = ", ".join(stand["evidence"]) or "no evidence"
        console.print(f"  {stand['predicate']} {stand['place']}: {stand['decision'].upper()}, by {rests}")
        for change in stand["would_change"]:
            console.print(f"      would change it: {printable(change)}")


def evidence(console: Console, document: Document) -> None:
    """One piece of evidence that was recorded."""
    console.print(f"Recorded {document['id']}: {document['predicate']} {', '.join(document['value'])},")
    console.print(
        f"  tier {document['tier']} ({document['signal'].replace('_', ' ')}), {printable(document['source'])}"
    )


def examination(console: Console, document: Document) -> None:
    """What fsck found."""
    for finding in document["findings"]:
        where = "" if finding["entry"] is None else f", entry {finding['entry']}"
        console.print(f"{finding['fault']}: {printable(finding['path'])}{where}: {printable(finding['detail'])}")
    if document["ok"]:
        console.print(f"{document['entries']:,} entries; the root rebuilt from them is the one that was signed.")
    else:
        console.print(f"THE LOG IS DAMAGED: {len(document['findings'])} faults.")


def verdict(console: Console, document: Document) -> None:
    """A certificate's checks, what is proven and what is only asserted."""
    sign = {True: "passed", False: "FAILED", None: "-"}
    for one in document["checks"]:
        console.print(f"{one['number']:>2}  {sign[one['passed']]:<7} {one['name']}: {printable(one['detail'])}")
    console.print("\nProven:")
    for text in document["proven"] or ["nothing"]:
        console.print(f"  * {text}")
    console.print("\nAsserted by the gallery, and not provable by any document:")
    for text in document["asserted"] or ["nothing"]:
        console.print(f"  * {text}")
    console.print("\nThe certificate stands." if document["stands"] else "\nTHE CERTIFICATE DOES NOT STAND.")


def backup(console: Console, document: Document) -> None:
    """A backup that was written."""
    console.print(f"Wrote {printable(document['out'])}: {document['bytes'] / 1e6:,.1f} MB.")
    console.print(f"  {document['subjects']:,} subjects, {document['images']:,} sealed images, wrapped keys only.")
    if document["images_elsewhere"]:
        console.print(
            f"  The images are in {document['images_elsewhere']} and not in this file: copy the bucket, too."
        )
    console.print("  The key folder is not in it and must never lie beside it.")


def restored(console: Console, document: Document) -> None:
    """A backup that was restored."""
    console.print(f"Restored {printable(document['folder'])} from a backup of {document['taken']}.")
    console.print(f"  {document['subjects']:,} subjects, {document['images']:,} sealed images.")
    if document["unopenable"]:
        console.print(
            f"  {document['unopenable_subjects']:,} subjects were erased after the backup was taken: "
            f"{document['unopenable']:,} of their records could not be opened and were deleted again."
        )
    else:
        console.print("  Nobody was erased after it was taken; every record opens.")
    for note in document["notes"]:
        console.print(f"  note: {printable(note)}")
