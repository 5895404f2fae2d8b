"""``python -m countenance.http.openapi`` prints the OpenAPI document as it is committed; opens no gallery."""

from __future__ import annotations

import sys

from countenance.engine import Countenance
from countenance.errors import GalleryMissing
from countenance.http.application import create
from countenance.http.describing import as_text
from countenance.settings import ServiceSettings


def document() -> str:
    """The document."""

    def none(_: object) -> Countenance:
        raise GalleryMissing("Only described, not served.")

    return as_text(create(ServiceSettings(), none).openapi())


if __name__ == "__main__":
    sys.stdout.write(document())
