"""Commands about signing in at an issuer (OpenID Connect): issuer, person link, person unlink."""

from __future__ import annotations

import click

from countenance.cli import shown
from countenance.cli.asker import asker
from countenance.cli.customers import here, person
from countenance.cli.door import Door
from countenance.cli.options import everywhere


@click.group(short_help="Say which OpenID Connect issuers are believed.")
@everywhere
def issuer() -> None:
    """Say which OpenID Connect issuers are believed. Roles stand in the account, not in the token."""


@issuer.command("add")
@click.argument("url")
@click.option(
    "--audience", required=True, metavar="CLIENT", help="The client id that the issuer gave this service."
)
@click.option("--keys-host", metavar="HOST", help="Where its keys lie, when that is not its own host.")
@everywhere
@here
def add_issuer(door: Door, url: str, audience: str, keys_host: str | None) -> None:
    """Believe tokens of the issuer at URL that are meant for CLIENT."""
    with door.open() as engine:
        added = engine.oversight.issuers.add(asker(engine), url, audience, keys_host=keys_host)
    shown.fields(door, added.as_dict())


@issuer.command("list")
@everywhere
@here
def list_issuers(door: Door) -> None:
    """List the issuers that are believed."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.issuers.listed(asker(engine))]
    shown.listed(door, "issuers", documents, "No issuer is registered.")


@issuer.command("remove")
@click.argument("issuer_id", metavar="ISSUER")
@everywhere
@here
def remove_issuer(door: Door, issuer_id: str) -> None:
    """Believe ISSUER no more, at once. Nobody can sign in through it; the accounts stay."""
    with door.open() as engine:
        engine.oversight.issuers.remove(asker(engine), issuer_id)
    shown.fields(door, {"issuer": issuer_id, "removed": True})


@person.command("link")
@click.argument("person_id", metavar="PERSON")
@click.argument("issuer_id", metavar="ISSUER")
@click.argument("sub")
@everywhere
@here
def link(door: Door, person_id: str, issuer_id: str, sub: str) -> None:
    """Let whom ISSUER calls SUB (in its tokens) sign in to the account PERSON. A fingerprint of SUB is kept."""
    with door.open() as engine:
        engine.oversight.issuers.link(asker(engine), person_id, issuer_id, sub)
    shown.fields(door, {"person": person_id, "issuer": issuer_id, "linked": True})


@person.command("unlink")
@click.argument("person_id", metavar="PERSON")
@click.argument("issuer_id", metavar="ISSUER")
@everywhere
@here
def unlink(door: Door, person_id: str, issuer_id: str) -> None:
    """End the sign-in of PERSON through ISSUER, at once."""
    with door.open() as engine:
        engine.oversight.issuers.unlink(asker(engine), person_id, issuer_id)
    shown.fields(door, {"person": person_id, "issuer": issuer_id, "linked": False})
