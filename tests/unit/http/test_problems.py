"""Every error has one status and one shape."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from countenance.errors import AccessRefused, CountenanceError, NoFace
from countenance.http import problems
from countenance.http.problems import STATUS


@pytest.mark.parametrize("kind", sorted(problems.tree(), key=lambda kind: kind.code), ids=lambda kind: kind.code)
def test_every_code_has_a_status(kind: type[CountenanceError]) -> None:
    assert kind.code in STATUS


def test_no_status_is_for_a_code_that_does_not_exist() -> None:
    own = set(problems._OWN)
    assert set(STATUS) - {kind.code for kind in problems.tree()} == own


def asked(error: Exception) -> tuple[int, dict[str, object]]:
    application = FastAPI()
    problems.install(application)

    @application.get("/")
    def fail() -> None:
        raise error

    answer = TestClient(application, raise_server_exceptions=False).get("/")
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    return answer.status_code, answer.json()


def test_an_error_of_the_engine_is_a_problem_with_its_code_and_remedy() -> None:
    status, document = asked(NoFace("There is no face in it."))
    assert status == 422
    assert document["type"] == "/v1/problems/no_face"
    assert document["detail"] == "There is no face in it."
    assert document["remedy"]


def test_what_nobody_meant_to_raise_says_nothing_of_its_cause() -> None:
    status, document = asked(ValueError("the secret name is Anna"))
    assert status == 500
    assert document["code"] == "internal"
    assert "Anna" not in str(document)


def test_another_customers_thing_looks_like_one_that_does_not_exist() -> None:
    hidden = asked(AccessRefused("There is nothing of that id here.", reason="other_customer"))
    absent = asked(problems.Refusal(problems.Problem("not_found", "There is nothing of that id here.")))
    assert hidden == absent


def test_an_operators_error_does_not_show_its_sentence() -> None:
    from countenance.errors import KeysMissing

    status, document = asked(KeysMissing("There are no keys in /srv/keys."))
    assert status == 500
    assert "/srv" not in str(document)
