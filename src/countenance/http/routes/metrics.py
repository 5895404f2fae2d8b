"""Figures for Prometheus, of the process that answers; those of the gallery are the same in all of them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from countenance.http.asker import Engine, policed
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/metrics", tags=["health"])


@router.get("", response_class=Response, **policed(Verb.METRICS_READ))
def metrics(request: Request, gallery: Engine) -> Response:
    """Requests, durations, problems; how long the engine's stages take; which jobs, erasures and orders are open,
    and how much is searchable. Nothing about anybody."""
    return Response(request.app.state.figures.text(gallery.standing()), media_type=CONTENT_TYPE_LATEST)
