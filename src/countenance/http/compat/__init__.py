"""The contracts of other products, mounted under ``/compat``, on a gallery that asks first."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount, Route

from countenance.http.admission import Meters
from countenance.http.compat import compreface, rekognition
from countenance.http.compat.bound import Opened
from countenance.settings import ServiceSettings

__all__ = ["routes"]


def routes(gallery: Opened, settings: ServiceSettings, meters: Meters) -> list[BaseRoute]:
    """The doors, for an application to include. ``gallery`` gives the gallery, None while it is being opened."""
    answer = rekognition.endpoint(gallery, settings, meters)
    return [
        Mount("/compat/compreface", compreface.mount(gallery, settings, meters)),
        Route("/compat/rekognition", answer, methods=["POST"]),  # as boto3 asks for an endpoint_url with a path
        Mount("/compat/rekognition", rekognition.mount(gallery, settings, meters)),
    ]
