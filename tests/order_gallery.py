"""A gallery of mixed residents and the example orders, for the tests that carry orders out."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from countenance import Countenance, TemplateRow
from countenance.custody.proof import verifier
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.images import decode
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.terms import Box
from tests.galleries import names, search, template

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "orders"
PLACES = ("GB", "FR", "IT", "AU", "NL", "US-IL", "DE")
UNTIL = date(2029, 1, 4)
PURPOSE = "event-photos"
NAMED = "complainant-1"


def _load_sign() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_order_signing", EXAMPLES / "sign.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIGN = _load_sign()
ORDERS = sorted(path.stem for path in SIGN.order_files())


def document(name: str) -> dict[str, Any]:
    """An example order as a document that may be changed."""
    return copy.deepcopy(json.loads((EXAMPLES / f"{name}.json").read_text("utf-8")))


def signed(name: str, change: Callable[[dict[str, Any]], object] | None = None) -> bytes:
    """The bytes of an example order, changed and signed again by its example authority."""
    changed = document(name)
    if change is not None:
        change(changed)
    return bytes(SIGN.signed_text(changed, changed["authority"]["name"]), "utf-8")


def residents(each: int = 2) -> dict[str, str]:
    """Names to places: ``each`` in every place, and the one whom an order names."""
    found = {f"{place}-{number}": place for place in PLACES for number in range(each)}
    return {**found, NAMED: "DE"}


def face(subject: str) -> Any:
    """The subject's template, always the same."""
    return template(sum(ord(c) * 131**n for n, c in enumerate(subject)) % 2**32)


def people(gallery: Countenance, who: dict[str, str], *, present: bool = True) -> None:
    """Enrol them; with ``present``, each declares to have been nowhere but at home."""
    gallery.enrol_templates(
        [TemplateRow(name, face(name), (PURPOSE,), place, UNTIL, release="paper 7") for name, place in who.items()]
    )
    if present:
        for name, place in who.items():
            gallery.residency.add(
                name, predicate="present_in", value=[place], signal="declaration", source="declaration.pdf"
            )


def register(gallery: Countenance, name: str) -> None:
    """Trust the example authority of an order."""
    authority = document(name)["authority"]["name"]
    gallery.orders.register_authority(authority, SIGN.registered(authority).public_key)


def found(gallery: Countenance, who: Sequence[str]) -> set[str]:
    """Those of ``who`` whom a search with their own face returns."""
    return {name for name in who if name in names(search(gallery, face(name), PURPOSE))}


def bring_papers(gallery: Countenance, order_id: str, paper: Path) -> list[str]:
    """Show a paper for every obligation that waits for a person; returns which."""
    paper.write_text("signed by somebody", "utf-8")
    shown = []
    waiting = gallery.orders.execute(order_id).as_dict()["waiting"]
    assert isinstance(waiting, dict)
    for obligation, reason in waiting.items():
        if reason.startswith("a person brings: "):
            kinds = reason.removeprefix("a person brings: ").split(", ")
            pairs = [(kind, paper) for kind in kinds if " " not in kind]
            gallery.orders.show(order_id, obligation, pairs or [("statement", paper)])
            shown.append(obligation)
    return shown


def verdict(gallery: Countenance, certificate: bytes) -> verifier.Verdict:
    """What the offline verifier says, with the gallery's public keys alone."""
    return verifier.check(certificate, verifier.read_keys(gallery.log.keys()))


def photograph(gallery: Countenance, subject: str, data: bytes) -> None:
    """Enrol a photograph as the networks would have read it: one face, and the subject's own template."""
    values = face(subject)
    seen = RecognisedFace(
        Face(Box(10, 10, 60, 60), np.zeros((5, 2), np.float32), 1.0),
        np.zeros((112, 112, 3), np.uint8),
        Quality(100, ()),
        values,
    )
    prepared = Prepared(f"{subject}.jpg", data, decode(data, gallery._settings.limits), (seen,))
    gallery._enroller.enrol(gallery._ledger.find(subject), prepared, seen, gallery.model)
