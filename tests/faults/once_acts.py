"""The operations that are killed in the middle and sent again, as both sides of the test know them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import numpy as np

from countenance import Countenance
from countenance.custody.erasure.eraser import Eraser
from countenance.custody.proof.witness import GalleryWitness
from countenance.engine.probing import Probe
from countenance.oversight.cases import Cases
from countenance.oversight.parties import MACHINE, LegalBasis, Principal
from countenance.oversight.review import Reviews
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery import crops
from countenance.recognition.gallery.enrol import Enroller
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import cases, permissions, reviews
from countenance.terms import Box
from tests.galleries import UNTIL, template
from tests.offices import PASSWORD, PURPOSE
from tests.photographs import of_portrait

SENT = b"the same, word for word"
INVESTIGATOR = "investigator at Harbour Police"

PLACES: dict[str, tuple[object, str]] = {
    "permission written": (permissions, "add"),
    "logged": (GalleryWitness, "note"),
    "case written": (cases, "add"),
    "quota taken": (Cases, "take_search"),
    "search under way": (Cases, "attach"),
    "image in place": (Enroller, "_write_rows"),
    "frozen": (Eraser, "freeze"),
    "erased": (Eraser, "finish"),
    "release written": (reviews, "release"),
    "release committed": (Reviews, "_noted"),
}
"""Where a run is killed: after the work of this function. Some lie inside a transaction, which is then lost."""

BEFORE = frozenset({"release committed"})
"""Places where it is killed before the work: what came earlier is committed, and nothing else is done."""


_LOGGED_IN: dict[int, tuple[Countenance, Principal]] = {}


def asker(gallery: Countenance, operation: str) -> Principal:
    """Who sends the request."""
    if operation not in ("case", "search", "release"):
        return MACHINE
    if id(gallery) not in _LOGGED_IN:  # before anything is armed: a login is logged too
        token = gallery.oversight.login(INVESTIGATOR, PASSWORD).secret
        _LOGGED_IN[id(gallery)] = gallery, gallery.oversight.authenticate(token)
    return _LOGGED_IN[id(gallery)][1]


def permit(gallery: Countenance, request_id: str) -> None:
    """Record carla's permission."""
    gallery.permit("carla", purposes=[PURPOSE], residence="GB", until=UNTIL, request_id=request_id)


def case(gallery: Countenance, request_id: str) -> None:
    """Ask for a case."""
    gallery.oversight.cases.open(
        asker(gallery, "case"),
        purpose=PURPOSE,
        legal_basis=LegalBasis.LAW_ENFORCEMENT,
        reference="2027/300",
        subject_matter="sent twice",
        expires=gallery._clock.now() + timedelta(days=30),
        quota=1,
        request_id=request_id,
    )


def search(gallery: Countenance, request_id: str) -> None:
    """Search for anna's face under the one case that is there, which has one search left."""
    who = asker(gallery, "search")
    (only,) = gallery.oversight.cases.listed(who)
    face = Face(Box(10, 10, 80, 80), np.zeros((5, 2), np.float32), 1.0)
    found = RecognisedFace(face, np.zeros((112, 112, 3), np.uint8), Quality(100, ()), template(1))
    probe = Probe((found,), (crops.shown(found.chip),), ())
    gallery.oversight._search._probe = lambda name, image: probe  # type: ignore[method-assign]
    gallery.oversight.search(who, only.case_id, b"", threshold=0.5, source=random.Random(1), request_id=request_id)


def enrol(gallery: Countenance, request_id: str) -> None:
    """Enrol one photograph of anna's."""
    gallery.enrol("anna", of_portrait()[:1])


def withdraw(gallery: Countenance, request_id: str) -> None:
    """Withdraw anna."""
    gallery.withdraw("anna", request_id=request_id)


def release(gallery: Countenance, request_id: str) -> None:
    """Receive what two reviewers have confirmed for the one case that is there."""
    who = asker(gallery, "release")
    (only,) = gallery.oversight.cases.listed(who)
    assert [one.subject for one in gallery.oversight.reviews.release(who, only.case_id, request_id=request_id)]


OPERATIONS: dict[str, Callable[[Countenance, str], None]] = {
    act.__name__: act for act in (permit, case, search, enrol, withdraw, release)
}
