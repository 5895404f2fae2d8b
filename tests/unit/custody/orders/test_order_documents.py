"""What an order file may be: every bad one is refused with its own code, and the schema says the same."""

from __future__ import annotations

import contextlib
import copy
import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_papers import KEYS, SIGN, document, moment, order, served, signed

from countenance import errors
from countenance.custody.orders import model, periods
from countenance.custody.orders.clocks import deadlines
from countenance.custody.orders.currencies import CURRENCIES
from countenance.custody.orders.document import read_order_document
from countenance.custody.orders.penalties import accrued
from countenance.custody.orders.signing import read_order
from countenance.custody.orders.state import OrderState
from countenance.custody.orders.transitions import at
from countenance.custody.orders.writing import write_order
from countenance.custody.residency import evidence, scope

SCHEMA: dict[str, Any] = json.loads(
    resources.files("countenance.custody.orders").joinpath("order.schema.json").read_text("utf-8")
)


def change(path: str, value: object):
    """A function that puts ``value`` at the dotted ``path``; DELETE removes it."""

    def apply(d: Any) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            d = d[step]
        if value is DELETE:
            del d[last]
        else:
            d[last] = value

    return apply


DELETE = object()
ERASE = "obligations.3"
STATEMENT = {"kind": "statement", "what": "x"}
BAD = [
    # id, code, path, value, does the schema see it too?
    ("a predicate nobody knows", "predicate_unknown", "scope.predicate", "looks_like", True),
    ("a predicate about the face", "predicate_unknown", "scope.predicate", "apparent_ethnicity", True),
    ("a verb nobody can carry out", "verb_unknown", f"{ERASE}.verb", "forget", True),
    ("an empty scope", "scope_empty", "scope", {}, True),
    ("no scope", "scope_empty", "scope", None, True),
    ("an any with nothing in it", "scope_empty", "scope", {"any": []}, True),
    ("an all with nothing in it", "scope_empty", "scope", {"all": []}, True),
    ("a country by another code", "place_unknown", "scope.value", "UK", False),
    ("a union of countries", "place_unknown", "scope.value", "EU", False),
    ("a state that is none", "place_unknown", "scope.value", "US-XX", False),
    (
        "a span that ends before it starts",
        "date_impossible",
        "scope.when",
        {"from": "2022-02-02", "to": "2022-01-01"},
        False,
    ),
    ("a day that does not exist", "date_impossible", "instrument.issued", "2022-02-30", None),
    ("a month that does not exist", "date_impossible", "instrument.issued", "2022-13-01", None),
    ("a date in another form", "date_impossible", "instrument.issued", "18 May 2022", True),
    ("a week date", "date_impossible", "instrument.issued", "2022-W20-3", True),
    ("an hour that does not exist", "date_impossible", "service.at", "2022-05-18T25:00:00Z", None),
    ("a time without a zone", "date_impossible", "service.at", "2022-05-18T09:00:00", True),
    ("a year beyond all orders", "date_impossible", "service.at", "9999-12-31T23:59:59Z", False),
    (
        "a period beyond all orders",
        "date_impossible",
        f"{ERASE}.deadline.offset",
        {"count": 999, "unit": "years"},
        False,
    ),
    ("served before it was issued", "date_impossible", "service.at", "2022-05-17T09:00:00Z", False),
    ("a zone that does not exist", "time_zone_unknown", f"{ERASE}.deadline.time_zone", "Europe/Londres", False),
    ("a dependency that is not there", "dependency_unknown", f"{ERASE}.depends_on", ["answer-access"], False),
    ("an obligation that waits for itself", "dependency_cycle", f"{ERASE}.depends_on", ["erase"], False),
    ("subjects where customers are meant", "scope_mixed", "obligations.2.scope", None, False),
    (
        "customers where subjects are meant",
        "scope_mixed",
        f"{ERASE}.scope",
        {"predicate": "customer_in", "value": "GB", "customers": "any", "when": "execution"},
        False,
    ),
    ("an amount that is a number", "amount_invalid", "penalties.0.fixed.amount", 7552800, True),
    ("a negative amount", "amount_invalid", "penalties.0.fixed.amount", "-1.00", True),
    ("a currency that is none", "amount_invalid", "penalties.0.fixed.currency", "QQQ", True),
    ("two currencies", "amount_invalid", "penalties.0.cap", {"amount": "1.00", "currency": "EUR"}, False),
    ("a penalty of nothing", "amount_invalid", "penalties.0.fixed", None, False),
    ("a member that is missing", "order_malformed", "respondent", DELETE, True),
    ("a member that nobody knows", "order_malformed", "not_before", "2022-05-18", True),
    ("a count of true", "order_malformed", "revision", True, True),
    ("a revision of none", "order_malformed", "revision", 0, True),
    ("another version", "order_malformed", "version", 2, True),
    ("a control character", "order_malformed", "respondent", "A\u0007B", True),
    ("no obligations", "order_malformed", "obligations", [], True),
    ("no artefacts", "order_malformed", "artefacts", [], True),
    ("an artefact twice", "order_malformed", "artefacts", ["image", "image"], True),
    ("an artefact that is none", "order_malformed", "artefacts", ["soul"], True),
    (
        "erasure without the keepers' word",
        "order_malformed",
        f"{ERASE}.evidence",
        [{"kind": "statement", "what": "x"}],
        False,
    ),
    ("an obligation that shows nothing", "order_malformed", f"{ERASE}.evidence", [], True),
    ("an anchor without its offset", "order_malformed", f"{ERASE}.deadline.offset", None, True),
    ("an anchor on an appeal that is not granted", "order_malformed", "appeal", None, False),
    ("doubt that narrows without words for it", "order_malformed", "standard.doubt", "evidenced", False),
    ("holidays out of order", "order_malformed", "appeal.holidays", ["2022-12-26", "2022-12-25"], False),
]


@pytest.mark.parametrize(("code", "path", "value"), [pytest.param(*b[1:4], id=b[0]) for b in BAD])
def test_bad_order_is_refused_with_its_own_code(code, path, value):
    with pytest.raises(errors.OrderError) as caught:
        order("ico-2022", change(path, value))
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


def test_circle_of_obligations_is_named():
    def circle(d: dict[str, Any]) -> None:
        d["obligations"][0]["depends_on"] = ["erase"]
        d["obligations"][3]["depends_on"] = ["stop-collecting"]

    with pytest.raises(errors.DependencyCycle, match=r"erase → stop-collecting|stop-collecting → erase"):
        order("ico-2022", circle)


def test_deadline_before_service_is_refused():
    with pytest.raises(errors.DeadlineBeforeService, match="2021-01-26"):
        order("hamburg-2021", change("obligations.0.deadline.date", "2021-01-26"))
    assert order("hamburg-2021", change("obligations.0.deadline.date", "2021-01-27")).obligations[0].deadline


def test_order_that_ends_before_service_is_refused():
    end = {
        "anchor": "date",
        "date": "2022-01-01",
        "offset": None,
        "time_zone": "UTC",
        "last_day": "as_it_falls",
        "holidays": [],
    }
    with pytest.raises(errors.DeadlineBeforeService):
        order("aclu-2022", change("ends", end))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff\xfe{}", id="not UTF-8"),
        pytest.param(b'{"a": 1, "a": 2}', id="a member said twice"),
        pytest.param(b'{"a": 1.5}', id="a fraction"),
        pytest.param(b'{"a": NaN}', id="not a number"),
        pytest.param(b'{"a": 1} {"b": 2}', id="two objects"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b'{"a":' * 40 + b"1" + b"}" * 40, id="nested too deep"),
        pytest.param(b" " * (1024 * 1024 + 1), id="too large"),
    ],
)
def test_file_that_is_not_one_json_object_is_refused(data):
    with pytest.raises(errors.OrderUnreadable):
        read_order(data, KEYS)


@pytest.mark.parametrize("path", SIGN.order_files(), ids=lambda path: path.stem)
def test_order_is_written_exactly_as_it_was_read(path):
    d = document(path.stem)
    bare = {name: value for name, value in d.items() if name != "signature"}
    assert write_order(read_order_document(bare)) == bare


def places_in(value: Any, way: tuple[Any, ...] = ()):
    """Every path into a document."""
    if way:
        yield way
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places_in(child, (*way, key))


WAYS = [(name, way) for name in ("ico-2022", "cnil-2022", "oaic-2021") for way in places_in(document(name))]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    100_000,
    2**53 - 1,
    "",
    "x",
    "9999-12-31",
    "0001-01-01",
    "2022-02-30",
    [],
    {},
    [[]],
]
ODD += ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "🎭", "\ud800", ["GB"], {"all": []}, "001", "years", "date"]


@given(st.sampled_from(WAYS), st.sampled_from(ODD))
@settings(max_examples=400)
def test_odd_value_anywhere_is_read_or_refused_and_never_crashes(where, odd):
    name, way = where
    changed = copy.deepcopy(document(name))
    parent = changed
    for step in way[:-1]:
        parent = parent[step]
    parent[way[-1]] = odd
    try:
        data = signed(changed)
    except (errors.OrderMalformed, TypeError, KeyError, UnicodeEncodeError):
        return  # not even the example authority could sign it
    with contextlib.suppress(errors.OrderError):
        accepted = read_order(data, KEYS)
        assert accepted.to_document() == json.loads(data)
        later = at(served(accepted.order), moment("2999-12-31T00:00:00Z"))
        assert isinstance(later, OrderState)
        assert deadlines(later, moment("2999-12-31T00:00:00Z"))
        assert all(p.amount >= 0 for p in accrued(later, moment("2999-12-31T00:00:00Z")))


def test_scope_of_the_whole_world_is_flagged_as_everyone():
    whole = order("ico-2022", change("scope.value", "001"))
    assert scope.means_everyone(whole.scope)
    assert not scope.means_everyone(order("ico-2022").scope)


# -- the JSON Schema says what the code does -------------------------------------------------------------------


def enumerated(*path: str) -> list[str]:
    found: Any = SCHEMA["$defs"]
    for step in path:
        found = found[int(step)] if isinstance(found, list) else found[step]
    return list(found["enum"])


def test_schema_lists_what_the_code_knows():
    def values(kind):
        return [member.value for member in kind]

    assert enumerated("obligation", "properties", "verb") == values(model.Verb)
    assert enumerated("deadline", "properties", "anchor") == values(model.Anchor)
    assert enumerated("deadline", "properties", "last_day") == values(periods.LastDay)
    assert enumerated("offset", "properties", "unit") == values(periods.Unit)
    assert enumerated("penalty", "properties", "per") == values(model.Per)
    assert enumerated("penalty", "properties", "fixed_due") == values(model.FixedDue)
    assert enumerated("money", "properties", "currency") == sorted(CURRENCIES)
    assert SCHEMA["properties"]["artefacts"]["items"]["enum"] == values(model.Reached)
    assert SCHEMA["properties"]["standard"]["properties"]["doubt"]["enum"] == values(model.Doubt)
    leaves = SCHEMA["$defs"]["scope"]["oneOf"]
    said = [leaves[2]["properties"]["predicate"]["const"], leaves[3]["properties"]["predicate"]["const"]]
    assert sorted([*said, *leaves[4]["properties"]["predicate"]["enum"]]) == sorted(values(evidence.Predicate))
    assert leaves[3]["properties"]["customers"]["enum"] == values(scope.CustomerClass)


def test_schema_requires_exactly_the_members_that_the_code_writes():
    written = write_order(order("aclu-2022"))
    assert SCHEMA["required"] == [*written, "signature"]
    obligations = written["obligations"]
    assert isinstance(obligations, list)
    assert SCHEMA["$defs"]["obligation"]["required"] == list(obligations[0])
    assert SCHEMA["$defs"]["deadline"]["required"] == list(obligations[2]["deadline"])
    penalties = write_order(order("cnil-2022"))["penalties"]
    assert isinstance(penalties, list)
    assert SCHEMA["$defs"]["penalty"]["required"] == list(penalties[0])


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema, a test dependency, is not installed")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("path", SIGN.order_files(), ids=lambda path: path.stem)
def test_schema_accepts_the_examples(validator, path):
    validator.validate(document(path.stem))


@pytest.mark.parametrize(
    ("path", "value", "seen"), [pytest.param(*b[2:], id=b[0]) for b in BAD if b[4] is not None]
)
def test_schema_refuses_what_only_has_the_wrong_form(validator, path, value, seen):
    changed = copy.deepcopy(document("ico-2022"))
    change(path, value)(changed)
    resigned = json.loads(signed(changed))
    assert validator.is_valid(resigned) is not seen
