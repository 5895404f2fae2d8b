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
from countenance.oversight import passwords
from countenance.oversight.parties import MACHINE, Role
from countenance.oversight.policy import ROWS, Reach, Verb
from tests.galleries import START, Galleries
from tests.journeys.test_service_story import Force, opened
from tests.journeys.test_service_subjects import files, permitted, with_enroller
from tests.offices import PASSWORD, PURPOSE
from tests.photographs import of_portrait
from tests.served import Service, serving

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
    "KeyToIssue": {"customer": "0" * 32, "roles": ["enroller"], "expires": UNTIL},
    "BlockToPlace": {"customers": "police", "jurisdiction": "GB", "ground": "x"},
    "AuthorityToRegister": {"authority": "x", "public_key": "x"},
    "HoldToPlace": {"hold": "x", "ground": "x", "subjects": ["x"]},
    "Link": {"sub": "x"},
    "IssuerToAdd": {"url": "https://login.example.org", "audience": "x"},
    "Telling": {"recipient": "x"},
    "EvidenceToAdd": {"predicate": "resident_of", "value": ["GB"], "source": "x"},
    "Credentials": {"name": "x", "password": "x"},
}  # fmt: skip
"""A body of each kind that is well formed, so that a refusal is never for its form."""


@pytest.fixture(autouse=True, scope="module")
def quick_passwords() -> Iterator[None]:
    """Argon2id at its real cost would take most of these tests' time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_MEMORY_KIB", 64)
        patch.setattr(passwords, "_PASSES", 1)
        yield


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
        subject = ours["enroller"].post(f"{here}/permissions", json=body).json()["id"]
        sent = files("images", *photographs[:2])
        image = ours["enroller"].post(f"{here}/subjects/{subject}/images", files=sent).json()["items"][0]["image"]
        job = ours["enroller"].post(f"{here}/subjects/{subject}/enrolments", files=files("images", photographs[2]))
        case = opened(ours, reference="harbour-file-117", subject_matter="a robbery by night")
        made = ours["investigator"].post(f"/cases/{case}/searches", files=files("image", photographs[3]))
        assert made.json()["faces"] == 1, made.text
        review = ours["first"].post("/reviews/next").json()["review"]["review"]
        key = service.login("operator", PASSWORD).post(
            "/keys", json={"customer": ours.customer, "roles": ["enroller"], "expires": UNTIL}
        )
        ids = {
            "customer": ours.customer, "compartment": "harbour-vault", "subject": subject, "image": image,
            "job": job.json()["job"], "case": case, "review": review, "key": key.json()["key"],
            "person": ours["investigator"].get("/sessions/current").json()["actor"],
        }  # fmt: skip
        words = {*ids.values(), "wilhelmina", "harbour-file-117", "Harbour Police", made.json()["search"]}
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
    if not path.endswith("/events")
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


WITH_PARAMETERS = [
    (method, path, described)
    for method, path, described in ROUTES
    if PARAMETER.search(path) and of_customers(described) and "/problems/" not in path
]


@pytest.mark.parametrize("role", ["investigator", "authoriser", "first", "enroller"])
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


WITHOUT_PARAMETERS = [
    one for one in ROUTES if not PARAMETER.search(one[1]) and one[0] == "GET" and of_customers(one[2])
]


@pytest.mark.parametrize("role", ["investigator", "authoriser", "first", "enroller"])
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
PEOPLE = {
    "operator": Role.OPERATOR, "officer": Role.DATA_PROTECTION_OFFICER, "inspector": Role.REGULATOR,
    "investigator": Role.INVESTIGATOR, "authoriser": Role.AUTHORISER, "first": Role.REVIEWER,
    "enroller": Role.ENROLLER,
}  # fmt: skip


@pytest.fixture(scope="module")
def everybody(two: Two) -> dict[str, Service]:
    """Somebody of each role, logged in."""
    staff = {name: two.service.login(name, PASSWORD) for name in ("operator", "officer", "inspector")}
    return staff | {name: two.theirs[name] for name in PEOPLE if name not in staff}


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
        assert answer.status_code == 403, f"{name}: {answer.text}"
        assert answer.json()["code"] == "access_refused"
        assert answer.json()["reason"] in ("role", "not_the_gallerys_own", "no_customer", "not_herself")
        (entry,) = two.gallery._witness.log.entries(before, two.gallery._witness.log.size)
        assert entry.event == "access.refused"
        assert entry.body["verb"] == described["x-verb"]


@pytest.mark.parametrize(("method", "path", "described"), POLICED, ids=[f"{m} {p}" for m, p, _ in POLICED])
def test_without_a_credential_every_route_says_the_same(
    two: Two, method: str, path: str, described: dict[str, Any]
) -> None:
    answer = asked(two.service.as_(None), method, path, described, two.ids)
    assert answer.status_code == 401
    assert answer.json()["code"] == "credential_invalid"


def test_a_suspended_customer_looks_at_nothing(two: Two, everybody: dict[str, Service]) -> None:
    operator = everybody["operator"]
    assert operator.put(f"/customers/{two.theirs.customer}/suspension").status_code == 200
    try:
        for method, path, described in POLICED:
            row = ROWS[Verb(described["x-verb"])]
            if row.reach is not Reach.CUSTOMER or not row.looks:
                continue
            for name, role in PEOPLE.items():
                if role in row.roles:
                    answer = asked(everybody[name], method, path, described, {})
                    assert (answer.status_code, answer.json()["reason"]) == (403, "customer_suspended"), path
    finally:
        assert operator.delete(f"/customers/{two.theirs.customer}/suspension").status_code == 200
