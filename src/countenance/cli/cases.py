"""Commands about cases and reviews: case, review, release. All of them need a session in COUNTENANCE_TOKEN."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from countenance.cli import shown
from countenance.cli.asker import asker, end_of
from countenance.cli.door import Door
from countenance.cli.options import Day, everywhere

here = click.make_pass_decorator(Door)


@click.group(short_help="Ask for cases, authorise them, search under them.")
@everywhere
def case() -> None:
    """Ask for cases, authorise them, search under them. Log in first."""


@case.command("open")
@click.option("--purpose", required=True, help="What for; one that the customer is registered for.")
@click.option("--basis", required=True, metavar="BASIS", help="Legal basis: law_enforcement, consent, ...")
@click.option("--reference", required=True, help="The customer's own file number.")
@click.option("--about", required=True, help="What the case is about; sealed.")
@click.option("--until", required=True, type=Day(), metavar="DATE", help="Its last day.")
@click.option("--quota", required=True, type=int, metavar="N", help="How many searches it may take.")
@click.option("--emergency", is_flag=True, help="Search now; it stops unless authorised within 48 hours.")
@everywhere
@here
def open_case(
    door: Door, purpose: str, basis: str, reference: str, about: str, until: date, quota: int, emergency: bool
) -> None:
    """Ask for a case."""
    with door.open() as engine:
        made = engine.oversight.cases.open(
            asker(engine),
            purpose=purpose,
            legal_basis=basis,
            reference=reference,
            subject_matter=about,
            expires=end_of(until),
            quota=quota,
            emergency=emergency,
        )
    shown.fields(door, made.as_dict())


@case.command()
@click.argument("case_id", metavar="CASE")
@everywhere
@here
def authorise(door: Door, case_id: str) -> None:
    """Authorise CASE, which somebody else has asked for."""
    with door.open() as engine:
        done = engine.oversight.cases.authorise(asker(engine), case_id)
    shown.fields(door, done.as_dict())


@case.command()
@click.argument("case_id", metavar="CASE")
@everywhere
@here
def refuse(door: Door, case_id: str) -> None:
    """Refuse CASE. An emergency stops, and what it found is erased."""
    with door.open() as engine:
        done = engine.oversight.cases.refuse(asker(engine), case_id)
    shown.fields(door, done.as_dict())


@case.command()
@click.argument("case_id", metavar="CASE")
@everywhere
@here
def close(door: Door, case_id: str) -> None:
    """End CASE; its probes are destroyed."""
    with door.open() as engine:
        done = engine.oversight.cases.close(asker(engine), case_id)
    shown.fields(door, done.as_dict())


@case.command("list")
@everywhere
@here
def list_cases(door: Door) -> None:
    """List the cases of one's customer."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.cases.listed(asker(engine))]
    shown.listed(door, "cases", documents, "There is no case.")


@case.command("search")
@click.argument("case_id", metavar="CASE")
@click.argument("file", type=click.Path(path_type=Path))
@everywhere
@here
def search_case(door: Door, case_id: str, file: Path) -> None:
    """Search for the faces in FILE, a picture or a recorded clip, under CASE.

    Candidates go to two reviewers; see release.
    """
    with door.open() as engine:
        made = engine.oversight.search(asker(engine), case_id, file)
    shown.fields(door, made.as_dict())


@click.group(short_help="Look at two faces and say whether they are one person.")
@everywhere
def review() -> None:
    """Look at two faces and say whether they are one person. Log in first."""


@review.command("next")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write probe.png and candidate.png here."
)
@everywhere
@here
def next_review(door: Door, out: Path | None) -> None:
    """Get the next two faces. Delete the pictures when you have answered."""
    with door.open() as engine:
        who = asker(engine)
        task = engine.oversight.reviews.next(who)
        document: dict[str, object] = {"review": None} if task is None else task.as_dict()
        if task is not None and out is not None:
            pair = engine.oversight.side_by_side(who, task.task_id)
            out.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, data in (("probe", pair.probe), ("candidate", pair.candidate)):
                file = out / f"{name}.png"
                document[name] = None if data is None else str(file)
                if data is not None:
                    file.write_bytes(data)
    shown.fields(door, document)


@review.command()
@click.argument("review_id", metavar="REVIEW")
@click.argument("said", metavar="ANSWER")
@everywhere
@here
def answer(door: Door, review_id: str, said: str) -> None:
    """Say of REVIEW: same, different or cannot_tell."""
    with door.open() as engine:
        engine.oversight.reviews.answer(asker(engine), review_id, said)
    shown.fields(door, {"review": review_id, "answered": True})


@review.command()
@everywhere
@here
def measure(door: Door) -> None:
    """Show how reviewers answer: agreement, speed, known non-mates confirmed."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.reviews.measure(asker(engine))]
    shown.listed(door, "reviewers", documents, "Nobody yet.")


@click.command(short_help="Release what two reviewers have confirmed.")
@click.argument("case_id", metavar="CASE")
@everywhere
@here
def release(door: Door, case_id: str) -> None:
    """Release what two reviewers have confirmed for CASE; you are then on record as the recipient."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.reviews.release(asker(engine), case_id)]
    shown.listed(door, "released", documents, "Nothing is confirmed yet.")
