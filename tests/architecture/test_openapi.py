"""The OpenAPI document is committed, complete, and true to itself; nothing that it names is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from countenance.http import openapi
from countenance.http.describing import _SAYS, TAGS
from countenance.http.examples import EXAMPLES
from countenance.http.problems import STATUS

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
TEXT = openapi.document()
DOCUMENT: dict[str, Any] = json.loads(TEXT)
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_the_committed_document_is_what_the_service_answers() -> None:
    assert COMMITTED.read_text() == TEXT, "the interface has changed: make openapi, and say so in CHANGELOG.md"


def test_every_status_of_a_problem_is_described() -> None:
    assert set(STATUS.values()) - {406} <= set(_SAYS)


def test_every_tag_is_described_and_every_described_tag_is_used() -> None:
    used = {tag for _, _, operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == set(TAGS)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_has_a_readable_name_and_says_how_it_can_fail(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    assert "v1" not in name
    said = set(operation["responses"])
    assert any(status.startswith(("2", "3")) for status in said)
    assert "500" in said or path.endswith("/ready")
    if operation["security"]:
        assert {"401", "403", "429"} <= said
    if method != "get" or operation.get("parameters"):
        assert "422" in said
    assert "HTTPValidationError" not in json.dumps(operation)


def test_every_example_is_what_its_description_asks_for_and_belongs_to_an_operation() -> None:
    registry = Registry().with_resource("urn:openapi", Resource(DOCUMENT, DRAFT202012))
    for name, example in EXAMPLES.items():
        content = OPERATIONS[name][2]["requestBody"]["content"]["application/json"]
        assert content["example"] == example
        schema = {"$ref": "urn:openapi" + content["schema"]["$ref"]}
        Draft202012Validator(schema, registry=registry).validate(example)
        with pytest.raises(Exception, match=r"Additional properties|required"):  # the control
            Draft202012Validator(schema, registry=registry).validate({"nonsense": 1})
