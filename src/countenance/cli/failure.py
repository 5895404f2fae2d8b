"""What a person, or a program, is told when a command does not go through.

Rules kept here:

* Nobody is shown a traceback who did not ask for one with ``--debug``.
* A failure has one shape everywhere: a code, a sentence, a remedy.
* Text that came from outside (file names) is printed without its control characters.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

import click

from countenance.cli import exits
from countenance.errors import CountenanceError


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, ready to be shown."""

    code: str
    message: str
    remedy: str
    status: int

    def as_dict(self) -> dict[str, object]:
        """The document that ``--json`` prints."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


def failure_of(error: BaseException) -> Failure:
    """What to show for ``error``; anything that was not raised on purpose is ``internal``."""
    match error:
        case CountenanceError():
            return Failure(error.code, str(error), error.remedy, exits.exit_status(error))
        case click.UsageError():
            command = error.ctx.command_path if error.ctx is not None else "countenance"
            return Failure("usage", error.format_message(), f"See: {command} --help", exits.USAGE)
        case click.ClickException():
            return Failure("usage", error.format_message(), "See: countenance --help", exits.USAGE)
        case OSError() if error.errno == errno.ENOSPC:
            return Failure(
                "disk_full",
                f"There was no room to write{_place(error)}.",
                "Make room and run the same command again; what was finished is kept.",
                exits.DISK,
            )
        case OSError():
            reason = error.strerror or type(error).__name__
            return Failure(
                "system", f"{reason}{_place(error)}.", "Check the path and who may read and write it.", exits.SYSTEM
            )
        case _:
            return Failure(
                "internal",
                f"Internal error: {type(error).__name__}.",
                "This is a defect of Countenance. Run the command again with --debug to see where, and report it.",
                exits.INTERNAL,
            )


def interruption(what_was_done: str) -> Failure:
    """Ctrl-C. ``what_was_done`` is a half sentence such as ``312 of 1000 files finished``, or empty."""
    finished = f" ({what_was_done})" if what_was_done else ""
    return Failure(
        "interrupted",
        f"Interrupted{finished}.",
        "What was finished is kept; run the same command again to go on from there.",
        exits.INTERRUPTED,
    )


def printable(text: str) -> str:
    """``text`` with every control character shown as an escape, so that a file name cannot drive a terminal.

    A line break is one of them: else a file name could write a line of the answer.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _place(error: OSError) -> str:
    return f": {error.filename}" if error.filename is not None else ""
