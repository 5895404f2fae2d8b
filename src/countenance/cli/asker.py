"""Who asks at the command line: the session in COUNTENANCE_TOKEN, else whoever can open the key folder.

Rules kept here: a token or password is read from the environment or from the terminal, never from an argument,
which other users of the machine could see.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from countenance.engine import Countenance
    from countenance.oversight.parties import Principal

TOKEN_VARIABLE = "COUNTENANCE_TOKEN"  # noqa: S105 - the variable's name
PASSWORD_VARIABLE = "COUNTENANCE_PASSWORD"  # noqa: S105 - the variable's name


def asker(engine: Countenance) -> Principal:
    """Who asks. Raises CredentialInvalid."""
    # Imported here: --help needs none of it.
    from countenance.oversight.parties import MACHINE

    token = os.environ.get(TOKEN_VARIABLE)
    return MACHINE if not token else engine.oversight.authenticate(token)


def password(*, new: bool = False) -> str:
    """A password: COUNTENANCE_PASSWORD, else asked for without showing it."""
    given = os.environ.get(PASSWORD_VARIABLE)
    return given if given else str(click.prompt("Password", hide_input=True, confirmation_prompt=new, err=True))


def end_of(day: date) -> datetime:
    """The moment at which a day is over, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
