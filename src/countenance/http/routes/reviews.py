"""Reviews: two faces side by side, without a score, a name or another's answer; and how reviewers answer."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi import Path as InPath

from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Body, Id
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.http.problems import Problem, Refusal
from countenance.oversight.policy import Verb
from countenance.oversight.reviewing import Answer as Said

router = APIRouter(prefix="/reviews", tags=["reviews"])
reviewers = APIRouter(prefix="/reviewers", tags=["reviews"])


class Review(Answer):
    """What a reviewer is to look at. Its two pictures are under ``/probe`` and ``/candidate``."""

    review: str
    shown: str


class NextReview(Answer):
    """What to look at next, or null when nothing waits."""

    review: Review | None


class Opinion(Body):
    """What a reviewer says."""

    answer: Said


class Reviewer(Answer):
    """How a reviewer answers."""

    person: str
    competent: bool
    answered: int
    mean_seconds: float | None
    agreement: float | None
    non_mates_shown: int
    non_mates_confirmed: int


@router.post("/next", **policed(Verb.REVIEW_ANSWER))
def next_review(who: Who, gallery: Engine) -> NextReview:
    """Be given the next two faces. Asked again before an answer, they are the same."""
    task = gallery.oversight.reviews.next(who)
    return NextReview(review=None if task is None else Review.of(task))


@router.get(
    "/{review}/{side}",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
    **policed(Verb.REVIEW_ANSWER),
)
def picture(
    review: Id, side: Annotated[Literal["probe", "candidate"], InPath()], who: Who, gallery: Engine
) -> Response:
    """One of the two faces, a PNG; 404 when there is no picture of it (any more)."""
    pair = gallery.oversight.side_by_side(who, review)
    data = pair.probe if side == "probe" else pair.candidate
    if data is None:
        raise Refusal(Problem("not_found", "There is no picture of this face."))
    return Response(data, media_type="image/png", headers={"Cache-Control": "no-store"})


@router.put("/{review}/answer", status_code=204, **policed(Verb.REVIEW_ANSWER))
def answer(review: Id, body: Opinion, who: Who, gallery: Engine) -> None:
    """Say whether they are one person. The same answer may be sent again; another may not."""
    gallery.oversight.reviews.answer(who, review, body.answer)


@reviewers.get("", **policed(Verb.REVIEW_MEASURE))
def measured(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Reviewer]:
    """How every reviewer answers: agreement, speed, and known non-mates confirmed."""
    page, more = cut(gallery.oversight.reviews.measure(who), limit, cursor, lambda one: one.tally.person_id)
    return Page[Reviewer](items=[Reviewer.of(one) for one in page], next=more)
