"""An order's state as a JSON document to store, and back.

Rules kept here: the record carries a version and the order as it was written; reading a record of another version
or form is OrderMalformed; ``read_state(write_state(s)) == s``.
"""

from __future__ import annotations

from datetime import datetime

from countenance.clock import from_text, to_text
from countenance.custody.orders.document import read_instrument, read_order_document
from countenance.custody.orders.model import EvidenceKind
from countenance.custody.orders.reading import Reader
from countenance.custody.orders.state import (
    Entry,
    Escalation,
    EventKind,
    Fulfilment,
    OrderState,
    Pause,
    Shown,
    State,
)
from countenance.custody.orders.writing import write_instrument, write_order
from countenance.errors import OrderMalformed
from countenance.holding import Absence
from countenance.terms import SubjectId

VERSION = 1
_MOST = 2**62


def write_state(state: OrderState) -> dict[str, object]:
    """``state`` as JSON values."""
    return {
        "version": VERSION,
        "order": write_order(state.order),
        "state": state.state.value,
        "history": [_write_entry(entry) for entry in state.history],
        "fulfilments": [_write_fulfilment(fulfilment) for fulfilment in state.fulfilments],
        "pauses": [{"start": to_text(p.start), "end": _text(p.end)} for p in state.pauses],
        "appeal_lodged_at": _text(state.appeal_lodged_at),
        "appeal_disposed_at": _text(state.appeal_disposed_at),
        "frozen_since": _text(state.frozen_since),
        "escalations": [
            {
                "hold_id": e.hold_id,
                "subject_ids": sorted(e.subject_ids),
                "since": to_text(e.since),
                "resolved_at": _text(e.resolved_at),
            }
            for e in state.escalations
        ],
    }


def read_state(document: object) -> OrderState:
    """The state that :func:`write_state` wrote. Raises OrderMalformed."""
    reader = Reader(document, "state record")
    reader.number("version", least=VERSION, most=VERSION)
    state = OrderState(
        order=read_order_document(reader.value("order")),
        state=reader.choice("state", State),
        history=tuple(_read_entry(item) for item in _each(reader, "history")),
        fulfilments=tuple(_read_fulfilment(item) for item in _each(reader, "fulfilments")),
        pauses=tuple(_read_pause(item) for item in _each(reader, "pauses")),
        appeal_lodged_at=_optional_moment(reader, "appeal_lodged_at"),
        appeal_disposed_at=_optional_moment(reader, "appeal_disposed_at"),
        frozen_since=_optional_moment(reader, "frozen_since"),
        escalations=tuple(_read_escalation(item) for item in _each(reader, "escalations")),
    )
    reader.finish()
    return state


def _write_entry(entry: Entry) -> dict[str, object]:
    return {
        "at": to_text(entry.at),
        "event": entry.event.value,
        "before": entry.before.value,
        "after": entry.after.value,
        "instrument": write_instrument(entry.instrument),
        "note": entry.note,
    }


def _read_entry(reader: Reader) -> Entry:
    note = reader.value("note")
    if not isinstance(note, str):
        raise OrderMalformed("A history entry's note is not text.")
    entry = Entry(
        _moment(reader, "at"),
        reader.choice("event", EventKind),
        reader.choice("before", State),
        reader.choice("after", State),
        read_instrument(reader.value("instrument"), "instrument"),
        note,
    )
    reader.finish()
    return entry


def _write_fulfilment(fulfilment: Fulfilment) -> dict[str, object]:
    return {
        "obligation_id": fulfilment.obligation_id,
        "at": to_text(fulfilment.at),
        "shown": [{"kind": s.kind.value, "reference": s.reference, "sha256": s.sha256} for s in fulfilment.shown],
        "holders": list(fulfilment.holders),
        "absences": [
            {
                "holder": a.holder,
                "absent": a.absent,
                "checked": a.checked,
                "remaining": a.remaining,
                "unconfirmed": a.unconfirmed,
            }
            for a in fulfilment.absences
        ],
        "recipients_silent": fulfilment.recipients_silent,
    }


def _read_fulfilment(reader: Reader) -> Fulfilment:
    fulfilment = Fulfilment(
        obligation_id=reader.text("obligation_id"),
        at=_moment(reader, "at"),
        shown=tuple(_read_shown(item) for item in _each(reader, "shown")),
        holders=tuple(
            Reader({"name": item}, "holders").text("name") for item in reader.items("holders", most=_MOST)
        ),
        absences=tuple(_read_absence(item) for item in _each(reader, "absences")),
        recipients_silent=reader.number("recipients_silent", least=0, most=_MOST),
    )
    reader.finish()
    return fulfilment


def _read_shown(reader: Reader) -> Shown:
    shown = Shown(reader.choice("kind", EvidenceKind), reader.text("reference"), reader.text("sha256"))
    reader.finish()
    return shown


def _read_absence(reader: Reader) -> Absence:
    absence = Absence(
        reader.text("holder"),
        reader.flag("absent"),
        reader.text("checked"),
        reader.number("remaining", least=0, most=_MOST),
        reader.optional_text("unconfirmed"),
    )
    reader.finish()
    return absence


def _read_pause(reader: Reader) -> Pause:
    pause = Pause(_moment(reader, "start"), _optional_moment(reader, "end"))
    reader.finish()
    return pause


def _read_escalation(reader: Reader) -> Escalation:
    ids = [
        Reader({"id": item}, "subject_ids").number("id", least=0, most=_MOST)
        for item in reader.items("subject_ids", most=_MOST)
    ]
    escalation = Escalation(
        reader.text("hold_id"),
        frozenset(SubjectId(id_) for id_ in ids if isinstance(id_, int)),
        _moment(reader, "since"),
        _optional_moment(reader, "resolved_at"),
    )
    reader.finish()
    return escalation


def _each(reader: Reader, name: str) -> list[Reader]:
    return [Reader(item, name) for item in reader.items(name, most=_MOST)]


def _names(reader: Reader, name: str) -> tuple[str, ...]:
    return tuple(Reader({name: item}, "").text(name) for item in reader.items(name, most=_MOST))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def _moment(reader: Reader, name: str) -> datetime:
    # Not Reader.moment: the engine's own moments carry microseconds, an order's do not.
    try:
        return from_text(reader.text(name))
    except ValueError as error:
        raise OrderMalformed(f"{reader.path(name)} is not a time.") from error


def _optional_moment(reader: Reader, name: str) -> datetime | None:
    return None if reader.value(name) is None else _moment(reader, name)
