"""No customer can see, search, count or infer what another holds: every route of the OpenAPI document, crosswise.

And everything that the policy refuses is refused over HTTP, in one shape, and logged.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from PIL import Image
from sqlalchemy import event

from countenance import Countenance
from countenance.http.asker import NO_VERB
from countenance.http.paging import cursor
from countenance.oversight.parties import MACHINE, Role
from countenance.oversight.policy import ROWS, Reach, Verb
from tests.galleries import START, Galleries
from tests.journeys.test_service_story import Force, opened
from tests.journeys.test_service_subjects import files, permitted, with_enroller
from tests.offices import PASSWORD, PURPOSE
from tests.photographs import of_portrait
from tests.served import Service, serving

pytestmark = pytest.mark.usefixtures("quick_passwords")

ABSENT = {
    "subject": "0" * 64,
    "key": "0" * 20,
    "code": "no_face",
    "side": "probe",
    "path": "0/000",
    "order": "none",
}
"""Values of path parameters that name nothing; 32 zeros where nothing else is said."""

UNTIL = START.replace(year=2028).isoformat()
BODIES: dict[str, dict[str, Any]] = {
    "PermissionToRecord": {"subject": "x", "purposes": [PURPOSE], "residence": "GB", "until": "2027-12-01"},
    "Lookup": {"subject": "x"},
    "CompartmentToOpen": {"name": "attic"},
    "CompartmentChange": {"name": "attic"},
    "Opinion": {"answer": "same"},
    "DelayToPlace": {"authority": "a court", "instrument_sha256": "0" * 64, "until": "2027-02-01T00:00:00Z"},
    "Competence": {"until": UNTIL},
    "CaseToOpen": {
        "purpose": PURPOSE, "legal_basis": "law_enforcement", "reference": "1", "subject_matter": "x",
        "expires": UNTIL, "quota": 1,
    },
    "CustomerToRegister": {
        "name": "x", "class": "police", "jurisdiction": "GB", "legal_basis": "law_enforcement", "purposes":
        [PURPOSE],
    },
    "PersonToAdd": {"name": "x", "password": PASSWORD, "roles": ["enroller"], "customer": "0" * 32},
    "AccountToGive": {"name": "x", "password": PASSWORD, "subject": "x"},
    "KeyToIssue": {"customer": "0" * 32, "roles": ["enroller"], "expires": UNTIL},
    "BlockToPlace": {"customers": "police", "jurisdiction": "GB", "ground": "x"},
    "AuthorityToRegister": {"authority": "x", "public_key": "x"},
    "HoldToPlace": {"hold": "x", "ground": "x", "subjects": ["x"]},
    "Link": {"sub": "x"},
    "IssuerToAdd": {"url": "https://login.example.org", "audience": "x"},
    "Telling": {"recipient": "x"},
    "EvidenceToAdd": {"subject": "x", "predicate": "resident_of", "value": ["GB"], "source": "x"},
    "Whereabouts": {"subject": "x"},
    "Credentials": {"name": "x", "password": "x"},
}  # fmt: skip
"""A body of each kind that is well formed, so that a refusal is never for its form."""


@dataclass
class Two:
    """Two customers of one service; ours holds one of everything."""

    service: Service
    ours: Force
    theirs: Force
    ids: dict[str, str] = field(default_factory=dict)
    """What our things are called, by the name of the path parameter."""
    words: set[str] = field(default_factory=set)
    """What must never be read by theirs."""

    @property
    def gallery(self) -> Countenance:
        gallery: Countenance = self.service.application.state.gallery
        return gallery


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Two]:
    galleries = Galleries(tmp_path_factory.mktemp("isolation"), model_cache)
    photographs = of_portrait()
    gallery = galleries.new()
    for name, role in (
        ("operator", Role.OPERATOR),
        ("officer", Role.DATA_PROTECTION_OFFICER),
        ("inspector", Role.REGULATOR),
    ):
        gallery.oversight.people.add(MACHINE, name, PASSWORD, roles=[role], customer_id=None)
    with serving(gallery) as service:
        ours, theirs = with_enroller(service), with_enroller(service, "River Police")
        assert (
            ours["enroller"].ask("PATCH", "/compartments/lobby", json={"name": "harbour-vault"}).status_code == 200
        )
        here = "/compartments/harbour-vault"
        body = {"subject": "wilhelmina", "purposes": [PURPOSE], "residence": "GB", "until": "2027-12-01"}
        made = ours["enroller"].post(f"{here}/permissions", json=body).json()
        subject, permission = made["id"], made["receipt"]["record_id"]
        sent = files("images", *photographs[:2])
        image = ours["enroller"].post(f"{here}/subjects/{subject}/images", files=sent).json()["items"][0]["image"]
        job = ours["enroller"].post(f"{here}/subjects/{subject}/enrolments", files=files("images", photographs[2]))
        case = opened(ours, reference="harbour-file-117", subject_matter="a robbery by night")
        searched = ours["investigator"].post(f"/cases/{case}/searches", files=files("image", photographs[3]))
        assert searched.json()["faces"] == 1, searched.text
        review = ours["first"].post("/reviews/next").json()["review"]["review"]
        key = service.login("operator", PASSWORD).post(
            "/keys", json={"customer": ours.customer, "roles": ["enroller"], "expires": UNTIL}
        )
        ids = {
            "customer": ours.customer, "compartment": "harbour-vault", "subject": subject, "image": image,
            "permission": permission, "job": job.json()["job"], "case": case, "review": review,
            "key": key.json()["key"], "person": ours["investigator"].get("/sessions/current").json()["actor"],
        }  # fmt: skip
        words = {*ids.values(), "wilhelmina", "harbour-file-117", "Harbour Police", searched.json()["search"]}
        permitted(theirs, "somebody")
        yield Two(service, ours, theirs, ids, words)


def document() -> dict[str, Any]:
    from tests.architecture.test_routes import application

    whole: dict[str, Any] = application().openapi()
    return whole


OPENAPI = document()
ROUTES = [
    (method.upper(), path, described)
    for path, methods in OPENAPI["paths"].items()
    for method, described in methods.items()
]
IDS = [f"{method} {path}" for method, path, _ in ROUTES]
PARAMETER = re.compile(r"{(\w+)}")


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def asked(who: Service, method: str, path: str, described: dict[str, Any], values: dict[str, str]) -> Response:
    """Ask a route with a well-formed request."""
    filled = PARAMETER.sub(lambda found: values.get(found[1], ABSENT.get(found[1], "0" * 32)), path)
    content = described.get("requestBody", {}).get("content", {})
    more: dict[str, Any] = {}
    if "application/json" in content:
        name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        more["json"] = BODIES[name]
    elif "multipart/form-data" in content:
        schema = OPENAPI["components"]["schemas"][
            content["multipart/form-data"]["schema"]["$ref"].rsplit("/", 1)[-1]
        ]
        uploads, fields = [], {}
        for name, kind in schema["properties"].items():
            if name not in schema.get("required", ()):
                continue
            if "contentMediaType" in str(kind) or "binary" in str(kind):
                uploads.append((name, ("x.png", picture(), "image/png")))
            else:
                fields[name] = "freeze"
        more |= {"files": uploads, "data": fields}
    return who.ask(method, filled.removeprefix("/v1"), **more)


def said(answer: Response) -> object:
    """An answer without what differs from one request to the next."""
    if answer.headers["content-type"].endswith("json") and answer.content:
        told = answer.json()
        return {**told, "instance": ""} if isinstance(told, dict) else told
    return answer.content


@contextmanager
def statements(gallery: Countenance) -> Iterator[list[str]]:
    """Every SQL statement that is run meanwhile: the work that a clock would measure, without a clock."""
    run: list[str] = []
    engine = gallery._database._engine

    def note(_c: Any, _x: Any, statement: str, *_: Any) -> None:
        run.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield run
    finally:
        event.remove(engine, "before_cursor_execute", note)


def of_customers(described: dict[str, Any]) -> bool:
    verb = described["x-verb"]
    return verb == NO_VERB or ROWS[Verb(verb)].reach not in (Reach.EVERYBODY,)


def of_ours(described: dict[str, Any]) -> bool:
    """Whether a route is about what one customer holds."""
    return ROWS[Verb(described["x-verb"])].reach is Reach.CUSTOMER


PEOPLE = {
    "operator": Role.OPERATOR, "officer": Role.DATA_PROTECTION_OFFICER, "inspector": Role.REGULATOR,
    "investigator": Role.INVESTIGATOR, "authoriser": Role.AUTHORISER, "first": Role.REVIEWER,
    "enroller": Role.ENROLLER, "herself": Role.SUBJECT,
}  # fmt: skip
OUTSIDERS = ["investigator", "authoriser", "first", "enroller"]
"""Whoever asks from the other customer: one of each role."""


def may(role: str, described: dict[str, Any]) -> bool:
    """Whether the policy names the role for a route, so that only whose thing it is can be in the way."""
    verb = described["x-verb"]
    return verb == NO_VERB or PEOPLE[role] in ROWS[Verb(verb)].roles


WITH_PARAMETERS = [
    (method, path, described)
    for method, path, described in ROUTES
    if PARAMETER.search(path) and of_customers(described) and "/problems/" not in path
]


@pytest.mark.parametrize("role", OUTSIDERS)
@pytest.mark.parametrize(
    ("method", "path", "described"), WITH_PARAMETERS, ids=[f"{m} {p}" for m, p, _ in WITH_PARAMETERS]
)
def test_what_another_holds_looks_exactly_like_what_does_not_exist(
    two: Two, method: str, path: str, described: dict[str, Any], role: str
) -> None:
    who = two.theirs[role]
    # One parameter of ours at a time as well: the others may be their own.
    absent = {name: ABSENT.get(name, "0" * 32) for name in PARAMETER.findall(path)}
    if "compartment" in absent and len(absent) > 1:
        absent["compartment"] = "lobby"
    foreign = {name: two.ids.get(name, value) for name, value in absent.items()}
    if absent.get("compartment") == "lobby":
        foreign["compartment"] = "lobby"  # their own compartment, our subject
    asked(who, method, path, described, absent)  # the first time may have to look something up once
    with statements(two.gallery) as for_absent:
        nothing = asked(who, method, path, described, absent)
    with statements(two.gallery) as for_foreign:
        hidden = asked(who, method, path, described, foreign)
    assert hidden.status_code in (400, 403, 404, 409), hidden.text
    assert (hidden.status_code, said(hidden)) == (nothing.status_code, said(nothing))
    assert for_foreign == for_absent, "more work for what is there than for what is not can be timed"
    assert not [word for word in two.words if word in hidden.text]
    if may(role, described):
        assert hidden.status_code == 404, "refused for what it asks for, and not for how it asks"


LOOKED_AT = [one for one in WITH_PARAMETERS if one[0] == "GET" and (one[2]["x-verb"] == NO_VERB or of_ours(one[2]))]


@pytest.mark.parametrize(("method", "path", "described"), LOOKED_AT, ids=[f"{m} {p}" for m, p, _ in LOOKED_AT])
def test_its_owner_is_answered_so_that_the_silence_to_others_says_something(
    two: Two, method: str, path: str, described: dict[str, Any]
) -> None:
    (who, *_) = [two.ours[role] for role in ("enroller", "investigator", "first") if may(role, described)]
    answer = asked(who, method, path, described, two.ids)
    assert answer.status_code == 200, answer.text


WITHOUT_PARAMETERS = [
    one for one in ROUTES if not PARAMETER.search(one[1]) and one[0] == "GET" and of_customers(one[2])
]


@pytest.mark.parametrize("role", OUTSIDERS)
@pytest.mark.parametrize(
    ("method", "path", "described"), WITHOUT_PARAMETERS, ids=[f"{m} {p}" for m, p, _ in WITHOUT_PARAMETERS]
)
def test_no_list_shows_or_counts_what_another_holds(
    two: Two, method: str, path: str, described: dict[str, Any], role: str
) -> None:
    answer = asked(two.theirs[role], method, path, described, {})
    assert not [word for word in two.words if word in answer.text]
    if answer.status_code == 200 and "items" in answer.json():
        assert len(answer.json()["items"]) <= 1, "their own compartment, and nothing else"


def test_the_public_register_tells_customers_apart_by_class_only(two: Two) -> None:
    text = two.service.get("/register").text + two.service.get("/register/page").text
    assert not [word for word in two.words if word in text]


POLICED = [one for one in ROUTES if one[2]["x-verb"] not in (NO_VERB,) and of_customers(one[2])]
ASKED_WITH_A_KEY = [one for one in ROUTES if one[2].get("security")]


@pytest.fixture(scope="module")
def everybody(two: Two) -> dict[str, Service]:
    """Somebody of each role, logged in."""
    staff = {name: two.service.login(name, PASSWORD) for name in ("operator", "officer", "inspector")}
    two.gallery.permit("selma", purposes=[PURPOSE], residence="GB", until=START.date().replace(year=2028))
    two.gallery.oversight.people.give_subject_account(MACHINE, "selma", "selma@example.org", PASSWORD)
    herself = {"herself": two.service.login("selma@example.org", PASSWORD)}
    return staff | herself | {name: two.theirs[name] for name in OUTSIDERS}


def refused(two: Two, who: Service, described: dict[str, Any], answer: Response, before: int) -> str:
    """Check that an answer is a refusal of the policy, in its one shape, and logged; gives the reason."""
    assert answer.status_code == 403, answer.text
    assert answer.json()["code"] == "access_refused"
    entries = list(two.gallery._witness.log.entries(before, two.gallery._witness.log.size))
    asker = two.gallery.oversight.authenticate(str(who.token))
    assert [
        (one.event, one.body["verb"], one.body["why"], one.body["actor"], one.body["customer"]) for one in entries
    ] == [("access.refused", described["x-verb"], answer.json()["reason"], asker.actor, asker.customer_id)]
    return str(answer.json()["reason"])


@pytest.mark.parametrize(("method", "path", "described"), POLICED, ids=[f"{m} {p}" for m, p, _ in POLICED])
def test_every_role_that_the_policy_does_not_name_is_refused_and_the_refusal_is_logged(
    two: Two, everybody: dict[str, Service], method: str, path: str, described: dict[str, Any]
) -> None:
    row = ROWS[Verb(described["x-verb"])]
    allowed = row.roles | row.own
    for name, role in PEOPLE.items():
        if role in allowed:
            continue
        before = two.gallery._witness.log.size
        answer = asked(everybody[name], method, path, described, {})
        reason = refused(two, everybody[name], described, answer, before)
        assert reason in ("role", "not_the_gallerys_own", "no_customer", "not_herself"), name


@pytest.mark.parametrize(
    ("method", "path", "described"), ASKED_WITH_A_KEY, ids=[f"{m} {p}" for m, p, _ in ASKED_WITH_A_KEY]
)
def test_without_a_credential_or_with_an_ended_one_every_route_says_the_same(
    two: Two, ended: Service, method: str, path: str, described: dict[str, Any]
) -> None:
    none = asked(two.service.as_(None), method, path, described, two.ids)
    over = asked(ended, method, path, described, two.ids)
    assert (none.status_code, none.json()["code"]) == (401, "credential_invalid")
    assert (over.status_code, over.json()["code"]) == (401, "credential_invalid")


@pytest.fixture(scope="module")
def ended(two: Two) -> Service:
    """A key of ours that was revoked."""
    operator = two.service.login("operator", PASSWORD)
    body = {"customer": two.ours.customer, "roles": ["enroller", "investigator"], "expires": UNTIL}
    issued = operator.post("/keys", json=body).json()
    program = two.service.as_(issued["secret"])
    assert program.get("/compartments").status_code == 200
    assert operator.delete(f"/keys/{issued['key']}").status_code == 204
    return program


def test_only_these_routes_answer_anybody(two: Two) -> None:
    answering = [(method, path) for method, path, described in ROUTES if not described.get("security")]
    assert {path.split("/")[2] for _, path in answering} == {"health", "log", "problems", "register", "sessions"}
    assert [one for one in answering if one[1].startswith("/v1/sessions")] == [("POST", "/v1/sessions")]
    assert not [path for _, path in answering if path.startswith("/v1/log/entries")]


STATES = {
    "suspended": ("customer_suspended", lambda row: not row.suspended),
    "barred": ("barred", lambda row: row.looks),
}
"""States of a customer: the reason that it is refused for, and which verbs are refused by it."""


@pytest.mark.parametrize("state", STATES)
def test_what_a_customers_state_forbids_is_refused_to_every_role_and_logged_and_nothing_else_is(
    two: Two, everybody: dict[str, Service], state: str
) -> None:
    operator, officer = everybody["operator"], everybody["officer"]
    reason, forbids = STATES[state]
    block = ""
    if state == "suspended":
        assert operator.put(f"/customers/{two.theirs.customer}/suspension").status_code == 200
    else:
        body = {"customers": "police", "jurisdiction": "GB", "ground": "a court has said so"}
        block = officer.post("/blocks", json=body).json()["block"]
    seen = set()
    try:
        for method, path, described in POLICED:
            row = ROWS[Verb(described["x-verb"])]
            if row.reach is not Reach.CUSTOMER:
                continue
            for name in OUTSIDERS:
                if PEOPLE[name] not in row.roles:
                    continue
                before = two.gallery._witness.log.size
                if forbids(row):
                    answer = asked(everybody[name], method, path, described, {})
                    assert refused(two, everybody[name], described, answer, before) == reason, path
                elif method == "GET" or "{" in path:  # what takes nothing in and names nothing that is there
                    answer = asked(everybody[name], method, path, described, {})
                    assert answer.json().get("reason") != reason, path
                seen.add((row.verb, name))
    finally:
        if state == "suspended":
            assert operator.delete(f"/customers/{two.theirs.customer}/suspension").status_code == 200
        else:
            assert operator.delete(f"/blocks/{block}").status_code == 200
    whole = {(row.verb, name) for row in ROWS.values() if row.reach is Reach.CUSTOMER
             for name in OUTSIDERS if PEOPLE[name] in row.roles}  # fmt: skip
    assert seen == whole, "every verb of a customer's has a route"


def both_ways(two: Two, who: Service, method: str, path: str, foreign: object, absent: object) -> None:
    """Ask with something of ours and with nothing: the same words, the same work."""
    ask = {"json": absent} if isinstance(absent, dict) else {"params": {"cursor": absent}}
    named = {"json": foreign} if isinstance(foreign, dict) else {"params": {"cursor": foreign}}
    who.ask(method, path, **ask)  # the first time may have to look something up once
    with statements(two.gallery) as for_absent:
        nothing = who.ask(method, path, **ask)
    with statements(two.gallery) as for_foreign:
        hidden = who.ask(method, path, **named)
    assert (hidden.status_code, said(hidden)) == (nothing.status_code, said(nothing)), hidden.text
    assert for_foreign == for_absent
    assert not [word for word in two.words if word in hidden.text]


def test_what_another_holds_is_not_reached_through_a_body_or_a_cursor(two: Two) -> None:
    enroller, investigator = two.theirs["enroller"], two.theirs["investigator"]
    none = "0" * 32
    terms = [{"terms": {"case": case}} for case in (two.ids["case"], none)]
    both_ways(two, enroller, "PATCH", "/compartments/lobby", *terms)
    both_ways(
        two, enroller, "POST", "/compartments/lobby/lookups", {"subject": "wilhelmina"}, {"subject": "w" * 10}
    )
    for who, path, kind in (
        (investigator, "/cases", "case"),
        (enroller, "/compartments", "compartment"),
        (enroller, "/jobs", "job"),
        (enroller, "/compartments/lobby/subjects", "subject"),
        (enroller, "/compartments/lobby/images", "image"),
    ):
        beside = two.ids[kind][:-1] + ("1" if two.ids[kind][-1] == "0" else "0")  # where lists go by the id
        both_ways(two, who, "GET", path, cursor(two.ids[kind]), cursor(beside))


def test_one_name_and_one_idempotency_key_for_two_customers_are_two_things(two: Two) -> None:
    enroller = two.theirs["enroller"]
    ours = two.ours["enroller"].post("/compartments", json={"name": "cellar"}, key="one key")
    assert ours.status_code == 201
    with statements(two.gallery) as for_fresh:
        fresh = enroller.post("/compartments", json={"name": "a name of their own"})
    with statements(two.gallery) as for_taken:
        taken = enroller.post("/compartments", json={"name": "harbour-vault"})
    assert (fresh.status_code, taken.status_code) == (201, 201), "ours of that name is none of their business"
    assert for_taken == for_fresh
    theirs = enroller.post("/compartments", json={"name": "cellar"}, key="one key")
    assert theirs.status_code == 201
    assert "idempotency-replayed" not in theirs.headers
    assert theirs.json()["customer"] == two.theirs.customer
    for name in ("harbour-vault", "a name of their own", "cellar"):
        assert enroller.delete(f"/compartments/{name}").status_code == 200
    assert two.ours["enroller"].get("/compartments/harbour-vault").json()["subjects"] == 1
    assert two.ours["enroller"].delete("/compartments/cellar").status_code == 200


def test_what_waits_for_our_reviewers_is_given_to_none_of_theirs(two: Two) -> None:
    assert two.ours["first"].post("/reviews/next").json()["review"]["review"] == two.ids["review"]
    assert two.theirs["first"].post("/reviews/next").json() == {"review": None}


def test_a_key_that_is_limited_to_one_verb_does_nothing_else(two: Two, everybody: dict[str, Service]) -> None:
    body = {"customer": two.theirs.customer, "roles": ["enroller", "investigator"], "expires": UNTIL}
    issued = everybody["operator"].post("/keys", json={**body, "verbs": [Verb.CASE_LIST]}).json()
    program = two.service.as_(issued["secret"])
    assert program.get("/cases").status_code == 200
    for method, path, described in POLICED:
        if described["x-verb"] != Verb.CASE_LIST:
            before = two.gallery._witness.log.size
            answer = asked(program, method, path, described, {})
            assert refused(two, program, described, answer, before) == "key_limited", path
    assert everybody["operator"].delete(f"/keys/{issued['key']}").status_code == 204
