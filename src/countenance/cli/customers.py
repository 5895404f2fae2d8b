"""Commands about who may look: customer, person, key, login, register."""

from __future__ import annotations

from datetime import date

import click

from countenance.cli import shown
from countenance.cli.asker import asker, end_of, password
from countenance.cli.compartments import numbered, within
from countenance.cli.door import Door
from countenance.cli.options import Day, everywhere

here = click.make_pass_decorator(Door)


@click.group(short_help="Register customers, suspend them, block classes of them.")
@everywhere
def customer() -> None:
    """Register customers, suspend them, block classes of them."""


@customer.command("add")
@click.argument("name")
@click.option("--class", "customer_class", required=True, metavar="CLASS", help="police, business, newsroom, ...")
@click.option("--jurisdiction", required=True, metavar="CC", help="Where it is at home: GB, US-IL.")
@click.option("--basis", required=True, metavar="BASIS", help="Its legal basis: law_enforcement, consent, ...")
@click.option("--purpose", "purposes", multiple=True, required=True, help="A purpose that it may name; several.")
@everywhere
@here
def add_customer(
    door: Door, name: str, customer_class: str, jurisdiction: str, basis: str, purposes: tuple[str, ...]
) -> None:
    """Register the customer NAME."""
    with door.open() as engine:
        made = engine.oversight.customers.register(
            asker(engine),
            name,
            customer_class=customer_class,
            jurisdiction=jurisdiction,
            legal_basis=basis,
            purposes=purposes,
        )
    shown.fields(door, made.as_dict())


@customer.command("list")
@everywhere
@here
def list_customers(door: Door) -> None:
    """List the customers, and the blocks that stand."""
    with door.open() as engine:
        who = asker(engine)
        documents = [one.as_dict() for one in engine.oversight.customers.listed(who)]
        documents += [one.as_dict() for one in engine.oversight.customers.blocks(who)]
    shown.listed(door, "customers", documents, "No customer is registered.")


@customer.command()
@click.argument("customer_id", metavar="CUSTOMER")
@click.option("--resume", is_flag=True, help="Let it go on.")
@everywhere
@here
def suspend(door: Door, customer_id: str, resume: bool) -> None:
    """Suspend CUSTOMER at once, sessions that are running included."""
    with door.open() as engine:
        done = engine.oversight.customers.suspend(asker(engine), customer_id, active=resume)
    shown.fields(door, done.as_dict())


@customer.command()
@click.argument("customers")
@click.argument("jurisdiction")
@click.option("--ground", required=True, help="Why: the paper that says so.")
@everywhere
@here
def block(door: Door, customers: str, jurisdiction: str, ground: str) -> None:
    """Keep CUSTOMERS (a class, or any, private, public_authority) in JURISDICTION from looking, at once."""
    with door.open() as engine:
        done = engine.oversight.customers.block(asker(engine), customers, jurisdiction, ground)
    shown.fields(door, done.as_dict())


@customer.command()
@click.argument("block_id", metavar="BLOCK")
@everywhere
@here
def unblock(door: Door, block_id: str) -> None:
    """End BLOCK. What an order demands ends with the order."""
    with door.open() as engine:
        done = engine.oversight.customers.unblock(asker(engine), block_id)
    shown.fields(door, done.as_dict())


@click.group(short_help="Make accounts, certify reviewers.")
@everywhere
def person() -> None:
    """Make accounts, certify reviewers. Passwords come from the terminal or COUNTENANCE_PASSWORD."""


@person.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="investigator, reviewer, ...")
@click.option("--customer", "customer_id", metavar="CUSTOMER", help="For whom; without it, of the gallery itself.")
@click.option("--subject", metavar="SUBJECT", help="SUBJECT's own account, instead of --role; an earlier one ends.")
@within
@click.option("--no-password", is_flag=True, help="SUBJECT signs in at an issuer only: see person link.")
@everywhere
@here
def add_person(
    door: Door,
    name: str,
    roles: tuple[str, ...],
    customer_id: str | None,
    subject: str | None,
    compartment: str | None,
    no_password: bool,
) -> None:
    """Make an account for NAME: with a --role, or for a --subject who looks after her own data."""
    if (subject is None) == (not roles):
        raise click.UsageError("Give a --role, or a --subject.")
    if subject is None and (compartment is not None or no_password):
        raise click.UsageError("--compartment and --no-password go with --subject.")
    if subject is not None and customer_id is not None:
        raise click.UsageError("A subject is named by --compartment CUSTOMER:NAME; --customer goes with --role.")
    secret = None if no_password else password(new=True)
    with door.open() as engine:
        people, who = engine.oversight.people, asker(engine)
        if subject is not None:
            where = numbered(engine, compartment)
            given = people.give_subject_account(who, subject, name, secret, **where)
            document: dict[str, object] = {"person": given, "roles": ["subject"]}
        else:
            document = people.add(who, name, secret or "", roles=roles, customer_id=customer_id).as_dict()
    shown.fields(door, document)


@person.command("list")
@click.option("--customer", "customer_id", metavar="CUSTOMER", help="Of this customer; else the gallery's own.")
@everywhere
@here
def list_people(door: Door, customer_id: str | None) -> None:
    """List accounts."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.people.listed(asker(engine), customer_id)]
    shown.listed(door, "people", documents, "There is no account.")


@person.command("remove")
@click.argument("person_id", metavar="PERSON")
@everywhere
@here
def remove_person(door: Door, person_id: str) -> None:
    """Destroy the name of PERSON and end every session. A subject whose account it is stays on record."""
    with door.open() as engine:
        engine.oversight.people.remove(asker(engine), person_id)
    shown.fields(door, {"person": person_id, "removed": True})


@person.command()
@click.argument("person_id", metavar="PERSON")
@click.option("--until", required=True, type=Day(), metavar="DATE", help="The certificate's last day.")
@everywhere
@here
def certify(door: Door, person_id: str, until: date) -> None:
    """Certify that PERSON is competent as a reviewer. The data protection officer does."""
    with door.open() as engine:
        done = engine.oversight.people.certify(asker(engine), person_id, end_of(until))
    shown.fields(door, done.as_dict())


@click.command(short_help="Begin a session; its token is printed once.")
@click.argument("name")
@everywhere
@here
def login(door: Door, name: str) -> None:
    """Begin a session for the account NAME. Put the token into COUNTENANCE_TOKEN."""
    secret = password()
    with door.open() as engine:
        issued = engine.oversight.login(name, secret)
    shown.fields(door, issued.as_dict())


@click.group(short_help="Issue and revoke API keys.")
@everywhere
def key() -> None:
    """Issue and revoke API keys. A key is printed once and can never be read again."""


@key.command()
@click.argument("customer_id", metavar="CUSTOMER")
@click.option("--role", "roles", multiple=True, required=True, metavar="ROLE", help="investigator or enroller.")
@click.option("--until", required=True, type=Day(), metavar="DATE", help="Its last day.")
@click.option(
    "--verb", "verbs", multiple=True, metavar="VERB", help="Limit it to verbs of docs/policy.md; several."
)
@click.option("--purpose", metavar="PURPOSE", help="Bind it to one purpose.")
@click.option("--case", "case_id", metavar="CASE", help="Bind it to one case.")
@click.option("--collection", metavar="NAME", help="Bind it to a collection, for clients that name one.")
@click.option("--signing", is_flag=True, help="For clients that sign requests and never send the secret.")
@everywhere
@here
def issue(
    door: Door,
    customer_id: str,
    roles: tuple[str, ...],
    until: date,
    verbs: tuple[str, ...],
    purpose: str | None,
    case_id: str | None,
    collection: str | None,
    signing: bool,
) -> None:
    """Issue a key to CUSTOMER."""
    from countenance.oversight.credentials import KeyKind

    with door.open() as engine:
        issued = engine.oversight.keys.issue(
            asker(engine),
            customer_id,
            roles=roles,
            expires=end_of(until),
            kind=KeyKind.SIGNING if signing else KeyKind.BEARER,
            verbs=verbs or None,
            purpose=purpose,
            case_id=case_id,
            collection=collection,
        )
    shown.fields(door, issued.as_dict())


@key.command()
@click.argument("key_id", metavar="KEY")
@everywhere
@here
def revoke(door: Door, key_id: str) -> None:
    """End KEY, or a session, at once."""
    with door.open() as engine:
        engine.oversight.keys.revoke(asker(engine), key_id)
    shown.fields(door, {"key": key_id, "revoked": True})


@key.command("list")
@everywhere
@here
def list_keys(door: Door) -> None:
    """List the keys that were issued; their secrets are not on record."""
    with door.open() as engine:
        documents = [one.as_dict() for one in engine.oversight.keys.listed(asker(engine))]
    shown.listed(door, "keys", documents, "No key was issued.")


@click.command("register", short_help="Show the public register.")
@everywhere
@here
def public_register(door: Door) -> None:
    """Show the public register: customers by class, jurisdiction and legal basis, and what they did, in counts."""
    with door.open() as engine:
        document = engine.oversight.register().as_dict()
    shown.fields(door, document)
