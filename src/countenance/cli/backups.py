"""Commands that keep a copy of the gallery: backup, restore."""

from __future__ import annotations

from pathlib import Path

import click

from countenance.cli import order_words
from countenance.cli.door import Door
from countenance.cli.options import everywhere

here = click.make_pass_decorator(Door)


@click.command(short_help="Write sealed data and wrapped keys to one file.")
@click.argument("out", type=click.Path(path_type=Path))
@everywhere
@here
def backup(door: Door, out: Path) -> None:
    """Write the gallery's sealed data and wrapped keys to the file OUT; never the key folder."""
    with door.open() as engine:
        document = engine.backup(out).as_dict()
    door.answer(document, lambda console: order_words.backup(console, document))


@click.command(short_help="Make a gallery again from a backup and the present keys.")
@click.argument("file", type=click.Path(path_type=Path))
@everywhere
@here
def restore(door: Door, file: Path) -> None:
    """Restore the backup FILE into the folder named by --gallery, with the present key folder.

    Whoever was erased since the backup was taken stays erased; it is said how many records could not be opened.
    """
    document = door.engine().restore(file, door.folder(), keys=door.keys).as_dict()
    door.answer(document, lambda console: order_words.restored(console, document))
