"""A file on its way through an import: read, then looked at. Nothing here decides anything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from countenance.collection.bystanders import Sighting
from countenance.collection.items import Item, Told
from countenance.collection.outcomes import Became
from countenance.errors import CollectionError, CountenanceError
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.gallery.stored_copy import Detail


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A file and its bytes, or why it need not be looked at; both tags are keyed fingerprints."""

    item: Item
    data: bytes
    file_tag: bytes
    digest_tag: bytes
    error: CollectionError | None = None
    became: Became | None = None

    @property
    def needs_no_look(self) -> bool:
        """Whether what becomes of it is known."""
        return self.error is not None or self.became is not None


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was seen in a file; without its bytes when nothing of it is kept."""

    read: Read
    faces: int = 0
    bystanders: int = 0
    sightings: tuple[Sighting, ...] = ()
    prepared: Prepared | None = None
    told: Told = field(default_factory=Told)
    details: dict[int, Detail] = field(default_factory=dict)
    """By identity of the sighting's face: its surroundings in more pixels than the picture has."""
    error: CountenanceError | None = None

    def prepared_for(self, sighting: Sighting) -> Prepared:
        """The photograph as it is enrolled for one of its sightings."""
        assert self.prepared is not None
        return replace(self.prepared, detail=self.details.get(id(sighting.face)))
