"""A story over HTTP, with bad input and a crash in it, leaves nothing personal in logs, figures or traces."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from countenance.http import observing
from countenance.oversight.parties import MACHINE, Role
from tests.galleries import Galleries
from tests.offices import PASSWORD
from tests.served import Service, serving

NAMES = ("Zebulonia Quartermaine", "Harbourmaster Ltd", "xyloquist", "secretfile.jpg", "tattletale")
"""Of an account, a customer, a subject, a file and a word of bad input; none is a word of the code."""


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What would be exported."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(observing, "_tracer", provider.get_tracer("countenance"))
    return exporter


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every line that any logger of the service writes, at the level that it runs at."""
    written: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith("httpx2"):  # the test's own client, which is no part of the service
                written.append(self.format(record))

    kept, root = Kept(), logging.getLogger()
    kept.setFormatter(observing.JsonLines())
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(kept)
    root.setLevel(before)


def test_no_name_file_password_token_or_image_is_in_any_line_figure_or_span(
    galleries: Galleries,
    portrait_photographs: list[bytes],
    lines: list[str],
    spans: InMemorySpanExporter,
    quick_passwords: None,
) -> None:
    account, organisation, subject, file, word = NAMES
    gallery = galleries.new()
    gallery.oversight.people.add(MACHINE, account, PASSWORD, roles=[Role.OPERATOR], customer_id=None)
    with serving(gallery) as service:
        _break(service)
        operator = service.login(account, PASSWORD)
        body = {
            "name": organisation, "class": "business", "jurisdiction": "GB", "legal_basis": "consent",
            "purposes": ["event-photos"],
        }  # fmt: skip
        customer = operator.post("/customers", json=body, key=word).json()["customer"]
        key = {"customer": customer, "roles": ["enroller"], "expires": "2027-06-01T00:00:00Z"}
        program = service.as_(operator.post("/keys", json=key).json()["secret"])
        assert program.post("/compartments", json={"name": subject}).status_code == 201
        terms = {"subject": subject, "purposes": ["event-photos"], "residence": "GB", "until": "2027-12-01"}
        made = program.post(f"/compartments/{subject}/permissions", json=terms)
        assert made.status_code == 201, made.text
        files = [("images", (file, portrait_photographs[0], "image/jpeg")), ("images", (file, word.encode()))]
        where = f"/compartments/{subject}/subjects/{made.json()['id']}/images"
        assert program.post(where, files=files).status_code == 200
        # What goes wrong: each carries something that must not be written down.
        wrong = [
            service.post("/sessions", json={"name": account, "password": word}),
            service.get("/cases", params={"token": word}),
            service.as_(word).get("/cases"),
            service.as_(f"{word}.{word}.{word}").get("/cases"),
            operator.post("/people", json={"name": account, word: word}),
            operator.post("/people", content=word.encode(), headers={"Content-Type": "application/json"}),
            operator.get(f"/people/{word}", headers={"User-Agent": word, "X-Forwarded-For": "203.0.113.77"}),
            operator.post("/residency/lookups", json={"subject": subject}),
            program.get(f"/compartments/{word}"),
            service.get(f"/{word}"),
            service.post(f"/crash/{word}", content=word.encode()),
        ]
        assert all(answer.status_code >= 400 for answer in wrong), [answer.status_code for answer in wrong]
        assert wrong[-1].status_code == 500
        assert wrong[-1].json()["code"] == "internal"
        assert wrong[-1].headers["x-content-type-options"] == "nosniff"
        assert word not in wrong[-1].text
        figures = operator.get("/metrics").text
        tokens = [one.token for one in (operator, program) if one.token]
    exported = "\n".join(span.to_json() for span in spans.get_finished_spans())
    written = "\n".join(lines)
    assert "/v1/compartments/{compartment}/permissions" in written, "the control: the routes are there"
    assert "/v1/compartments/{compartment}/permissions" in exported
    assert "/v1/compartments/{compartment}/permissions" in figures
    assert '"status": 500' in written
    secrets = [*NAMES, PASSWORD, "203.0.113.77", *tokens, *(token.rsplit("_", 1)[-1] for token in tokens)]
    for said in (written, exported, figures):
        plain = said + json.dumps(said)
        assert [one for one in secrets if one in plain] == []
        assert "\\xff\\xd8" not in plain, "the first bytes of a JPEG"


def _break(service: Service) -> None:
    """A route that fails with what was sent in its error."""
    broken = APIRouter()

    @broken.post("/v1/crash/{name}")
    def crash(name: str) -> None:
        raise RuntimeError(f"could not work on {name}")

    service.application.include_router(broken)


def test_a_line_that_did_hold_a_name_would_be_found(lines: list[str]) -> None:
    logging.getLogger("countenance.http").warning("working on %s", NAMES[0])
    assert any(NAMES[0] in line for line in lines)
