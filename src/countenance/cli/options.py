"""Options and argument types that several commands share.

Rules kept here: the options of the whole command line are accepted before and after the subcommand, because
people type them in both places; the last one given wins.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from countenance.cli.door import Door

Command = TypeVar("Command", bound=Callable[..., Any])


class Day(click.ParamType[date, str | date]):
    """A calendar day written as 2027-05-01."""

    name = "date"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error that shows the form."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as 2027-05-01", param, ctx)


def _note(ctx: click.Context, param: click.Parameter, value: object) -> None:
    # None and False mean "not given here"; what was given before the subcommand then stands.
    if value is None or value is False or param.name is None:
        return
    setattr(ctx.ensure_object(Door), param.name, value)


SHARED = (
    ("--gallery", {"metavar": "DIR", "help": "The data folder. [env: COUNTENANCE_GALLERY]"}),
    ("--keys", {"metavar": "DIR", "help": "The key folder. [env: COUNTENANCE_KEYS; default: DIR.keys beside it]"}),
    ("--json", {"is_flag": True, "help": "Print one JSON document and nothing else."}),
    ("--quiet", {"is_flag": True, "help": "Report no progress."}),
    ("--debug", {"is_flag": True, "help": "Show the traceback of an unexpected error."}),
)


def everywhere(command: Command) -> Command:
    """Give ``command`` the options of the whole command line."""
    for flag, details in reversed(SHARED):
        name = "as_json" if flag == "--json" else flag.removeprefix("--")
        command = click.option(flag, name, expose_value=False, callback=_note, **details)(command)
    return command
