"""Ids that say nothing: a face's and a picture's, as UUIDs, made from the gallery's keys and stored nowhere.

Rules kept here: an id opens only in the compartment it was made for; one that was made up, or that is another
customer's, opens to nothing.
"""

from __future__ import annotations

import hmac

from countenance.terms import CompartmentId, ReferenceId
from countenance.vault.keys import KeyRing

_HALF = 8


class OpaqueIds:
    """Makes and opens the ids of one gallery.

    A face's id is 8 bytes of a keyed fingerprint of compartment and reference, and the reference's number hidden by
    a fingerprint of those 8 bytes: a synthetic-IV construction, so equal only for equal faces.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def face(self, compartment: CompartmentId, reference_id: ReferenceId) -> str:
        """The id of a reference."""
        tag = self._tag(compartment, reference_id)
        return _uuid(tag + self._hidden(tag, reference_id.to_bytes(_HALF, "big")))

    def reference(self, compartment: CompartmentId, face_id: str) -> ReferenceId | None:
        """The reference that an id stands for in this compartment, or None."""
        try:
            raw = bytes.fromhex(face_id.replace("-", ""))
        except ValueError:
            return None
        if len(raw) != 2 * _HALF or _uuid(raw) != face_id:
            return None
        found = ReferenceId(int.from_bytes(self._hidden(raw[:_HALF], raw[_HALF:]), "big"))
        return found if hmac.compare_digest(self._tag(compartment, found), raw[:_HALF]) else None

    def picture(self, compartment: CompartmentId, digest_tag: bytes) -> str:
        """The id of a picture, from the fingerprint of its bytes."""
        number = compartment.to_bytes(_HALF, "big")
        return _uuid(self._ring.fingerprint("legacy-picture", number + digest_tag)[: 2 * _HALF])

    def _tag(self, compartment: CompartmentId, reference_id: ReferenceId) -> bytes:
        both = compartment.to_bytes(_HALF, "big") + reference_id.to_bytes(_HALF, "big")
        return self._ring.fingerprint("legacy-face", both)[:_HALF]

    def _hidden(self, tag: bytes, number: bytes) -> bytes:
        mask = self._ring.fingerprint("legacy-face-mask", tag)[:_HALF]
        return bytes(a ^ b for a, b in zip(mask, number, strict=True))


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
