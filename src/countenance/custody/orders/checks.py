"""What an order must mean, beyond having the right form. Every refusal has its own code and changes nothing.

Rules kept here:

1. Obligation ids are unique; dependencies exist and do not form a circle.
2. Scopes do not mix subjects and customers; a verb about customers has a scope of customers, a verb about a
   person's data one of subjects.
3. Time zones exist. An anchor on an appeal needs an appeal right.
4. No deadline ends before service; the instrument is not newer than its service; the order outlives its service.
5. Doubt other than "widens" quotes the instrument. An erase obligation asks for the Holders' confirmations.
6. A penalty has a rate or a fixed amount, one currency, and secures obligations that exist; a rate needs a
   deadline to start from.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from countenance.custody.orders.clocks import appeal_expiry_day, last_day
from countenance.custody.orders.model import (
    CUSTOMER_VERBS,
    NEUTRAL_VERBS,
    Anchor,
    Deadline,
    Doubt,
    EvidenceKind,
    Order,
    Penalty,
    Reached,
    Verb,
)
from countenance.custody.orders.periods import local_day, time_zone
from countenance.custody.residency.scope import is_about_customers
from countenance.errors import (
    AmountInvalid,
    DateImpossible,
    DeadlineBeforeService,
    DependencyCycle,
    DependencyUnknown,
    OrderMalformed,
    ScopeMixed,
)


def check(order: Order) -> None:
    """Raise the error that fits when ``order`` cannot mean what it says; return None when it can."""
    _check_dependencies(order)
    _check_scopes(order)
    _check_clocks(order)
    _check_standard(order)
    for i, penalty in enumerate(order.penalties):
        _check_penalty(order, penalty, f"penalties[{i}]")


def in_dependency_order(order: Order) -> tuple[str, ...]:
    """Obligation ids so that each comes after those it depends on. Raises DependencyCycle."""
    sorter = TopologicalSorter({o.id: o.depends_on for o in order.obligations})
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        circle = " → ".join(str(id_) for id_ in error.args[1])
        raise DependencyCycle(f"Obligations wait for each other: {circle}.") from error


def _check_dependencies(order: Order) -> None:
    ids = [o.id for o in order.obligations]
    if len(set(ids)) != len(ids):
        raise OrderMalformed("Two obligations have the same id.")
    for obligation in order.obligations:
        for id_ in obligation.depends_on:
            if id_ not in ids:
                raise DependencyUnknown(
                    f"Obligation {obligation.id} depends on {id_}, which the order does not have."
                )
    in_dependency_order(order)


def _check_scopes(order: Order) -> None:
    is_about_customers(order.scope)
    for obligation in order.obligations:
        if obligation.verb in NEUTRAL_VERBS:
            is_about_customers(order.scope_of(obligation))
            continue
        about_customers = is_about_customers(order.scope_of(obligation))
        if about_customers is not (obligation.verb in CUSTOMER_VERBS):
            wanted = "customers" if obligation.verb in CUSTOMER_VERBS else "subjects"
            raise ScopeMixed(f"Obligation {obligation.id} ({obligation.verb.value}) needs a scope of {wanted}.")


def _check_clocks(order: Order) -> None:
    if order.appeal is not None:
        zone = time_zone(order.appeal.time_zone)
        if order.instrument.issued > local_day(order.service.at, zone):
            raise DateImpossible("The instrument was issued after it was served.")
        appeal_expiry_day(order)
    for obligation in order.obligations:
        if obligation.deadline is not None:
            _check_deadline(order, obligation.deadline, f"The deadline of obligation {obligation.id}")
    if order.ends is not None:
        _check_deadline(order, order.ends, "The order's end")


def _check_deadline(order: Order, deadline: Deadline, what: str) -> None:
    zone = time_zone(deadline.time_zone)
    served = local_day(order.service.at, zone)
    if order.instrument.issued > served:
        raise DateImpossible("The instrument was issued after it was served.")
    if order.appeal is None and deadline.anchor in (Anchor.APPEAL_EXPIRY, Anchor.FINAL):
        raise OrderMalformed(f"{what} counts from an appeal, and the order grants none.")
    day = last_day(order, deadline, final_day=None)
    if day is not None and day < served:
        raise DeadlineBeforeService(f"{what} is {day}, and the order was served on {served}.")


def _check_standard(order: Order) -> None:
    if (order.standard.doubt is Doubt.WIDENS) is not (order.standard.ground is None):
        raise OrderMalformed(
            "standard.ground quotes the instrument when doubt does not widen, and is null when it does."
        )
    for obligation in order.obligations:
        kinds = {need.kind for need in obligation.evidence}
        if obligation.verb is Verb.ERASE and EvidenceKind.HOLDER_CONFIRMATIONS not in kinds:
            raise OrderMalformed(f"Obligation {obligation.id} erases and must ask for holder_confirmations.")
    if Reached.BACKUP in order.artefacts and len(order.artefacts) == 1:
        raise OrderMalformed("An order cannot reach backups alone: they hold nothing that is not held elsewhere.")


def _check_penalty(order: Order, penalty: Penalty, what: str) -> None:
    for id_ in penalty.secures:
        obligation = order.obligation(id_)
        if obligation is None:
            raise DependencyUnknown(f"{what} secures {id_}, which the order does not have.")
        if penalty.rate is not None and obligation.deadline is None:
            raise OrderMalformed(f"{what} has a rate, and obligation {id_} has no deadline for it to start from.")
    moneys = [money for money in (penalty.fixed, penalty.rate, penalty.cap) if money is not None]
    if penalty.fixed is None and penalty.rate is None:
        raise AmountInvalid(f"{what} has neither a fixed amount nor a rate.")
    if len({money.currency for money in moneys}) != 1:
        raise AmountInvalid(f"{what} mixes currencies.")
