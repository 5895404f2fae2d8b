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
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 5.0
"""Often enough to see life in a log, seldom enough not to fill it."""


class Meter:
    """A ``Progress``: call it with (done, total or None, what). Use as a context manager."""

    def __init__(
        self, *, quiet: bool, stream: TextIO | None = None, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._seconds = seconds
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last_line: dict[str, float] = {}
        self._latest: tuple[int, int | None, str] | None = None

    @property
    def finished(self) -> str:
        """Half a sentence about the work last reported: ``312 of 1000 files finished``; empty if none was."""
        if self._latest is None:
            return ""
        done, total, what = self._latest
        return f"{_count(done, total)} {what} finished"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """``done`` of ``total`` (None: not known) ``what`` (a plural noun) are finished."""
        self._latest = (done, total, what)
        if self._quiet:
            return
        if self._stream.isatty():
            self._bar(done, total, what)
        else:
            self._line(done, total, what)

    def _bar(self, done: int, total: int | None, what: str) -> None:
        # Imported here: a command that reports no progress should not pay for the library that draws it.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(file=self._stream, markup=False, highlight=False, emoji=False),
                transient=True,
            )
            self._bars.start()
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(printable(what), total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)

    def _line(self, done: int, total: int | None, what: str) -> None:
        now = self._seconds()
        is_end = total is not None and done >= total
        since = now - self._last_line.get(what, -SECONDS_BETWEEN_LINES)
        if since >= SECONDS_BETWEEN_LINES or is_end:
            self._last_line[what] = now
            self._stream.write(f"{_count(done, total)} {printable(what)}\n")
            self._stream.flush()


def _count(done: int, total: int | None) -> str:
    return f"{done}" if total is None else f"{done} of {total}"
