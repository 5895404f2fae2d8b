"""Figures for Prometheus, of this process; several workers are scraped one by one or through a shared folder."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from countenance.http.asker import policed
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/metrics", tags=["health"])


@router.get("", response_class=Response, **policed(Verb.METRICS_READ))
def metrics(request: Request) -> Response:
    """Requests by route and status, their durations, problems by code. Nothing of what is held."""
    figures = request.app.state.figures
    return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)
