"""Commands about regulators' orders: authority, order, hold, notice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import exits, order_words, shown
from countenance.cli.compartments import numbered, within
from countenance.cli.door import Door
from countenance.cli.options import everywhere

if TYPE_CHECKING:
    from countenance.custody.orders.signing import AuthorityKey

here = click.make_pass_decorator(Door)
a_file = click.Path(path_type=Path)


# -- authorities --------------------------------------------------------------------------------------------


@click.group(short_help="Register the keys by which authorities sign orders.")
@everywhere
def authority() -> None:
    """Register the keys by which authorities sign orders."""


@authority.command("list")
@everywhere
@here
def list_authorities(door: Door) -> None:
    """List the registered keys, revoked ones among them."""
    with door.open() as engine:
        documents = [_key(key) for key in engine.orders.authorities()]
    door.answer({"authorities": documents}, lambda console: order_words.authorities(console, documents))


@authority.command("add")
@click.argument("name")
@click.option("--key", required=True, type=a_file, metavar="FILE", help="Ed25519 public key: raw, base64 or PEM.")
@everywhere
@here
def add_authority(door: Door, name: str, key: Path) -> None:
    """Trust the key in FILE to sign orders of the authority NAME. Get it on another way than the order."""
    with door.open() as engine:
        document = _key(engine.orders.register_authority(name, key))
    door.answer(document, lambda console: order_words.authorities(console, [document]))


@authority.command("revoke")
@click.argument("key_id")
@everywhere
@here
def revoke_authority(door: Door, key_id: str) -> int:
    """Trust the key KEY_ID no longer. Orders that were served under it stay as they are.

    The exit status is 1 when no key of that id is registered.
    """
    with door.open() as engine:
        document: dict[str, object] = {"key_id": key_id, "revoked": engine.orders.revoke_authority(key_id)}
    shown.fields(door, document)
    return exits.OK if document["revoked"] else exits.PARTLY


def _key(key: AuthorityKey) -> dict[str, object]:
    return {
        "authority": key.authority,
        "key_id": key.key_id,
        "registered": key.registered_at.isoformat(),
        "revoked": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }


# -- orders -------------------------------------------------------------------------------------------------


@click.group(short_help="Serve, plan, carry out and certify a regulator's order.")
@everywhere
def order() -> None:
    """Serve, plan, carry out and certify a regulator's order."""


_confirming = click.option(
    "--confirm-count", type=click.IntRange(min=0), metavar="N", help="For a scope that means everyone: how many."
)


@order.command(short_help="Take in a signed order: checked, its clocks computed.")
@click.argument("file", type=a_file)
@_confirming
@everywhere
@here
def serve(door: Door, file: Path, confirm_count: int | None) -> None:
    """Take in the order in FILE: signature, form and meaning are checked and its clocks computed."""
    with door.open() as engine:
        document = engine.orders.serve(file, confirm_count=confirm_count).as_dict()
    door.answer(document, lambda console: order_words.order(console, document))


@order.command(short_help="Say whom ORDER reaches, why, and what would go.")
@click.argument("order_id", metavar="ORDER")
@everywhere
@here
def plan(door: Door, order_id: str) -> None:
    """Say whom ORDER reaches and why, and what would be destroyed. Changes nothing."""
    named = sys.maxsize if door.as_json else order_words.PLAN_LINES
    with door.open() as engine:
        document = engine.orders.plan(order_id, named=named).as_dict()
    door.answer(document, lambda console: order_words.plan(console, document))


_EVENTS = {
    "freeze": "Take everybody whom ORDER reaches out of every search, now.",
    "appeal": "Record that an appeal against ORDER was lodged.",
    "dismiss-appeal": "Record that the appeal against ORDER was dismissed.",
    "suspend": "Suspend ORDER: its subjects are frozen, nothing is destroyed, no deadline runs.",
    "stay": "Record that a court has stayed ORDER; the same as suspended, until it is lifted.",
    "lift": "Lift the suspension or the stay of ORDER.",
    "set-aside": "Record that ORDER was set aside. That alone restores nothing.",
    "remit": "Record that ORDER was sent back; it can come into force again.",
    "reinstate": "Bring ORDER back into force.",
    "vary": "Replace ORDER by its next revision; the instrument is the signed new order.",
    "release": "Let the frozen subjects of an ORDER that was set aside or has run out be searched again.",
    "resolve": "Record how the conflict of ORDER with a duty to keep evidence was decided.",
}


def _event(name: str, what: str) -> click.Command:
    def happen(
        door: Door, order_id: str, instrument: Path, hold: str = "", confirm_count: int | None = None
    ) -> None:
        with door.open() as engine:
            kind = name.replace("-", "_")
            served = engine.orders.event(order_id, kind, instrument, hold_id=hold, confirm_count=confirm_count)
            document = served.as_dict()
        door.answer(document, lambda console: order_words.order(console, document))

    command: Callable[..., Any] = everywhere(here(happen))
    if name == "resolve":
        command = click.option("--hold", required=True, metavar="ID", help="Which hold the paper decides about.")(
            command
        )
    if name == "vary":
        command = _confirming(command)
    command = click.option(
        "--instrument", required=True, type=a_file, metavar="FILE", help="The paper that says so; its hash is kept."
    )(command)
    command = click.argument("order_id", metavar="ORDER")(command)
    return click.command(name, help=what, short_help=what)(command)


for _name, _what in _EVENTS.items():
    order.add_command(_event(_name, _what))


@order.command()
@click.argument("order_id", metavar="ORDER")
@everywhere
@here
def execute(door: Door, order_id: str) -> int | None:
    """Meet every obligation of ORDER that can be met now. Can be killed and run again.

    The exit status is 1 when obligations remain; each is named with what it waits for.
    """
    with door.open() as engine:
        document = engine.orders.execute(order_id, progress=door.progress()).as_dict()
    door.answer(document, lambda console: order_words.execution(console, document))
    return exits.PARTLY if document["waiting"] else exits.OK


@order.command(short_help="Meet an OBLIGATION of ORDER by papers.")
@click.argument("order_id", metavar="ORDER")
@click.argument("obligation")
@click.option("--paper", "papers", multiple=True, required=True, metavar="KIND=FILE", help="statement=signed.pdf")
@everywhere
@here
def show(door: Door, order_id: str, obligation: str, papers: tuple[str, ...]) -> None:
    """Meet OBLIGATION of ORDER by papers that a person brings; their hashes are kept."""
    pairs = []
    for paper in papers:
        kind, equals, file = paper.partition("=")
        if not equals or not file:
            raise click.BadParameter(f"{paper!r} is not KIND=FILE", param_hint="--paper")
        pairs.append((kind, Path(file)))
    with door.open() as engine:
        document = engine.orders.show(order_id, obligation, pairs).as_dict()
    door.answer(document, lambda console: order_words.order(console, document))


@order.command()
@click.argument("order_id", metavar="ORDER")
@click.option("--out", required=True, type=a_file, metavar="FILE.json", help="Where to write the certificate.")
@click.option("--page", type=a_file, metavar="FILE.html", help="Write a page to read and print as well.")
@everywhere
@here
def certify(door: Door, order_id: str, out: Path, page: Path | None) -> None:
    """Write the certificate of what was erased for ORDER.

    If that took several erasures, there are several: FILE.json, FILE-2.json and so on, oldest first.
    """
    with door.open() as engine:
        document = engine.orders.certify(order_id, out, page=page).as_dict()
    door.answer(document, lambda console: order_words.certified(console, document))


@order.command("list", short_help="List the orders, the next deadline first.")
@everywhere
@here
def list_orders(door: Door) -> None:
    """List the orders, the next deadline first: days left, penalty accrued so far."""
    with door.open() as engine:
        documents = list(engine.orders.docket())
    door.answer({"orders": documents}, lambda console: order_words.docket(console, documents))


# -- duties to keep, recipients -----------------------------------------------------------------------------


@click.group(short_help="Keep subjects as evidence against erasure.")
@everywhere
def hold() -> None:
    """Keep subjects as evidence against erasure, until the hold is lifted."""


@hold.command("add")
@click.argument("hold_id", metavar="HOLD")
@click.argument("subjects", nargs=-1, required=True)
@click.option("--ground", required=True, help="Which court or authority demands it, and its reference.")
@within
@everywhere
@here
def add_hold(door: Door, hold_id: str, subjects: tuple[str, ...], ground: str, compartment: str | None) -> None:
    """Put SUBJECTS under the duty HOLD to keep evidence."""
    with door.open() as engine:
        count = engine.duties.hold(hold_id, ground, subjects, **numbered(engine, compartment))
        document: dict[str, object] = {"hold": hold_id, "subjects": count}
    shown.fields(door, document)


@hold.command("list")
@everywhere
@here
def list_holds(door: Door) -> None:
    """List the duties to keep that stand."""
    with door.open() as engine:
        documents: list[dict[str, object]] = [
            {"hold": one.id, "ground": one.ground, "subjects": len(one.subject_ids)}
            for one in engine.duties.holds()
        ]
    shown.listed(door, "holds", documents, "No hold stands.")


@hold.command("lift")
@click.argument("hold_id", metavar="HOLD")
@everywhere
@here
def lift_hold(door: Door, hold_id: str) -> None:
    """End the duty HOLD."""
    with door.open() as engine:
        document: dict[str, object] = {"hold": hold_id, "lifted": engine.duties.lift_hold(hold_id)}
    shown.fields(door, document)


@click.group(short_help="Tell recipients of released candidates of an erasure.")
@everywhere
def notice() -> None:
    """Keep on record that recipients of released candidates were told of an erasure, and what they answered."""


@notice.command("list")
@click.option("--erasure", metavar="ID", help="Of one erasure only.")
@everywhere
@here
def list_notices(door: Door, erasure: str | None) -> None:
    """List who has to be told, those who have not answered first."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.duties.notices(erasure)]
    shown.listed(door, "notices", documents, "Nobody is to be told.")


@notice.command()
@click.argument("erasure")
@click.argument("recipient")
@everywhere
@here
def told(door: Door, erasure: str, recipient: str) -> None:
    """Record that RECIPIENT was told of ERASURE."""
    with door.open() as engine:
        document = engine.duties.told(erasure, recipient).as_dict()
    shown.fields(door, document)


@notice.command()
@click.argument("erasure")
@click.argument("recipient")
@click.argument("answer")
@everywhere
@here
def answered(door: Door, erasure: str, recipient: str, answer: str) -> None:
    """Record what RECIPIENT answered about ERASURE. It stands on the certificate: name nobody in it."""
    with door.open() as engine:
        document = engine.duties.told(erasure, recipient, answer).as_dict()
    shown.fields(door, document)
