"""Commands about evidence of where subjects live: residency show, residency add."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from countenance.cli import order_words
from countenance.cli.compartments import numbered, within
from countenance.cli.door import Door
from countenance.cli.options import Day, everywhere

here = click.make_pass_decorator(Door)


@click.group(short_help="Show and record evidence of where a subject lives.")
@everywhere
def residency() -> None:
    """Show and record evidence of where a subject lives. Nothing is ever derived from a face."""


@residency.command()
@click.argument("subject")
@click.option("--place", "places", multiple=True, metavar="CC", help="Decide about this place too: GB, US-IL.")
@within
@everywhere
@here
def show(door: Door, subject: str, places: tuple[str, ...], compartment: str | None) -> None:
    """Show the evidence about SUBJECT, its tiers, what follows from it, and what would change that."""
    with door.open() as engine:
        document = engine.residency.show(subject, places=places, **numbered(engine, compartment)).as_dict()
    door.answer(document, lambda console: order_words.residency(console, document))


@residency.command()
@click.argument("subject")
@click.option("--predicate", required=True, metavar="NAME", help="resident_of, present_in, image_located_in, ...")
@click.option("--value", "values", multiple=True, required=True, metavar="CC", help="Place; several: one of them.")
@click.option("--tier", metavar="A-D", help="How strong the evidence is; or say --signal.")
@click.option(
    "--signal", default="", metavar="NAME", help="What it is: declaration, phone_prefix, stated_place, ..."
)
@click.option("--source", required=True, type=click.Path(path_type=Path), help="Name of the paper it is from.")
@click.option("--from", "since", type=Day(), metavar="DATE", help="First day that it speaks of.")
@click.option("--to", "until", type=Day(), metavar="DATE", help="Last day that it speaks of.")
@click.option("--image", "image_id", metavar="ID", help="The image that it is about, for predicates about images.")
@click.option("--contradicts", multiple=True, metavar="ID", help="Evidence that cannot be true together with it.")
@within
@everywhere
@here
def add(
    door: Door,
    subject: str,
    predicate: str,
    values: tuple[str, ...],
    tier: str | None,
    signal: str,
    source: Path,
    since: date | None,
    until: date | None,
    image_id: str | None,
    contradicts: tuple[str, ...],
    compartment: str | None,
) -> None:
    """Record evidence of where SUBJECT lives or an image of theirs was made. The paper itself is not kept."""
    with door.open() as engine:
        document = engine.residency.add(
            subject,
            predicate=predicate,
            value=values,
            tier=tier,
            signal=signal,
            source=source.name,
            since=since,
            until=until,
            image_id=image_id,
            contradicts=contradicts,
            **numbered(engine, compartment),
        ).to_document()
    door.answer(document, lambda console: order_words.evidence(console, document))
