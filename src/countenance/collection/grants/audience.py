"""For whom a site is read: subjects whose permission and the site's grant meet in a purpose."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.collection.bystanders import Wanted
from countenance.collection.company import GalleryCompany
from countenance.collection.grants.document import Grant
from countenance.custody.permission.decide import Granted
from countenance.custody.permission.ledger import Ledger
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store.database import Database


class Audience:
    """The ``named`` subjects, or everyone of the gallery."""

    def __init__(
        self, database: Database, ledger: Ledger, named: Sequence[Wanted], everyone: GalleryCompany
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._named = tuple(named)
        self._everyone = everyone

    def near(self, faces: Sequence[RecognisedFace], grant: Grant) -> list[Wanted]:
        """Those who may be among ``faces`` and permit one of the grant's purposes."""
        found = list(self._named) if self._named else self._everyone.among(faces)
        ids = [one.subject.subject_id for one in found]
        permitted = set()
        with self._database.read() as connection:
            for purpose in grant.purposes:
                decisions = self._ledger.decisions(connection, ids, purpose)
                permitted |= {one for one, decision in decisions.items() if isinstance(decision, Granted)}
        return [one for one in found if one.subject.subject_id in permitted]
