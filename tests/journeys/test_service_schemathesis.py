"""What schemathesis makes of the OpenAPI document is answered as the document says, and never by a failure.

Each operation is asked by everybody whose role the policy names for it, and by one whose role it does not: for
operations in turn, so that all of them are asked by somebody of every role.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from countenance.http import openapi
from countenance.http.application import create
from countenance.http.asker import NO_VERB
from countenance.oversight.parties import MACHINE, Role
from countenance.oversight.policy import ROWS, Reach, Verb
from countenance.settings import ServiceSettings
from tests.galleries import Galleries, permit
from tests.offices import PASSWORD, hire, office, protection_officer
from tests.served import Service, serving

EXAMPLES = 2
"""Requests of each kind for each operation. More are run by hand: it is the breadth that belongs here."""
CHECKED = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
NEVER = {"jobs_events"}
"""An event stream has no end of its own."""
LAST = ("own_data_withdraw", "sessions_end")
"""After these nobody whom they asked is known any more."""


def _none(_: object) -> None:
    raise AssertionError("described only")


DOCUMENT = create(ServiceSettings(), _none).openapi()  # type: ignore[arg-type]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
NAMED = {one.definition.raw["operationId"]: one for one in OPERATIONS}


NAMES = {
    Role.OPERATOR: "operator",
    Role.ENROLLER: "enroller",
    Role.INVESTIGATOR: "investigator at Harbour Police",
    Role.AUTHORISER: "authoriser at Harbour Police",
    Role.REVIEWER: "first at Harbour Police",
    Role.DATA_PROTECTION_OFFICER: "the officer",
    Role.REGULATOR: "inspector",
    Role.SUBJECT: "anna@example.org",
}


def asking() -> dict[str, list[Role]]:
    """Who asks each operation."""
    strangers, found = cycle(Role), {}
    for name, operation in sorted(NAMED.items()):
        verb = operation.definition.raw["x-verb"]
        row = None if verb == NO_VERB or ROWS[Verb(verb)].reach is Reach.EVERYBODY else ROWS[Verb(verb)]
        named = [] if row is None else sorted(row.roles | row.own)
        found[name] = [*named, next(role for role in strangers if role not in named)]
    return found


ASKING = asking()


@pytest.fixture(scope="module")
def askers(
    tmp_path_factory: pytest.TempPathFactory, model_cache: object, quick_passwords: None
) -> Iterator[dict[Role, Service]]:
    """Somebody of each role, on a gallery that holds one subject and nothing else."""
    gallery = Galleries(tmp_path_factory.mktemp("any"), model_cache).new()  # type: ignore[arg-type]
    police = office(gallery, protection_officer(gallery))
    hire(gallery, "operator", Role.OPERATOR)
    hire(gallery, "inspector", Role.REGULATOR)
    hire(gallery, "enroller", Role.ENROLLER, customer_id=police.customer_id)
    permit(gallery, "anna")
    gallery.oversight.people.give_subject_account(MACHINE, "anna", "anna@example.org", PASSWORD)
    with serving(gallery) as service:
        yield {role: service.login(name, PASSWORD) for role, name in NAMES.items()}


def test_there_is_something_to_check() -> None:
    assert len(NAMED) > 80
    assert openapi.document()
    assert {*LAST, *NEVER} <= set(NAMED)
    assert {role for roles in ASKING.values() for role in roles} == set(NAMES) == set(Role)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMED) - NEVER, key=lambda name: (name in LAST, name)))
def test_it_answers_as_it_says(askers: dict[Role, Service], name: str) -> None:
    operation = NAMED[name]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy() | operation.as_strategy(GenerationMode.NEGATIVE))
    def ask(case: schemathesis.Case) -> None:
        asked = case.as_transport_kwargs(base_url="http://testserver")
        for role in ASKING[name]:
            asker = askers[role]
            headers = {**(asked.get("headers") or {}), "Authorization": f"Bearer {asker.token}"}
            request = {**asked, "headers": {str(k): str(v) for k, v in headers.items()}}
            answer = requests.Session().prepare_request(requests.Request(**request))
            given_headers = {k: v for k, v in answer.headers.items() if v is not None}
            got = asker.client.request(
                answer.method or "GET", answer.url or "", headers=given_headers, content=answer.body
            )
            case.validate_response(got, checks=list(CHECKED))

    ask()
