"""Whose export is this? The account's own pictures are compared with the subject before anything is taken.

Rules kept here: when the account shows faces of itself and none is the subject's, nothing is taken until somebody
who has asked says that it is hers. An account that shows no face says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from countenance.collection.bystanders import Apart
from countenance.collection.items import Item
from countenance.errors import CollectionError, ExportForeign, ImageError

MOST_PICTURES = 24
"""Of the account's own pictures, so many are looked at."""


def check_owner(pictures: Iterable[Item], look: Callable[[bytes, str], Apart]) -> str:
    """A sentence about what the account's own pictures showed. Raises ExportForeign."""
    with_faces = 0
    for item in islice(pictures, MOST_PICTURES):
        try:
            apart = look(item.read(), item.name)
        except (ImageError, CollectionError):
            continue
        if apart.sightings:
            return "the account's own pictures show the subject"
        with_faces += apart.faces > 0
    if with_faces:
        raise ExportForeign(
            f"The account shows {with_faces} picture(s) of itself with a face, and none of them is the subject's."
        )
    return "the account has no picture of itself with a face, so whose it is was not checked"
