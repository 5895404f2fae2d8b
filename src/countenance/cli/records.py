"""Commands about what is on record: init, permit, access, withdraw, status, expire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from countenance.cli import words
from countenance.cli.compartments import numbered, within
from countenance.cli.door import Door
from countenance.cli.options import Day, everywhere

here = click.make_pass_decorator(Door)


@click.command(short_help="Make a new, empty gallery.")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--database-url", metavar="URL", help="Keep the records in PostgreSQL instead of SQLite.")
@click.option(
    "--blobs", "blobs_url", metavar="s3://BUCKET/PREFIX", help="Keep the sealed images in object storage."
)
@click.option(
    "--keys-wrapped-by",
    metavar="transit://MOUNT/KEY",
    help="Have HashiCorp Vault or OpenBao wrap the key ring; it cannot be opened without it.",
)
@click.option(
    "--mirrored", is_flag=True, help="Average templates with the mirrored face: more accurate, half as fast."
)
@everywhere
@here
def init(door: Door, /, folder: Path | None, **kept: Any) -> None:
    """Make a new, empty gallery in FOLDER and its keys in a folder beside it."""
    place = folder or Path(door.folder())
    made = door.engine().init(place, keys=door.keys, **kept)
    with made as engine:
        document = engine.status().as_dict()
    door.answer(document, lambda console: words.made(console, document))


@click.command(short_help="Record a subject's permission; prints the receipt.")
@click.argument("subject")
@click.option("--purpose", "purposes", multiple=True, required=True, help="What the face may be searched for.")
@click.option("--residence", required=True, metavar="CC", help="Where the subject lives: a country code, GB.")
@click.option("--until", required=True, type=Day(), metavar="DATE", help="Last day of the permission, 2027-05-01.")
@click.option("--notice", help="The notice that the subject was given: its address or its text.")
@click.option("--language", help="Language of the notice, such as en.")
@click.option("--controller", help="Who answers for the gallery.")
@click.option("--recipient", "recipients", multiple=True, help="Who may be told of a candidate.")
@click.option("--release", help="Where the signed written release is kept, for laws that ask for one.")
@click.option(
    "--whole-pictures", is_flag=True, help="Collected pictures may be kept whole, with other faces blurred."
)
@click.option("--guardian", help="Who permits for a minor.")
@click.option(
    "--returning",
    metavar="STATEMENT",
    help="For an account that was erased: what shows that the subject permits anew; kept and logged.",
)
@click.option("--born", type=Day(), metavar="DATE", help="A minor's day of birth; the permission ends at majority.")
@within
@everywhere
@here
def permit(door: Door, /, subject: str, compartment: str | None, **terms: Any) -> None:
    """Record the permission that SUBJECT gives, and print the receipt for them."""
    # What was not given is left to the engine, which knows the defaults.
    given = {name: value for name, value in terms.items() if value not in (None, (), False)}
    with door.open() as engine:
        document = engine.permit(subject, **given, **numbered(engine, compartment)).as_json_ld()
    door.answer(document, lambda console: words.receipt(console, document))


@click.command(short_help="Give a subject everything held about them.")
@click.argument("subject")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE.zip", help="Where to write it."
)
@within
@everywhere
@here
def access(door: Door, subject: str, out: Path, compartment: str | None) -> None:
    """Give SUBJECT everything that is held about them, and every search that returned them."""
    with door.open() as engine:
        document = engine.access(subject, out, **numbered(engine, compartment)).as_dict()
    door.answer(document, lambda console: words.access(console, document))


@click.command(short_help="Withdraw a permission and destroy what it held.")
@click.argument("subject")
@within
@everywhere
@here
def withdraw(door: Door, subject: str, compartment: str | None) -> None:
    """Withdraw SUBJECT's permission: out of every search at once, then destroyed, then checked."""
    with door.open() as engine:
        where = numbered(engine, compartment)
        document = engine.withdraw(subject, progress=door.progress(), **where).as_dict()
    door.answer(document, lambda console: words.withdrawal(console, document))


@click.command(short_help="Show what the gallery holds and what is due.")
@click.option("--subjects", is_flag=True, help="List who is on record.")
@within
@everywhere
@here
def status(door: Door, subjects: bool, compartment: str | None) -> None:
    """Show what the gallery holds and what is due."""
    with door.open() as engine:
        document = engine.status(people=subjects, **numbered(engine, compartment)).as_dict()
    door.answer(document, lambda console: words.status(console, document))


@click.group(short_help="The key ring: wrap it anew.")
@everywhere
def keys() -> None:
    """The key ring of a gallery whose keys a key service wraps."""


@keys.command(short_help="Wrap the key ring under the newest version of its key.")
@click.option("--to", "wrapped_by", metavar="transit://MOUNT/KEY", help="Under this key from now on.")
@everywhere
@here
def rewrap(door: Door, wrapped_by: str | None) -> None:
    """Wrap the key ring under the newest version of the service's key, as after a rotation; nothing else."""
    with door.open() as engine:
        document: dict[str, object] = {"wrapped_by": engine.rewrap_keys(wrapped_by)}
    door.answer(document, lambda console: console.print(f"The key ring is wrapped by {document['wrapped_by']}."))


@click.command(short_help="Bring the database to this version of the program.")
@click.option("--dry-run", is_flag=True, help="Show what would be done and change nothing.")
@everywhere
@here
def migrate(door: Door, dry_run: bool) -> None:
    """Bring the gallery's database to this version of the program, alone and in one transaction."""
    document = door.engine().migrate_schema(door.folder(), dry_run=dry_run).as_dict() | {"dry_run": dry_run}
    door.answer(document, lambda console: words.migrated(console, document))


@click.command(short_help="Erase everyone whose permission has ended.")
@click.option(
    "--stray-images",
    is_flag=True,
    help="Also delete sealed images that no record speaks of, as after a restore; looks at every image.",
)
@everywhere
@here
def expire(door: Door, stray_images: bool) -> None:
    """Erase everyone whose permission has ended.

    --stray-images is not for a copy of a gallery whose original still works on the same bucket.
    """
    with door.open() as engine:
        # Opening erased what had expired already; what follows is what became due since, and what failed then.
        erased = (*engine.kept_promises, *engine.expire(progress=door.progress()))
        documents = [withdrawal.as_dict() for withdrawal in erased]
        strays = engine.delete_stray_images() if stray_images else None
    answer: dict[str, object] = {"expired": documents, "count": len(documents)}
    if strays is not None:
        answer["stray_images"] = strays
    door.answer(answer, lambda console: words.expiry(console, documents, strays))
