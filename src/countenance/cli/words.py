"""What a person reads: each function writes one answer of the engine on a console.

Rules kept here:

* The same document that ``--json`` prints is what is put into words, so a person and a program are told the
  same; nothing is computed here.
* Text from outside (names, files, reasons) is shown without its control characters and never as markup.
* An empty candidate list is said in words, with the threshold that it did not reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from countenance.cli.failure import printable

if TYPE_CHECKING:
    from rich.console import Console

Document = Mapping[str, Any]

SMALLEST_RATE = 1e-9
"""No sample of scores says anything about smaller rates; the figure of the model behind them stays in the JSON."""


def made(console: Console, document: Document) -> None:
    """A new gallery."""
    console.print(f"Made an empty gallery in {printable(document['folder'])}")
    console.print(f"Its keys are in        {printable(document['keys'])}")
    console.print("Keep the keys apart from the data and from its backups: whoever has both can open it.")


def fields(console: Console, document: Document, indent: int = 0) -> None:
    """Any document as indented ``name: value`` lines; for records whose fields a standard defines."""
    pad = "  " * indent
    for name, value in document.items():
        match value:
            case Mapping():
                console.print(f"{pad}{printable(name)}:")
                fields(console, value, indent + 1)
            case [Mapping(), *_]:
                console.print(f"{pad}{printable(name)}:")
                for each in value:
                    fields(console, each, indent + 1)
            case list() | tuple():
                console.print(f"{pad}{printable(name)}: {', '.join(_shown(each) for each in value)}")
            case _:
                console.print(f"{pad}{printable(name)}: {_shown(value)}")


def receipt(console: Console, document: Document) -> None:
    """The receipt that the subject gets."""
    console.print("Permission recorded. This is the receipt; give it to the subject (--json prints all of it).")
    fields(
        console,
        {
            "subject": document["pii_principal"]["dpv:hasIdentifier"],
            "purposes": [purpose["dct:title"] for purpose in document["purposes"]],
            "residence": document["jurisdiction"],
            "valid from": document["retention"]["valid_from"],
            "valid until": document["retention"]["valid_until"],
            "controller": document["pii_controller"]["dpv:hasName"],
            "notice": document["privacy_notice"],
            "kept": document["pii_categories"],
            "record": f"{document['record_id']}, version {document['permission_version']}",
            **({"returned": document["after_erasure"]} if document["after_erasure"] else {}),
            "to withdraw": document["withdrawal_method"],
        },
        1,
    )


def enrolment(console: Console, document: Document) -> None:
    """What became of each file."""
    for item in document["items"]:
        console.print(f"{item['outcome']:<17} {printable(item['image'])}")
        error = item.get("error")
        if error is not None:
            said = " ".join(_sentence(error[part]) for part in ("message", "remedy") if error[part])
            console.print(f"                  [{error['code']}] {printable(said)}")
        for remark in [*item.get("quality", {}).get("reasons", ()), *item.get("notes", ())]:
            console.print(f"                  {printable(remark)}")
    counts = [f"{document['enrolled']:,} enrolled"]
    counts += [f"{document['already_enrolled']:,} already enrolled"] if document["already_enrolled"] else []
    counts += [f"{document['failed']:,} failed"] if document["failed"] else []
    console.print(f"{printable(document['subject'])}: {', '.join(counts)}")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def identification(console: Console, document: Document) -> None:
    """The candidate list of every face in the probe."""
    threshold = document["threshold"]
    if not document["faces"]:
        console.print("No face was found in the picture; nothing was searched.")
    for number, face in enumerate(document["faces"], 1):
        x, y, width, height = (round(v) for v in face["box"])
        quality = face["quality"]
        console.print(f"Face {number}: {width} x {height} pixels at ({x}, {y}), quality {quality['score']} of 100")
        for reason in quality["reasons"]:
            console.print(f"  warning: {printable(reason)}")
        if face["candidates"]:
            _candidates(console, face["candidates"], threshold, document.get("calibration"))
        else:
            console.print(f"  nobody on record resembles this face above the threshold {threshold:.2f}")
    for note in document["notes"]:
        console.print(f"note: {printable(note)}")
    console.print(
        f"The gallery holds {document['references']:,} references of {document['gallery_size']:,} subjects; only "
        f"those who permit {printable(document['purpose'])} were searched."
    )
    console.print(f"Threshold {threshold:.2f}{_expectation(document)}.")
    _grounds(console, document.get("calibration"))


def _candidates(
    console: Console, candidates: Sequence[Document], threshold: float, calibration: Document | None
) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading, side in (("rank", "right"), ("subject", "left"), ("score", "right"), ("threshold", "right")):
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    table.add_column("likelihood ratio", justify="right")
    table.add_column("expected false positives", justify="right")
    table.add_column("reference", justify="right")
    for candidate in candidates:
        table.add_row(
            f"{candidate['rank']}",
            printable(candidate["subject"]),
            f"{candidate['score']:.3f}",
            f"{threshold:.2f}",
            _ratio(candidate.get("log_likelihood_ratio"), calibration),
            _rate(candidate.get("expected_false_positives")) + (" *" if candidate.get("extrapolated") else ""),
            f"{candidate['reference']}",
        )
    console.print(table)
    if any(candidate.get("extrapolated") for candidate in candidates):
        console.print("  * beyond what the calibration's pictures can show")


def _ratio(log_ratio: float | None, calibration: Document | None) -> str:
    """How much likelier the score is for one person than for two; at the sample's limit, "or more"."""
    if log_ratio is None:
        return "not known"
    more = "≥ " if calibration is not None and log_ratio >= calibration["log_likelihood_ratio_limit"] - 0.01 else ""
    ratio = exp(log_ratio)
    return f"{more}{ratio:,.0f}" if ratio >= 10 else f"{more}{ratio:.2g}"


def _grounds(console: Console, calibration: Document | None) -> None:
    if calibration is not None:
        sample, *more = calibration["description"].split(". ", 1)
        console.print(
            f"These figures rest on calibration {calibration['digest'][:12]} of {calibration['measured_at'][:10]}, "
            f"measured on {calibration['people']:,} people: {printable(sample)}{'.' if more else ''}"
        )


def _expectation(document: Document) -> str:
    rate = document["expected_false_positives"]
    if rate is None:
        return "; how many strangers reach it is not known for this model"
    doubt = " (extrapolated beyond what was measured)" if document["extrapolated"] else ""
    return f": a search for somebody who is not on record is expected to return {_rate(rate)} people{doubt}"


def _rate(rate: float | None) -> str:
    if rate is None:
        return "not known"
    if rate < SMALLEST_RATE:
        return f"< {SMALLEST_RATE:g}"
    return f"{rate:.2g}" if rate < 0.001 or rate >= 100 else f"{rate:.3f}"


def verification(console: Console, document: Document) -> None:
    """One comparison."""
    for side in document["images"]:
        for remark in [*side["quality"]["reasons"], *side["notes"]]:
            console.print(f"{printable(side['image'])}: {printable(remark)}")
    verdict = "the same person" if document["same"] else "not shown to be the same person"
    console.print(f"score {document['score']:.3f}, threshold {document['threshold']:.2f}: {verdict}")
    if document["false_match_rate"] is not None:
        doubt = " (extrapolated beyond what was measured)" if document["extrapolated"] else ""
        console.print(
            f"{_rate(document['false_match_rate'])} of pairs of different people score this much or more{doubt}"
        )
    if document.get("log_likelihood_ratio") is not None:
        ratio = _ratio(document["log_likelihood_ratio"], document.get("calibration"))
        console.print(f"likelihood ratio {ratio}: how much likelier such a score is for one person than for two")
    _grounds(console, document.get("calibration"))


def access(console: Console, document: Document) -> None:
    """What a subject was given."""
    console.print(f"Everything held about {printable(document['subject'])} is in {printable(document['out'])}:")
    for what in ("images", "templates", "permissions", "searches"):
        console.print(f"  {document[what]:>6,}  {what}{' that returned her or him' if what == 'searches' else ''}")


def withdrawal(console: Console, document: Document) -> None:
    """What was destroyed, and each keeper's answer to "is nothing left?"."""
    console.print(f"{printable(document['subject'])} is out of every search. Destroyed, keys first:")
    for what, count in document["destroyed"].items():
        if count:
            console.print(f"  {count:>6,}  {printable(what)}")
    console.print("Checked afterwards, each keeper looking for itself:")
    for keeper in document["confirmations"]:
        said = "nothing left" if keeper["absent"] else f"{keeper['remaining']} LEFT"
        console.print(f"  {printable(keeper['holder']):<10} {said}: {printable(keeper['checked'])}")
        if keeper.get("unconfirmed"):
            console.print(f"             cannot be confirmed: {printable(keeper['unconfirmed'])}")
    console.print("Nothing is left." if document["absent"] else "NOT complete: run the same command again.")
    if document.get("certificate"):
        console.print(f"Certificate, in the data folder: {printable(document['certificate'])}")
    if document.get("recipients_silent"):
        console.print(
            f"{document['recipients_silent']:,} recipients of released candidates have to be told and to answer "
            f"before it is certified: countenance notice list --erasure {printable(document['erasure'])}"
        )


def migrated(console: Console, document: Document) -> None:
    """The schema before and after."""
    if not document["steps"]:
        console.print(f"The database has the schema version {document['to']} already; nothing to do.")
        return
    did = "would be brought" if document["dry_run"] else "was brought"
    console.print(f"The database {did} from schema version {document['from']} to {document['to']}:")
    for step in document["steps"]:
        console.print(f"  {step['version']}  {printable(step['adds'])}")


def expiry(console: Console, documents: Sequence[Document], strays: int | None = None) -> None:
    """Who was erased because their permission had ended."""
    if not documents:
        console.print("No permission has ended; nothing was erased.")
    for document in documents:
        withdrawal(console, document)
    if strays is not None:
        console.print(f"Sealed images that no record speaks of: {strays:,}, deleted.")


def status(console: Console, document: Document) -> None:
    """What the gallery holds, what is due, and who is on record if that was asked."""
    database = f"{printable(document['database'])}, {document['database_bytes'] / 1e6:,.1f} MB"
    images = f"{document['images']:,} ({document['image_bytes'] / 1e6:,.1f} MB, sealed)"
    sources = ", ".join(f"{_source(name)}: {count:,}" for name, count in document["references_by_source"].items())
    model = document["model"]
    rows: dict[str, object] = {
        "gallery": document["folder"],
        "keys": document["keys"],
        "records": database,
        "subjects": document["subjects"],
        "purposes": ", ".join(f"{name}: {count:,}" for name, count in document["purposes"].items()),
        "images": images,
        "references": f"{document['references']:,}" + (f" ({sources})" if sources else ""),
        "model": f"{model['name']}{', mirrored' if model['mirrored'] else ''}",
        "searches": document["searches"],
        "erasures": f"{document['erasures']:,} done, {document['erasures_open']:,} not finished",
        "index epoch": document["index_epoch"],
    }
    for name, value in rows.items():
        console.print(f"{name:<12} {_shown(value)}")
    if document["being_erased"]:
        console.print(f"{document['being_erased']:,} subjects are being erased; they are out of every search.")
    if document["references_damaged"]:
        numbers = ", ".join(str(number) for number in document["references_damaged"])
        console.print(f"Damaged and in no search: references {numbers}. Enrol their photographs again, or restore.")
    for one in document.get("people", ()):
        terms = f"for {', '.join(one['purposes']) or 'no purpose'} until {one['until'] or '-'}"
        held = f"{one['references']:,} references, {one['images']:,} images"
        console.print(f"  {printable(one['subject'])}: {held}, {terms}, lives in {one['residence']}")


def _source(name: str) -> str:
    return "[simulated]" if name == "simulated" else name


def models(console: Console, documents: Sequence[Document]) -> None:
    """Model packages."""
    for document in documents:
        active = "  (in use)" if document["active"] else ""
        console.print(f"{printable(document['name'])} {printable(document['version'])}{active}")
        fields(console, {name: document[name] for name in document if name not in {"name", "version", "active"}}, 1)


def migration(console: Console, document: Document) -> None:
    """A change of model."""
    console.print(f"The gallery is now searched with the model {printable(document['model'])}.")
    console.print(
        f"  {document['made']:,} templates made again, {document['removed']:,} of the old model destroyed"
    )
    if document["left_behind"]:
        console.print(f"  {document['left_behind']:,} could not be made again and are not searchable:")
    for problem in document["problems"]:
        console.print(f"    {printable(problem)}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "-"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
