"""What schemathesis makes of the OpenAPI document is answered as the document says, and never by a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from countenance.http import openapi
from countenance.http.application import create
from countenance.oversight.parties import MACHINE, Role
from countenance.settings import ServiceSettings
from tests.galleries import Galleries
from tests.offices import PASSWORD
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


def _none(_: object) -> None:
    raise AssertionError("described only")


DOCUMENT = create(ServiceSettings(), _none).openapi()  # type: ignore[arg-type]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
NAMED = {one.definition.raw["operationId"]: one for one in OPERATIONS}


@pytest.fixture(scope="module")
def askers(
    tmp_path_factory: pytest.TempPathFactory, model_cache: object, quick_passwords: None
) -> Iterator[dict[str, Service]]:
    """An operator's and an enroller's token, on an empty gallery."""
    gallery = Galleries(tmp_path_factory.mktemp("any"), model_cache).new()  # type: ignore[arg-type]
    people, customers = gallery.oversight.people, gallery.oversight.customers
    customer = customers.register(
        MACHINE, "Lobby", customer_class="business", jurisdiction="GB", legal_basis="consent",
        purposes=["event-photos"],
    ).customer_id  # fmt: skip
    people.add(MACHINE, "operator", PASSWORD, roles=[Role.OPERATOR], customer_id=None)
    people.add(MACHINE, "enroller", PASSWORD, roles=[Role.ENROLLER], customer_id=customer)
    with serving(gallery) as service:
        yield {name: service.login(name, PASSWORD) for name in ("operator", "enroller")}


def test_there_is_something_to_check() -> None:
    assert len(NAMED) > 80
    assert openapi.document()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMED) - NEVER))
def test_it_answers_as_it_says(askers: dict[str, Service], name: str) -> None:
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
        for asker in askers.values():
            headers = {**(asked.get("headers") or {}), "Authorization": f"Bearer {asker.token}"}
            request = {**asked, "headers": {str(k): str(v) for k, v in headers.items()}}
            answer = requests.Session().prepare_request(requests.Request(**request))
            given_headers = {k: v for k, v in answer.headers.items() if v is not None}
            got = asker.client.request(
                answer.method or "GET", answer.url or "", headers=given_headers, content=answer.body
            )
            case.validate_response(got, checks=list(CHECKED))

    ask()
