"""The policy as a page that a person can read: docs/policy.md, which a test keeps equal to the table."""

from __future__ import annotations

from countenance.oversight.parties import CustomerClass
from countenance.oversight.policy import ANY, RESERVED, STANDING_BARS, TABLE, Code, Row


def render() -> str:
    """The whole page, Markdown."""
    rows = "\n".join(_line(row) for row in TABLE)
    reserved = "\n".join(f"| `{name}` | {_classes(classes)} |" for name, classes in sorted(RESERVED.items()))
    bars = "\n".join(f"| {_classes(bar.classes)} | {bar.jurisdiction} | {bar.ground} |" for bar in STANDING_BARS)
    codes = ", ".join(f"`{code}`" for code in Code)
    return _PAGE.format(rows=rows, reserved=reserved, bars=bars, codes=codes)


def _line(row: Row) -> str:
    roles = ", ".join(sorted(role.replace("_", " ") for role in row.roles)) or "nobody need be known"
    classes = _classes(row.classes) if row.classes else "-"
    reach = f"{row.reach}, or any customer for the gallery's own {_words(row)}" if row.own else row.reach
    looks, suspended = _yes(row.looks), _yes(row.suspended) if row.classes else "-"
    return f"| `{row.verb}` | {roles} | {reach} | {classes} | {looks} | {suspended} |"


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _words(row: Row) -> str:
    return ", ".join(sorted(role.replace("_", " ") for role in row.own))


def _classes(classes: frozenset[CustomerClass]) -> str:
    if classes == ANY:
        return "every class"
    return ", ".join(one.replace("_", " ") for one in CustomerClass if one in classes)


_PAGE = """# Who may do what

This page is made from the table in `oversight/policy.py`; a test fails when they differ. What no row allows is
refused. It is engineering, not legal advice: an operator checks the table against the law that applies.

Every question is decided anew, from what is on record at that moment: a key that was revoked, a customer that was
suspended or a class that was blocked a second ago is refused, whatever session is running.

## Verbs

*Looks* says that the verb discloses something of another person's face; a bar, or a block that an order
demands, forbids exactly these. *Suspended* says that a customer may do it even while it is suspended: it sees
the lists of what it holds, withdraws subjects and deletes images, closes compartments and cases, and nothing
else; what it takes in and whatever shows a face or a candidate is refused. A suspension that kept subjects from
being withdrawn would keep them held.

| verb | roles | reaches | classes of customers | looks | suspended |
|---|---|---|---|---|---|
{rows}

The operator at the gallery's own command line is not asked: who can open the key folder is the operator. Searching
there (`countenance identify`) is for a gallery on a single machine without customers.

## Reserved purposes

A customer names only purposes that it is registered for. These, moreover, only these classes may name:

| purpose | classes |
|---|---|
{reserved}

## Standing bars

| classes | jurisdiction | ground |
|---|---|---|
{bars}

Operators add bars with `customer block`; the obligation `block_customer_class` or `cease_offer` of an order adds
one as long as the order stands. A customer that *may* come under a bar does (US comes under a bar on US-IL).

## What is decided beside the table

- A case is authorised by somebody else than who asked for it.
- A reviewer has a certificate of competence in force, is neither who asked for the case nor who authorised it, and
  answers an item once; two must confirm, and a disagreement releases nothing.
- A case allows searches only while it is authorised (or, an emergency, for 48 hours), until it expires, and up to
  its quota. Nothing is released before it is authorised.
- A duty to keep evidence (`order.carry_out`) and evidence of residence (`residency.read`, `residency.add`) reach
  subjects of every compartment: the gallery's own by name, a customer's by customer, compartment and name.
- A subject's own account (`person.add`) is given by the gallery's operator, for subjects of customers' compartments
  too, and by no customer: it opens everything that is held about her and the ledger of who searched for her. A
  customer that could give it could sign in as her, read there what its enrollers and investigators do not tell each
  other, and leave her in the belief that she alone sees it.

Codes of refusals: {codes}.
"""
