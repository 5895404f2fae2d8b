"""Long work: how far a job is, what became of its items, events as they come, and stopping it.

Rules kept here: a stream of events asks the database a few times a second, in the thread pool, and holds no
place in it between two looks; it ends with the job.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from countenance.engine import Countenance
from countenance.errors import CountenanceError
from countenance.http import stopping
from countenance.http.asker import Engine, Who, without_policy
from countenance.http.documents import Answer, Id
from countenance.http.paging import Cursor, Limit, Page, after, cursor_after
from countenance.http.problems import problem_of
from countenance.oversight.parties import Principal

router = APIRouter(prefix="/jobs", tags=["jobs"])

_WHY = without_policy("who may see a job is decided by whose it is, in oversight/jobs.py")
_LOOK_EVERY_S = 0.5
_ENDED = frozenset({"done", "failed", "cancelled", "interrupted"})


class Job(Answer):
    """A job as it is now."""

    job: str
    kind: str
    state: str
    done: int
    total: int | None
    what: str
    answer: dict[str, Any] | None
    code: str | None
    message: str | None
    asked: str
    ended: str | None


class Items(Answer):
    """What became of a job's items, in order."""

    items: list[dict[str, Any]]
    next: int | None


@router.get("", **_WHY)
def listed(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Job]:
    """The asker's jobs, newest first."""
    some = gallery.oversight.jobs.listed(who, after=after(cursor), limit=limit)
    last = some[-1].job_id if len(some) == limit else None
    return Page[Job](items=[Job.of(one) for one in some], next=cursor_after(last))


@router.get("/{job}", **_WHY)
def one(job: Id, who: Who, gallery: Engine) -> Job:
    """One job."""
    return Job.of(gallery.oversight.jobs.get(who, job))


@router.get("/{job}/items", **_WHY)
def items(
    job: Id,
    who: Who,
    gallery: Engine,
    after: Annotated[int, Query(ge=0, description="`next` of the page before.")] = 0,
    limit: Limit = 100,
) -> Items:
    """What became of each item, as far as it is done."""
    some = gallery.oversight.jobs.items(who, job, after=after, limit=limit)
    return Items(items=[one.as_dict() for one in some], next=some[-1].number if len(some) == limit else None)


@router.delete("/{job}", **_WHY)
def cancel(job: Id, who: Who, gallery: Engine) -> Job:
    """Stop a job after the items it is at, up to 16 photographs. What was done stays done."""
    return Job.of(gallery.oversight.jobs.cancel(who, job))


@router.get(
    "/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    **_WHY,
)
def events(job: Id, request: Request, who: Who, gallery: Engine) -> StreamingResponse:
    """A job's progress as server-sent events, until it has ended, you have gone, or the service stops."""
    gallery.oversight.jobs.get(who, job)  # one that is not there is a problem, not a stream
    return StreamingResponse(
        _told(job, request, who, gallery),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _told(job_id: str, request: Request, who: Principal, gallery: Countenance) -> AsyncIterator[str]:
    last = ""
    while not await request.is_disconnected():
        try:
            job = await to_thread.run_sync(gallery.oversight.jobs.get, who, job_id)
        except CountenanceError as error:  # the key was revoked, or the job is gone
            yield f"event: problem\ndata: {json.dumps(problem_of(error).as_dict(None))}\n\n"
            return
        said = Job.of(job).model_dump_json()
        if said != last:
            yield f"event: progress\ndata: {said}\n\n"
            last = said
        if job.state in _ENDED or stopping.told.is_set():
            return
        await anyio.sleep(_LOOK_EVERY_S)
