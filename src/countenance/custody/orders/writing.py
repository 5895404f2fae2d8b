"""Writes an order as JSON, exactly as document.py reads it.

Rules kept here: what is written is what was read, member for member, so that the signature still holds; amounts
are strings, because canonical JSON (RFC 8785) knows only binary floating point numbers.
"""

from __future__ import annotations

from countenance.clock import to_text
from countenance.custody.orders import model
from countenance.custody.orders.document import TYPE, VERSION
from countenance.custody.orders.periods import Offset
from countenance.custody.orders.scope_document import write_scope


def write_instrument(instrument: model.Instrument) -> dict[str, object]:
    """The JSON object that ``document.read_instrument`` reads."""
    return {
        "title": instrument.title,
        "reference": instrument.reference,
        "issued": instrument.issued.isoformat(),
        "sha256": instrument.sha256,
    }


def write_order(order: model.Order) -> dict[str, object]:
    """The JSON object that ``document.read_order_document`` read, without a signature."""
    return {
        "type": TYPE,
        "version": VERSION,
        "id": order.id,
        "revision": order.revision,
        "title": order.title,
        "authority": {
            "name": order.authority.name,
            "jurisdiction": order.authority.jurisdiction.code,
            "key_id": order.authority.key_id,
        },
        "respondent": order.respondent,
        "legal_basis": order.legal_basis,
        "instrument": write_instrument(order.instrument),
        "service": {"at": to_text(order.service.at), "how": order.service.how},
        "scope": write_scope(order.scope),
        "artefacts": [artefact.value for artefact in order.artefacts],
        "standard": {
            "text": order.standard.text,
            "doubt": order.standard.doubt.value,
            "ground": order.standard.ground,
        },
        "obligations": [_write_obligation(obligation) for obligation in order.obligations],
        "appeal": _write_appeal(order.appeal),
        "penalties": [_write_penalty(penalty) for penalty in order.penalties],
        "ends": _write_deadline(order.ends),
        "notes": [{"about": n.about, "ground": n.ground.value, "text": n.text} for n in order.notes],
    }


def _write_obligation(obligation: model.Obligation) -> dict[str, object]:
    return {
        "id": obligation.id,
        "verb": obligation.verb.value,
        "text": obligation.text,
        "depends_on": list(obligation.depends_on),
        "deadline": _write_deadline(obligation.deadline),
        "evidence": [{"kind": need.kind.value, "what": need.what} for need in obligation.evidence],
        "scope": None if obligation.scope is None else write_scope(obligation.scope),
    }


def _write_offset(offset: Offset | None) -> dict[str, object] | None:
    return None if offset is None else {"count": offset.count, "unit": offset.unit.value}


def _write_deadline(deadline: model.Deadline | None) -> dict[str, object] | None:
    if deadline is None:
        return None
    return {
        "anchor": deadline.anchor.value,
        "date": None if deadline.fixed_day is None else deadline.fixed_day.isoformat(),
        "offset": _write_offset(deadline.offset),
        "time_zone": deadline.time_zone,
        "last_day": deadline.last_day.value,
        "holidays": [day.isoformat() for day in sorted(deadline.holidays)],
    }


def _write_appeal(appeal: model.Appeal | None) -> dict[str, object] | None:
    if appeal is None:
        return None
    return {
        "body": appeal.body,
        "period": _write_offset(appeal.period),
        "time_zone": appeal.time_zone,
        "last_day": appeal.last_day.value,
        "holidays": [day.isoformat() for day in sorted(appeal.holidays)],
        "suspensive": appeal.suspensive,
    }


def _write_money(money: model.Money | None) -> dict[str, object] | None:
    return None if money is None else {"amount": str(money.amount), "currency": money.currency}


def _write_penalty(penalty: model.Penalty) -> dict[str, object]:
    return {
        "secures": list(penalty.secures),
        "fixed": _write_money(penalty.fixed),
        "fixed_due": penalty.fixed_due.value,
        "rate": _write_money(penalty.rate),
        "per": penalty.per.value,
        "grace": _write_offset(penalty.grace),
        "cap": _write_money(penalty.cap),
    }
