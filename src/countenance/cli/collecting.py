"""Commands that take images in by permission: import, import pending, import confirm, bystanders, grant."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import collecting_words as words
from countenance.cli import exits
from countenance.cli.door import Door
from countenance.cli.options import everywhere

if TYPE_CHECKING:
    from countenance.collection.outcomes import FileOutcome

here = click.make_pass_decorator(Door)


class ImportGroup(click.Group):
    """``import SUBJECT ...`` is short for ``import album SUBJECT ...``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in that was left out."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["album", *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=ImportGroup, short_help="Take pictures in by permission: exports, albums, pages.")
@everywhere
def import_() -> None:
    """Take pictures in by permission. IMPORT SUBJECT SOURCES... is short for IMPORT ALBUM SUBJECT SOURCES..."""


@import_.command(short_help="Import a subject's export or album, or granted pages.")
@click.argument("subject", required=False)
@click.argument("sources", nargs=-1, metavar="SOURCES...")
@click.option("--hers", is_flag=True, help="It is the subject's export; somebody has asked.")
@click.option("--only", is_flag=True, help="Leave other permitted subjects in the same pictures out.")
@click.option(
    "--keep", type=click.Choice(["crop", "covered"]), help="What to store; by default what the permission says."
)
@click.option(
    "--log", "log_file", type=click.Path(path_type=Path), help="Append each file's outcome as a JSON line."
)
@click.option("--pages", metavar="URL", help="Read granted pages of a site, from this address on.")
@click.option("--grant", is_flag=True, help="With --pages: read only what the site's grant lists.")
@click.option("--subject", "names", multiple=True, metavar="NAME", help="With --pages: for these subjects.")
@everywhere
@here
def album(
    door: Door,
    subject: str | None,
    sources: tuple[str, ...],
    hers: bool,
    only: bool,
    keep: str | None,
    log_file: Path | None,
    pages: str | None,
    grant: bool,
    names: tuple[str, ...],
) -> int:
    """Import SOURCES (ZIP, TAR, folders or s3://bucket/prefix, parts of one whole) that SUBJECT handed over.

    With --pages URL --grant: the pages of a site whose owner has published a grant, and nothing else.
    """
    if pages is not None:
        if subject is not None or not grant:
            raise click.UsageError("Pages are read with --pages URL --grant, for subjects named with --subject.")
    elif subject is None or not sources:
        raise click.UsageError("Name the subject, and the archives or folders that she handed over.")
    with ExitStack() as stack:
        engine = stack.enter_context(door.open())
        report = _lines(stack, log_file)
        if pages is not None:
            document = engine.collecting.import_pages(
                pages, subjects=names, keep=keep, report=report, progress=door.progress()
            ).as_dict()
        else:
            document = engine.collecting.import_album(
                str(subject), sources, hers=hers, only=only, keep=keep, report=report, progress=door.progress()
            ).as_dict()
    door.answer(document, lambda console: words.imported(console, document))
    return exits.PARTLY if document["refusals"] else exits.OK


@import_.command(short_help="Show what waits for a subject's confirmation.")
@click.argument("subject")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write the pictures there, to show.")
@everywhere
@here
def pending(door: Door, subject: str, out: Path | None) -> None:
    """Show the faces that may be SUBJECT's and wait for an answer."""
    with door.open() as engine:
        waiting = engine.collecting.pending(subject)
        document = waiting.as_dict()
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            for one in waiting.faces:
                (out / f"{one.pending_id}.jpg").write_bytes(one.image)
    door.answer(document, lambda console: words.pending(console, document))


@import_.command(short_help="Carry out a subject's answers.")
@click.argument("subject")
@click.option("--yes", multiple=True, metavar="ID", help="It is the subject: enrol it.")
@click.option("--no", multiple=True, metavar="ID", help="It is not: destroy it.")
@everywhere
@here
def confirm(door: Door, subject: str, yes: tuple[str, ...], no: tuple[str, ...]) -> int:
    """Carry out SUBJECT's answers about the faces that wait."""
    if not yes and not no:
        raise click.UsageError("Say which with --yes ID or --no ID.")
    with door.open() as engine:
        document = engine.collecting.confirm(subject, yes=yes, no=no).as_dict()
    door.answer(document, lambda console: words.confirmed(console, document))
    return exits.PARTLY if document["failed"] else exits.OK


@click.command(short_help="Show how many faces were seen and dropped.")
@click.argument("subject")
@everywhere
@here
def bystanders(door: Door, subject: str) -> None:
    """Show how many faces were seen in SUBJECT's imports, and how many of them were dropped."""
    with door.open() as engine:
        document = engine.collecting.bystanders(subject).as_dict()
    door.answer(document, lambda console: words.bystanders(console, document))


@click.group(short_help="Show and withdraw the grants of sites.")
@everywhere
def grant() -> None:
    """Show the grants of sites that were used, and erase what came through one."""


@grant.command("list")
@everywhere
@here
def list_grants(door: Door) -> None:
    """List the sites whose grants were used."""
    with door.open() as engine:
        document = engine.collecting.grants().as_dict()
    door.answer(document, lambda console: words.grants(console, document))


@grant.command("withdraw")
@click.argument("url")
@everywhere
@here
def withdraw_grant(door: Door, url: str) -> None:
    """Erase everything that came through the grants of the site at URL, and refuse them from now on."""
    with door.open() as engine:
        document = engine.collecting.withdraw_grant(url, progress=door.progress()).as_dict()
    door.answer(document, lambda console: words.grant_withdrawn(console, document))


def _lines(stack: ExitStack, place: Path | None) -> Callable[[FileOutcome], None] | None:
    if place is None:
        return None
    file: Any = stack.enter_context(place.open("a", encoding="utf-8"))

    def report(outcome: FileOutcome) -> None:
        file.write(json.dumps(outcome.as_dict(), ensure_ascii=False) + "\n")
        file.flush()

    return report
