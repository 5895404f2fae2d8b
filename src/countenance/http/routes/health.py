"""Whether the service lives, and whether it can answer. Says nothing of what it holds."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from countenance.http import stopping
from countenance.http.asker import without_policy
from countenance.http.problems import Problem

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """How the service is."""

    status: str
    """``ok``, ``stopping``, or ``opening`` with what is being done."""
    doing: str | None = None


@router.get("/live", **without_policy("says only that the process answers"))
async def live() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/ready", **without_policy("says only whether the gallery is open"), responses={503: {"model": Health}})
async def ready(request: Request, response: Response) -> Health:
    """The gallery is open and its index is loaded."""
    state = request.app.state
    if stopping.told.is_set():
        response.status_code = 503
        return Health(status="stopping")
    if getattr(state, "failed", None) is not None:
        response.status_code = 503
        return Health(status="failed", doing=state.failed)
    if state.gallery is None:
        response.status_code = 503
        response.headers["Retry-After"] = str(Problem("not_ready", "").retry_after_s or 1)
        return Health(status="opening", doing=state.doing)
    return Health(status="ok")
