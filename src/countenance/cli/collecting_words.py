"""The answers of the collecting commands, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from countenance.cli.failure import printable

if TYPE_CHECKING:
    from rich.console import Console

Document = dict[str, Any]

_OUTCOMES = {
    "enrolled": "enrolled",
    "asks": "wait for the subject's confirmation",
    "no-subject": "without the subject; not kept",
    "no-face": "without a face; not kept",
    "poor": "with the subject too small, blurred or dark; not kept",
    "duplicate": "looked at before under another name",
    "earlier": "finished with in an earlier run",
    "refused": "refused",
}


def imported(console: Console, document: Document) -> None:
    """What an import came to."""
    rate = document["files_a_second"]
    speed = "" if rate is None else f", {rate:,} a second"
    console.print(
        f"{printable(document['subject'])}: {document['files']:,} files of {printable(document['source'])} "
        f"in {document['seconds']:,} s{speed}"
    )
    for outcome, count in document["outcomes"].items():
        console.print(f"  {count:>8,}  {_OUTCOMES.get(outcome, outcome)}")
    for code, count in document["refusals"].items():
        console.print(f"            [{code}] {count:,}")
    console.print(
        f"{document['faces']:,} faces seen, {document['bystanders']:,} of bystanders: compared once and dropped."
    )
    if document["references_of_others"]:
        console.print(f"{document['references_of_others']:,} references of other permitted subjects were enrolled.")
    if document["waiting_for_confirmation"]:
        waiting = document["waiting_for_confirmation"]
        console.print(f"{waiting:,} faces wait for confirmation: countenance import pending SUBJECT")
    if document["videos_not_looked_at"]:
        console.print(f"{document['videos_not_looked_at']:,} videos were not looked at.")
    if document["other_files_not_opened"]:
        console.print(f"{document['other_files_not_opened']:,} other files were not opened.")
    if document["residency_evidence"]:
        console.print(f"{document['residency_evidence']:,} pieces of evidence of residence were recorded.")
    for note in document["notes"]:
        console.print(f"note: {printable(note)}")


def pending(console: Console, document: Document) -> None:
    """What waits for a subject."""
    if not document["waiting"]:
        console.print(f"Nothing waits for {printable(document['subject'])}.")
    for one in document["waiting"]:
        console.print(
            f"{one['id']}  score {one['score']:.3f}  {printable(one['source'])}: {printable(one['file'])}"
        )


def confirmed(console: Console, document: Document) -> None:
    """What became of the answers."""
    console.print(
        f"{printable(document['subject'])}: {len(document['enrolled']):,} enrolled, {document['destroyed']:,} "
        f"destroyed, {document['waiting']:,} still wait"
    )
    for one in document["failed"]:
        console.print(f"  {one['id']} [{one['code']}] {printable(one['message'])}")


def bystanders(console: Console, document: Document) -> None:
    """How many faces were seen, and what became of them."""
    console.print(f"{printable(document['subject'])}: {document['imports']:,} imports, {document['files']:,} files")
    for name, words in (
        ("faces_seen", "faces seen"),
        ("images_kept", "images of the subject kept"),
        ("waiting_for_confirmation", "faces waiting for the subject's confirmation"),
        ("bystanders_dropped", "faces of bystanders dropped"),
    ):
        console.print(f"  {document[name]:>8,}  {words}")


def grants(console: Console, document: Document) -> None:
    """The sites whose grants were used."""
    if not document["grants"]:
        console.print("No grant was ever used.")
    for one in document["grants"]:
        state = "in use" if one["withdrawn"] is None else f"withdrawn {one['withdrawn']}"
        console.print(f"{printable(one['origin'])}  {state}, {one['images']:,} images")
        console.print(f"    read {one['read']}, SHA-256 {one['sha256'][:16]}")


def grant_withdrawn(console: Console, document: Document) -> None:
    """What went with a grant."""
    console.print(f"The grants of {printable(document['origin'])} are refused from now on. Erased:")
    for what in ("images", "references", "waiting"):
        console.print(f"  {document[what]:>8,}  {what}")
    for line in document["checked"]:
        console.print(f"  checked: {printable(line)}")
