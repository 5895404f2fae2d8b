"""Progress of long work, on standard error only.

Rules kept here: standard output carries the answer and nothing else; a terminal gets a bar, anything else gets
a line now and then, ``--quiet`` gets silence. What was last reported is kept, for the sentence after Ctrl-C.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from countenance.cli.failure import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 5.0
"""Often enough to see life in a log, seldom enough not to fill it."""

SECONDS_OF_SILENCE = 2.0
"""Work that is done by then needs no line in a log."""


class Meter:
    """A ``Progress``: call it with (done, total or None, what is being done). Use as a context manager."""

    def __init__(
        self, *, quiet: bool, stream: TextIO | None = None, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._seconds = seconds
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._began: float | None = None
        self._last_line: float | None = None
        self._latest: tuple[int, int | None] | None = None

    @property
    def finished(self) -> str:
        """Half a sentence about the work last reported: ``312 of 1000 finished``; empty if none was."""
        return "" if self._latest is None else f"{_count(*self._latest)} finished"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar, self._task = None, None

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """``done`` of ``total`` (None: not known) are finished; ``what`` names the kind or the last one."""
        self._latest = (done, total)
        if self._quiet:
            return
        if self._stream.isatty():
            self._draw(done, total, what)
        else:
            self._line(done, total, what)

    def _draw(self, done: int, total: int | None, what: str) -> None:
        # Imported here: a command that reports no progress should not pay for the library that draws it.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(file=self._stream, markup=False, highlight=False, emoji=False),
                transient=True,
            )
            self._bar.start()
        if self._task is None:
            self._task = self._bar.add_task("", total=total)
        self._bar.update(self._task, completed=done, total=total, description=printable(what))

    def _line(self, done: int, total: int | None, what: str) -> None:
        now = self._seconds()
        self._began = now if self._began is None else self._began
        if self._last_line is None:
            is_due = now - self._began >= SECONDS_OF_SILENCE
        else:
            is_due = now - self._last_line >= SECONDS_BETWEEN_LINES or (total is not None and done >= total)
        if is_due:
            self._last_line = now
            self._stream.write(f"{_count(done, total)}  {printable(what)}\n")
            self._stream.flush()


def _count(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
