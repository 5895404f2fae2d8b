"""What every problem means: where a problem's ``type`` leads."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from countenance.http import problems
from countenance.http.asker import without_policy
from countenance.http.problems import STATUS, Problem, Refusal

router = APIRouter(prefix="/problems", tags=["problems"])


class Meaning(BaseModel):
    """What a code means."""

    code: str
    status: int
    title: str
    remedy: str


def _meaning(code: str) -> Meaning:
    remedies = {kind.code: kind.remedy for kind in problems.tree()}
    return Meaning(code=code, status=STATUS[code], title=problems.title(code), remedy=remedies.get(code, ""))


@router.get("", **without_policy("a list of words that is the same everywhere"))
def all_problems() -> list[Meaning]:
    """All codes, in alphabetical order."""
    return [_meaning(code) for code in sorted(STATUS)]


@router.get("/{code}", **without_policy("a list of words that is the same everywhere"))
def one_problem(code: str) -> Meaning:
    """One code."""
    if code not in STATUS:
        raise Refusal(Problem("not_found", "There is no problem of that code."))
    return _meaning(code)
