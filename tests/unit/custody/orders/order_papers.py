"""Orders, papers and answers for the tests of this folder."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from countenance.clock import from_text
from countenance.custody.orders.model import Instrument, Order, Verb
from countenance.custody.orders.signing import AuthorityKeys, read_order
from countenance.custody.orders.state import Event, EventKind, Fulfilment, OrderState, Refused, Shown, drafted
from countenance.custody.orders.transitions import apply
from countenance.holding import Absence

EXAMPLES = Path(__file__).parents[4] / "examples" / "orders"
HOLDERS = ("keyring", "blobs", "store", "index")
JUDGMENT = Instrument("Judgment", "EXAMPLE-1", date(2022, 6, 1), "ab" * 32)


def _load_sign() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_order_signing", EXAMPLES / "sign.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIGN = _load_sign()
KEYS: AuthorityKeys = SIGN.example_registry()


def document(name: str) -> dict[str, Any]:
    """The example order as a document that may be changed."""
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    return loaded


def signed(changed: dict[str, Any]) -> bytes:
    """The bytes of ``changed``, signed again by its example authority."""
    return bytes(SIGN.signed_text(changed, changed["authority"]["name"]), "utf-8")


def order(name: str, change: Callable[[dict[str, Any]], object] | None = None) -> Order:
    """The example order, changed and signed again."""
    changed = copy.deepcopy(document(name))
    if change is not None:
        change(changed)
    return read_order(signed(changed), KEYS).order


def moment(text: str) -> datetime:
    """The moment in ``text``."""
    return from_text(text)


def ok(result: OrderState | Refused) -> OrderState:
    """The state, when it was not refused."""
    assert isinstance(result, OrderState), result
    return result


def served(o: Order) -> OrderState:
    """``o`` served at the moment that it says."""
    return ok(apply(drafted(o), Event(EventKind.SERVE, o.service.at, o.instrument)))


def happens(state: OrderState, kind: EventKind, at: str | datetime, **more: Any) -> OrderState:
    """``state`` after an event that must be accepted."""
    return ok(apply(state, event(kind, at, **more)))


def event(kind: EventKind, at: str | datetime, **more: Any) -> Event:
    """An event on the judgment's paper."""
    return Event(kind, moment(at) if isinstance(at, str) else at, JUDGMENT, **more)


def all_absent() -> tuple[Absence, ...]:
    """Every Holder's confirmation."""
    return tuple(Absence(name, True, "looked") for name in HOLDERS)


def shown_for(o: Order, id_: str, at: datetime, **more: Any) -> Fulfilment:
    """A complete fulfilment of that obligation."""
    obligation = o.obligation(id_)
    assert obligation is not None
    shown = tuple(Shown(need.kind, "example", "cd" * 32) for need in obligation.evidence)
    if obligation.verb is Verb.ERASE:
        more = {"holders": HOLDERS, "absences": all_absent(), **more}
    return Fulfilment(id_, at, shown, **more)


def meets(state: OrderState, id_: str, at: str) -> OrderState:
    """``state`` after that obligation was met."""
    when = moment(at)
    return happens(state, EventKind.FULFIL, when, fulfilment=shown_for(state.order, id_, when))
