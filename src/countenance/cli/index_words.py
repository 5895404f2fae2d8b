"""What a person reads about the index and about capacity; the same documents that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from countenance.cli.failure import printable

if TYPE_CHECKING:
    from rich.console import Console

Document = Mapping[str, Any]


def status(console: Console, document: Document) -> None:
    """``index status``."""
    console.print(f"engine      {printable(document['engine'])} ({document['kind']})")
    held, on_record = document["references"], document["references_on_record"]
    console.print(f"references  {held:,} searchable, {on_record:,} on record, {document['dimensions']} dimensions")
    console.print(f"memory      {document['memory_bytes'] / 1e6:,.1f} MB, {document['tombstones']:,} removed in it")
    console.print(f"behind      {document['changes_behind']:,} changes")
    snapshot = document["snapshot"]
    if snapshot is None:
        console.print(f"snapshot    none of epoch {document['epoch']}")
    else:
        console.print(
            f"snapshot    epoch {document['epoch']}, {snapshot['bytes'] / 1e6:,.1f} MB,"
            f" {snapshot['age_seconds']:,.0f} s old, {snapshot['changes_behind']:,} changes behind"
        )
    tuning = document["tuning"]
    if tuning is None:
        console.print("tuning      none; see: countenance index tune")
    else:
        console.print(
            f"tuning      {tuning['candidates']} candidates, {tuning['lists']} lists,"
            f" for a subject recall of {tuning['wanted']}"
        )
    if document["refinement"] is not None:
        console.print(f"refinement  {document['refinement']}")
    if document["moving_to"] is not None:
        console.print(f"moving to   {printable(document['moving_to'])}: not finished; ask for the move again")


def tuned(console: Console, document: Document) -> None:
    """``index tune``."""
    if document["exact"]:
        console.print(f"Every search of {document['references']:,} references is exact; there is nothing to tune.")
        return
    for trial in document["trials"]:
        console.print(
            f"  {trial['candidates']:>5} candidates, {trial['lists']:>5} lists:"
            f" recall {trial['subject_recall']:.4f}, {trial['milliseconds']:.2f} ms"
        )
    verb = "Chosen" if document["reached"] else "Nothing reached the recall; the best"
    console.print(
        f"{verb}: {document['candidates']} candidates, {document['lists']} lists. Subject recall"
        f" {document['subject_recall']:.4f} on {document['probes']:,} probes, which prove"
        f" {document['at_least']:.4f} with 95% confidence."
    )


def refined(console: Console, document: Document) -> None:
    """``index refinement``."""
    console.print(
        f"The refinement of an embedded index is kept in {document['refinement']}"
        f" (before: {document['before']}); every process opens its index anew at its next search."
    )


def moved(console: Console, document: Document) -> None:
    """``index move``."""
    if "abandoned" in document:
        gone = document["abandoned"]
        console.print("No move was under way." if gone is None else f"Given up: {printable(gone)} is empty again.")
        return
    console.print(
        f"Moved from {printable(document['from'])} to {printable(document['to'])}:"
        f" {document['references']:,} references written"
        + (" (continued)" if document["resumed"] else "")
        + f", {document['withdrawn']:,} withdrawn meanwhile."
    )
    console.print(f"{document['agreed']} of {document['compared']} sampled searches agreed on both.")
    if document["unconfirmed"] is not None:
        console.print(f"Not confirmed about the engine that was left: {printable(document['unconfirmed'])}")


def capacity(console: Console, document: Document) -> None:
    """``capacity``."""
    constants = document["constants"]
    console.print(
        f"For {document['faces']:,.0f} faces of {document['dimensions']} dimensions,"
        f" {document['queries_per_s']:g} searches a second, {document['replicas']} replicas."
    )
    console.print("\nMeasured here, now:")
    for name, value in constants.items():
        console.print(f"  {name:26} {value:>18,.6g}")
    console.print("\nAssumed:")
    for name, value in document["assumptions"].items():
        console.print(f"  {name:26} {value:>18,.6g}")
    console.print("\nPlan:")
    for figure in document["figures"]:
        console.print(f"  {figure['name']:26} {figure['value']:>14,.6g} {figure['unit']:18} = {figure['formula']}")
    console.print()
    if document["calibration"] is None:
        console.print("Accuracy: no calibration is shipped for templates of this length.")
    else:
        console.print(f"Accuracy after: {printable(document['calibration'])}")
        if document["extrapolated"]:
            console.print(
                "The threshold is EXTRAPOLATED: no such rate has been seen in that sample. Read it as 'at least"
                " this much', and measure on your own data before you rely on it."
            )
    for warning in document["warnings"]:
        console.print(f"Note: {printable(warning)}.")
