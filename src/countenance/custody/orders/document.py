"""Reads an order from JSON: the members, their forms, and nothing else. What they mean is in checks.py.

Rules kept here: ``write_order(read_order_document(d)) == d`` for every document that is read, so that a stored
order can be checked against its signature for ever; order.schema.json says the same in JSON Schema, and a test
compares the two.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from countenance.custody.orders import model
from countenance.custody.orders.currencies import CURRENCIES
from countenance.custody.orders.periods import LastDay, Offset, Unit
from countenance.custody.orders.reading import Reader, read_day
from countenance.custody.orders.scope_document import read_scope
from countenance.custody.residency.places import place
from countenance.errors import AmountInvalid, OrderMalformed, VerbUnknown

TYPE = "countenance-order"
VERSION = 1
_ID = r"[a-z0-9][a-z0-9-]{0,63}"
_HEX_256 = r"[0-9a-f]{64}"
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?")
_MOST = 100_000


def read_order_document(document: object) -> model.Order:
    """The order in ``document``, which has no member ``signature``.

    Raises OrderMalformed, PredicateUnknown, VerbUnknown, PlaceUnknown, DateImpossible, AmountInvalid, ScopeEmpty.
    """
    reader = Reader(document, "")
    if reader.value("type") != TYPE or reader.value("version") != VERSION:
        raise OrderMalformed(f"The file is not a {TYPE} of version {VERSION}.")
    order = model.Order(
        id=reader.match("id", _ID, "an id of small letters, digits and dashes"),
        revision=reader.number("revision", least=1, most=_MOST),
        title=reader.text("title"),
        authority=_read_authority(Reader(reader.value("authority"), "authority")),
        respondent=reader.text("respondent"),
        legal_basis=reader.text("legal_basis"),
        instrument=read_instrument(reader.value("instrument"), "instrument"),
        service=_read_service(Reader(reader.value("service"), "service")),
        scope=read_scope(reader.value("scope"), "scope"),
        artefacts=_read_artefacts(reader),
        standard=_read_standard(Reader(reader.value("standard"), "standard")),
        obligations=tuple(
            _read_obligation(Reader(item, f"obligations[{i}]"))
            for i, item in enumerate(reader.items("obligations", least=1))
        ),
        appeal=_read_appeal(reader),
        penalties=tuple(
            _read_penalty(Reader(item, f"penalties[{i}]")) for i, item in enumerate(reader.items("penalties"))
        ),
        ends=_read_deadline(reader.value("ends"), "ends"),
        notes=tuple(_read_note(Reader(item, f"notes[{i}]")) for i, item in enumerate(reader.items("notes"))),
    )
    reader.finish()
    return order


def read_instrument(value: object, path: str) -> model.Instrument:
    """The instrument in ``value``. Raises OrderMalformed, DateImpossible."""
    reader = Reader(value, path)
    instrument = model.Instrument(
        reader.text("title"),
        reader.text("reference"),
        reader.day("issued"),
        reader.match("sha256", _HEX_256, "a SHA-256 in small hexadecimal digits"),
    )
    reader.finish()
    return instrument


def _read_authority(reader: Reader) -> model.Authority:
    authority = model.Authority(
        reader.text("name"),
        place(reader.text("jurisdiction")),
        reader.match("key_id", _HEX_256, "a SHA-256 in small hexadecimal digits"),
    )
    reader.finish()
    return authority


def _read_service(reader: Reader) -> model.Service:
    service = model.Service(reader.moment("at"), reader.text("how"))
    reader.finish()
    return service


def _read_artefacts(reader: Reader) -> tuple[model.Reached, ...]:
    found = [
        Reader({"artefact": item}, f"artefacts[{i}]").choice("artefact", model.Reached)
        for i, item in enumerate(reader.items("artefacts", least=1))
    ]
    reader.distinct("artefacts", [artefact.value for artefact in found])
    return tuple(found)


def _read_standard(reader: Reader) -> model.Standard:
    standard = model.Standard(
        reader.text("text"), reader.choice("doubt", model.Doubt), reader.optional_text("ground")
    )
    reader.finish()
    return standard


def _read_obligation(reader: Reader) -> model.Obligation:
    verb = reader.value("verb")
    if not isinstance(verb, str) or verb not in {v.value for v in model.Verb}:
        raise VerbUnknown(f"{reader.path('verb')} is not a verb that can be carried out: {verb!r:.60}.")
    waits_for = [
        Reader({"id": item}, reader.path(f"depends_on[{i}]")).match("id", _ID, "an obligation's id")
        for i, item in enumerate(reader.items("depends_on"))
    ]
    reader.distinct("depends_on", waits_for)
    needs = [
        Reader(item, reader.path(f"evidence[{i}]")) for i, item in enumerate(reader.items("evidence", least=1))
    ]
    scope = reader.value("scope")
    obligation = model.Obligation(
        id=reader.match("id", _ID, "an id of small letters, digits and dashes"),
        verb=model.Verb(verb),
        text=reader.text("text"),
        depends_on=tuple(waits_for),
        deadline=_read_deadline(reader.value("deadline"), reader.path("deadline")),
        evidence=tuple(model.EvidenceNeed(n.choice("kind", model.EvidenceKind), n.text("what")) for n in needs),
        scope=None if scope is None else read_scope(scope, reader.path("scope")),
    )
    for need in needs:
        need.finish()
    reader.finish()
    return obligation


def _read_offset(value: object, path: str) -> Offset:
    reader = Reader(value, path)
    offset = Offset(reader.number("count", least=0, most=_MOST), reader.choice("unit", Unit))
    reader.finish()
    return offset


def _read_deadline(value: object, path: str) -> model.Deadline | None:
    if value is None:
        return None
    reader = Reader(value, path)
    anchor = reader.choice("anchor", model.Anchor)
    fixed = anchor is model.Anchor.DATE
    day, offset = reader.value("date"), reader.value("offset")
    if (day is not None) is not fixed or (offset is None) is not fixed:
        raise OrderMalformed(f"{path} needs a date and no offset with the anchor date, else an offset and no date.")
    deadline = model.Deadline(
        anchor=anchor,
        fixed_day=read_day(day, reader.path("date")) if fixed else None,
        offset=None if fixed else _read_offset(offset, reader.path("offset")),
        time_zone=reader.text("time_zone"),
        last_day=reader.choice("last_day", LastDay),
        holidays=_read_holidays(reader),
    )
    reader.finish()
    return deadline


def _read_holidays(reader: Reader) -> frozenset[date]:
    days = [read_day(item, reader.path("holidays")) for item in reader.items("holidays")]
    if days != sorted(set(days)):
        raise OrderMalformed(f"{reader.path('holidays')} is not in order, each day once.")
    return frozenset(days)


def _read_appeal(order: Reader) -> model.Appeal | None:
    value = order.value("appeal")
    if value is None:
        return None
    reader = Reader(value, "appeal")
    appeal = model.Appeal(
        body=reader.text("body"),
        period=_read_offset(reader.value("period"), "appeal.period"),
        time_zone=reader.text("time_zone"),
        last_day=reader.choice("last_day", LastDay),
        holidays=_read_holidays(reader),
        suspensive=reader.flag("suspensive"),
    )
    reader.finish()
    return appeal


def _read_money(value: object, path: str) -> model.Money | None:
    if value is None:
        return None
    reader = Reader(value, path)
    amount, currency = reader.value("amount"), reader.value("currency")
    reader.finish()
    if not isinstance(amount, str) or _AMOUNT.fullmatch(amount) is None:
        raise AmountInvalid(f"{path}.amount is not an amount.")
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise AmountInvalid(f"{path}.currency is not a currency of ISO 4217.")
    return model.Money(Decimal(amount), currency)


def _read_penalty(reader: Reader) -> model.Penalty:
    secures = [
        Reader({"id": item}, reader.path(f"secures[{i}]")).match("id", _ID, "an obligation's id")
        for i, item in enumerate(reader.items("secures", least=1))
    ]
    reader.distinct("secures", secures)
    grace = reader.value("grace")
    penalty = model.Penalty(
        secures=tuple(secures),
        fixed=_read_money(reader.value("fixed"), reader.path("fixed")),
        fixed_due=reader.choice("fixed_due", model.FixedDue),
        rate=_read_money(reader.value("rate"), reader.path("rate")),
        per=reader.choice("per", model.Per),
        grace=None if grace is None else _read_offset(grace, reader.path("grace")),
        cap=_read_money(reader.value("cap"), reader.path("cap")),
    )
    reader.finish()
    return penalty


def _read_note(reader: Reader) -> model.Note:
    note = model.Note(reader.text("about"), reader.choice("ground", model.Ground), reader.text("text"))
    reader.finish()
    return note
