"""A scope as JSON, both ways.

Rules kept here: what is written is what was read, member for member, because it is signed; a predicate that
nobody can evaluate is PredicateUnknown before anything else about it is looked at.
"""

from __future__ import annotations

from countenance.custody.orders.reading import Reader
from countenance.custody.residency.evidence import Predicate
from countenance.custody.residency.places import Place, place
from countenance.custody.residency.scope import (
    AllOf,
    AnyOf,
    AtExecution,
    CustomerClass,
    Customers,
    InPlace,
    Named,
    Scope,
    Span,
    When,
    comparable_name,
)
from countenance.errors import DateImpossible, OrderMalformed, PredicateUnknown, ScopeEmpty

_AT_EXECUTION = "execution"


def read_scope(value: object, path: str) -> Scope:
    """The scope in ``value``. Raises ScopeEmpty, PredicateUnknown, PlaceUnknown, DateImpossible, OrderMalformed."""
    if value is None or value == {}:
        raise ScopeEmpty(f"{path} is empty.")
    reader = Reader(value, path)
    if reader.has("all") or reader.has("any"):
        name = "all" if reader.has("all") else "any"
        raw = reader.value(name)
        if raw == []:
            raise ScopeEmpty(f"{reader.path(name)} has nothing in it.")
        items = reader.items(name, least=1)
        reader.finish()
        parts = tuple(read_scope(item, f"{reader.path(name)}[{i}]") for i, item in enumerate(items))
        return AllOf(parts) if name == "all" else AnyOf(parts)
    leaf = _read_leaf(reader)
    reader.finish()
    return leaf


def _read_leaf(reader: Reader) -> Scope:
    said = reader.value("predicate")
    if not isinstance(said, str) or said not in {p.value for p in Predicate}:
        raise PredicateUnknown(
            f"{reader.path('predicate')} is not a predicate that can be evaluated: {said!r:.60}."
        )
    predicate = Predicate(said)
    if predicate is Predicate.NAMED_SUBJECT:
        name = reader.text("value", limit=200)
        if not comparable_name(name):
            raise ScopeEmpty(f"{reader.path('value')} names nobody.")
        return Named(name)
    where = _read_place(reader)
    if predicate is Predicate.CUSTOMER_IN:
        return Customers(where, reader.choice("customers", CustomerClass), _read_when(reader))
    return InPlace(predicate, where, _read_when(reader))


def _read_place(reader: Reader) -> Place:
    code = reader.value("value")
    if not isinstance(code, str):
        raise OrderMalformed(f"{reader.path('value')} is not the code of a place.")
    return place(code)


def _read_when(reader: Reader) -> When:
    said = reader.value("when")
    if said == _AT_EXECUTION:
        return AtExecution()
    span = Reader(said, reader.path("when"))
    start = None if span.value("from") is None else span.day("from")
    end = None if span.value("to") is None else span.day("to")
    span.finish()
    if start is not None and end is not None and end < start:
        raise DateImpossible(f"{reader.path('when')} ends before it starts.")
    return Span(start, end)


def write_scope(scope: Scope) -> dict[str, object]:
    """The JSON object that :func:`read_scope` read."""
    match scope:
        case AllOf(parts):
            return {"all": [write_scope(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [write_scope(part) for part in parts]}
        case Named(name):
            return {"predicate": Predicate.NAMED_SUBJECT.value, "value": name}
        case Customers(where, customers, when):
            return {
                "predicate": Predicate.CUSTOMER_IN.value,
                "value": where.code,
                "customers": customers.value,
                "when": _write_when(when),
            }
        case InPlace(predicate, where, when):
            return {"predicate": predicate.value, "value": where.code, "when": _write_when(when)}


def _write_when(when: When) -> object:
    match when:
        case AtExecution():
            return _AT_EXECUTION
        case Span(start, end):
            return {
                "from": None if start is None else start.isoformat(),
                "to": None if end is None else end.isoformat(),
            }
