"""What one run of the command line knows: where the gallery is, how to answer, and the engine behind the door.

Rules kept here: the engine and everything heavy is imported when a command opens the gallery, not before, so
that ``--help`` answers at once; standard output carries exactly one answer.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from countenance.cli.failure import Failure, printable
from countenance.cli.meter import Meter
from countenance.errors import GalleryMissing
from countenance.settings import GALLERY_VARIABLE

if TYPE_CHECKING:
    from rich.console import Console

    from countenance.engine import Countenance, Evaluating

WIDTH_WITHOUT_TERMINAL = 160
"""Columns when the answer goes to a file or a pipe: wide enough that no line of a table is folded."""


def _engine() -> type[Countenance]:
    from countenance.engine import Countenance

    return Countenance


@dataclass(slots=True)
class Door:
    """The state of one invocation. ``engine`` gives the engine's class; tests pass one of their own."""

    gallery: str | None = None
    keys: str | None = None
    as_json: bool = False
    quiet: bool = False
    debug: bool = False
    engine: Callable[[], type[Countenance]] = _engine
    meter: Meter | None = field(default=None)

    def folder(self) -> str:
        """The data folder: ``--gallery``, else ``COUNTENANCE_GALLERY``. Raises GalleryMissing."""
        folder = self.gallery or os.environ.get(GALLERY_VARIABLE)
        if not folder:
            raise GalleryMissing("No gallery was named.")
        return folder

    @contextmanager
    def open(self) -> Iterator[Countenance]:
        """The engine on this gallery, closed afterwards; opening may take a while and reports progress."""
        folder = self.folder()
        if not self.debug and not logging.getLogger().handlers:
            # Libraries log what was raised as well; a person is told once, by the door.
            logging.getLogger().addHandler(logging.NullHandler())
        with self.progress() as progress, self.engine()(folder, keys=self.keys, progress=progress) as engine:
            self._tell_what_was_due(engine)
            yield engine

    @contextmanager
    def evaluating(self) -> Iterator[Evaluating]:
        """Measuring from the gallery if one is named, else with the bundled model alone."""
        if self.gallery or os.environ.get(GALLERY_VARIABLE):
            with self.open() as engine:
                yield engine.evaluating
            return
        from countenance.engine import Evaluating

        with self.progress():
            yield Evaluating()

    def _tell_what_was_due(self, engine: Countenance) -> None:
        # Opening a gallery finishes what a crash interrupted and erases what has expired; nobody asked for it
        # by name, so it is said beside the answer.
        for kept in engine.kept_promises:
            click.echo(f"note: {printable(kept.subject)} erased ({kept.erased.ground})", err=True)
        if engine.broken_promise is not None:
            click.echo(f"warning: an erasure is not finished: {printable(engine.broken_promise)}", err=True)

    def progress(self) -> Meter:
        """Something to report progress to; one for the whole run."""
        if self.meter is None:
            self.meter = Meter(quiet=self.quiet)
        return self.meter

    def answer(self, document: dict[str, object], render: Callable[[Console], None]) -> None:
        """Print ``document`` as JSON if that was asked for, else let ``render`` write it for a person."""
        if self.as_json:
            print_json(document)
        else:
            render(console())


def console() -> Console:
    """Standard output for people. Nothing in it is taken for markup: names and reasons come from outside."""
    # Imported here: --json and --help need none of it.
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)


def print_json(document: dict[str, object]) -> None:
    """One JSON document on standard output, UTF-8, keys in the order of the answer."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # The name of a file or folder may hold bytes that are no text, which UTF-8 cannot carry.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def print_failure(failure: Failure, *, as_json: bool) -> None:
    """A failure: as the one document on standard output, or as at most two lines on standard error."""
    if as_json:
        print_json(failure.as_dict())
        return
    lines = [f"error [{failure.code}]: {printable(failure.message)}"]
    if failure.remedy:
        lines.append(f"  {printable(failure.remedy)}")
    click.echo("\n".join(lines), err=True)
