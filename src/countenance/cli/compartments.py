"""Commands about compartments, and the option by which other commands name one.

Rules kept here: where no compartment is named, nothing is passed on, and the gallery's own is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import click

from countenance.cli import shown
from countenance.cli.asker import asker
from countenance.cli.door import Door
from countenance.cli.options import Day, everywhere

if TYPE_CHECKING:
    from countenance.oversight.standing import StandingTerms

here = click.make_pass_decorator(Door)
Command = TypeVar("Command", bound=Callable[..., Any])
_OF_CUSTOMER = re.compile(r"([0-9a-f]{32}):(.+)", re.DOTALL)


def within(command: Command) -> Command:
    """Give ``command`` the option that names a compartment."""
    return click.option(
        "--compartment",
        metavar="NAME",
        help="A customer's compartment, NAME or CUSTOMER:NAME; without it, the gallery's own.",
    )(command)


def numbered(engine: Any, name: str | None) -> dict[str, Any]:
    """The engine's argument for a named compartment; nothing when none was named. Raises CompartmentUnknown."""
    return {} if name is None else {"compartment": _found(engine, name).number}


def searched(engine: Any, name: str | None) -> dict[str, Any]:
    """The engine's argument for a search in a named compartment alone."""
    return {} if name is None else {"compartments": frozenset({_found(engine, name).number})}


def _found(engine: Any, name: str) -> Any:
    customer_id, plain = _parted(name)
    return engine.oversight.compartments.find(asker(engine), plain, customer_id=customer_id)


def _parted(name: str) -> tuple[str | None, str]:
    found = _OF_CUSTOMER.fullmatch(name)
    return (None, name) if found is None else (found[1], found[2])


@click.group(short_help="Open, list, set and close customers' compartments.")
@everywhere
def compartment() -> None:
    """Open, list, set and close compartments: sets of subjects that one customer holds and no other can see."""


_TERMS = (
    click.option("--purpose", "purposes", multiple=True, help="What faces in it may be searched for; several."),
    click.option("--residence", metavar="CC", help="Where its subjects live: GB, US-IL."),
    click.option("--until", type=Day(), metavar="DATE", help="Last day of its permissions, 2027-05-01."),
    click.option("--retention", type=click.IntRange(1, 3660), metavar="DAYS", help="How long a permission lasts."),
    click.option("--controller", default="", help="Who answers for the data."),
    click.option("--notice", default="", help="The notice that subjects were given."),
    click.option("--language", default="en", help="Language of the notice."),
    click.option("--recipient", "recipients", multiple=True, help="Who may be told of a candidate."),
    click.option("--case", "case_id", metavar="CASE", help="The case under which its keys search it."),
)


def _terms(command: Command) -> Command:
    for option in reversed(_TERMS):
        command = option(command)
    return command


def _said(
    purposes: tuple[str, ...],
    residence: str | None,
    until: date | None,
    retention: int | None,
    controller: str,
    notice: str,
    language: str,
    recipients: tuple[str, ...],
    case_id: str | None,
) -> StandingTerms | None:
    # Imported here: --help needs none of it.
    from countenance.oversight.standing import StandingTerms

    terms = StandingTerms(purposes, residence, until, retention, controller, notice, language, recipients, case_id)
    return None if terms == StandingTerms() else terms


@compartment.command("open")
@click.argument("name")
@click.option("--customer", "customer_id", metavar="CUSTOMER", help="Whose it is; without it, the asker's own.")
@_terms
@everywhere
@here
def open_compartment(door: Door, /, name: str, customer_id: str | None, **terms: Any) -> None:
    """Open the compartment NAME; the options are what holds in it when a call does not say otherwise."""
    with door.open() as engine:
        made = engine.oversight.compartments.open(
            asker(engine), name, customer_id=customer_id, terms=_said(**terms)
        )
        document = made.as_dict()
    shown.fields(door, document)


@compartment.command("list")
@everywhere
@here
def list_compartments(door: Door) -> None:
    """List the compartments; for the operator, every customer's."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.compartments.listed(asker(engine))]
    none = "No customer has a compartment."
    shown.listed(door, "compartments", documents, none)


@compartment.command("terms")
@click.argument("name")
@_terms
@everywhere
@here
def set_terms(door: Door, /, name: str, **terms: Any) -> None:
    """Set the standing terms of the compartment NAME anew; with no option, take them away."""
    customer_id, plain = _parted(name)
    with door.open() as engine:
        done = engine.oversight.compartments.set_terms(
            asker(engine), plain, _said(**terms), customer_id=customer_id
        )
        document = done.as_dict()
    shown.fields(door, document)


@compartment.command("rename")
@click.argument("name")
@click.argument("new")
@everywhere
@here
def rename(door: Door, name: str, new: str) -> None:
    """Give the compartment NAME the name NEW; keys that are bound to it stay bound."""
    customer_id, plain = _parted(name)
    with door.open() as engine:
        done = engine.oversight.compartments.rename(asker(engine), plain, new, customer_id=customer_id)
        document = done.as_dict()
    shown.fields(door, document)


@compartment.command("close")
@click.argument("name")
@everywhere
@here
def close_compartment(door: Door, name: str) -> None:
    """Withdraw every subject of the compartment NAME, revoke the keys bound to it, and drop it."""
    customer_id, plain = _parted(name)
    with door.open() as engine:
        document = engine.oversight.compartments.close(asker(engine), plain, customer_id=customer_id).as_dict()
    shown.fields(door, document)
