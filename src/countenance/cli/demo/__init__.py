"""The demonstration: the whole story on a public-domain portrait, measured as it runs."""

from __future__ import annotations

from pathlib import Path

import click

from countenance.cli import exits
from countenance.cli.door import Door
from countenance.cli.options import everywhere

here = click.make_pass_decorator(Door)


@click.command(short_help="Show the whole story on a public-domain portrait.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for the pictures.",
)
@everywhere
@here
def demo(door: Door, out: Path) -> int:
    """Enrol, degrade, find, and forget an astronaut among 100,000 simulated subjects. Needs no input."""
    # Imported here: numpy, Pillow and scikit-image are needed by this command alone.
    from countenance.cli.demo.story import tell

    return exits.OK if tell(door, out) else exits.ERROR
