"""What a person reads of an evaluation and of a calibration.

Rules kept here: the same document that ``--json`` prints is put into words, nothing is computed; a figure goes
with the people it rests on; what could not be measured is said before what could.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from countenance.cli.failure import printable

if TYPE_CHECKING:
    from rich.console import Console

Document = Mapping[str, Any]

MOST_FINDINGS = 20
"""Findings printed; all are in the report and in the JSON."""


def evaluation(console: Console, document: Document) -> None:
    """The few sentences of a report, one table, and where the rest is."""
    for one in document["absent"]:
        console.print(f"not measured: {printable(one['part'])}: {printable(one['reason'])}")
    for sentence in document["in_short"]:
        console.print(printable(sentence))
    console.print("")
    _table(console, document["columns"], document["table"])
    _findings(console, document["findings"])
    for note in document["notes"]:
        console.print(f"note: {printable(note)}")
    console.print(f"Report: {printable(document['report'])}")
    console.print(f"Data:   {printable(document['data'])}")


def calibration(console: Console, document: Document) -> None:
    """A calibration that is now in use: on whom it rests, what it can show, and the thresholds it gives."""
    cited = document["calibration"]
    console.print(
        f"Calibrated {printable(document['model_name'])} ({cited['recipe']}) on {cited['pictures']:,} pictures of "
        f"{cited['people']:,} people: {printable(cited['description'])}"
    )
    console.print(
        f"These people can show false match rates down to {cited['supported_false_match_rate']:.1g}, reached at "
        f"the score {cited['supported_score']:.2f}. Everything rarer is extrapolated; --strict refuses it."
    )
    rows = []
    for one in document["thresholds"]:
        expected = one["expected_false_positives"]
        high = expected["high"]
        rows.append(
            [
                f"{one['references']:,}" + (" (live)" if one["references"] == document["references"] else ""),
                f"{one['score']:.3f}",
                f"{expected['value']:.2g} ({expected['low']:.1g} to {'any' if high is None else f'{high:.1g}'})",
                "extrapolated" if expected["extrapolated"] else "shown by the sample",
            ]
        )
    _table(console, ["references", "default threshold", "strangers expected per search (95%)", ""], rows)
    checked = [held for held in document["held_out"] if held["ratio"] is not None]
    for held in checked:
        console.print(
            f"Checked on people left out: at a rate of {held['rate']:g}, {held['observed']:,} false matches where "
            f"{held['expected']:.0f} were expected ({held['ratio']:.2f} times)."
        )
    if not checked:
        console.print("The sample is too small to check the calibration on people left out.")
    _findings(console, document["findings"])
    console.print(f"Calibration {cited['digest'][:16]}, kept in {printable(document['file'])}")


def _findings(console: Console, findings: Sequence[Document]) -> None:
    if findings:
        console.print("In the labels and files (reported, not corrected):")
    for finding in findings[:MOST_FINDINGS]:
        console.print(f"  {finding['kind']}: {printable(finding['sentence'])}")
    if len(findings) > MOST_FINDINGS:
        console.print(f"  and {len(findings) - MOST_FINDINGS:,} more; --json prints all")


def _table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    console.print(table)
