"""Every error has its own code and an exit status."""

from __future__ import annotations

from collections import Counter

import pytest

from countenance import errors
from countenance.cli import exits


def _all_errors(
    kind: type[errors.CountenanceError] = errors.CountenanceError,
) -> set[type[errors.CountenanceError]]:
    return {kind}.union(*(_all_errors(child) for child in kind.__subclasses__()))


OURS = sorted((e for e in _all_errors() if e.__module__.startswith("countenance")), key=lambda e: e.__name__)
CODES_OF_THE_DOOR = {"usage", "internal", "system", "interrupted"}


@pytest.mark.parametrize("error", OURS, ids=lambda e: e.__name__)
def test_every_error_states_its_own_code_and_has_an_exit_status(error: type[errors.CountenanceError]) -> None:
    assert "code" in error.__dict__
    assert error.code in exits.EXIT_STATUS


def test_no_two_errors_share_a_code() -> None:
    assert [code for code, count in Counter(e.code for e in OURS).items() if count > 1] == []


def test_the_table_has_no_row_that_nothing_raises() -> None:
    assert set(exits.EXIT_STATUS) - {e.code for e in OURS} == CODES_OF_THE_DOOR


@pytest.mark.parametrize(("code", "status"), exits.EXIT_STATUS.items())
def test_no_failure_looks_like_success_or_like_a_signal(code: str, status: int) -> None:
    assert 1 < status < 126 or (code == "interrupted" and status == 130)


def test_an_error_without_a_row_gets_its_parents_status() -> None:
    class Newcomer(errors.ImageError):
        code = "not_in_the_table_yet"

    assert exits.exit_status(Newcomer("x")) == exits.IMAGE
