"""What may be stored of a collected picture: the subject's own part of it, or all of it with other faces blurred.

Rules kept here: her permission decides; an import may ask for less than it allows, and never for more.
"""

from __future__ import annotations

from collections.abc import Sequence

from countenance.custody.permission.ledger import Ledger
from countenance.errors import PermissionRefused
from countenance.recognition.gallery.stored_copy import Keep
from countenance.store.subjects import SubjectRow


def permitted_copy(ledger: Ledger, owners: Sequence[SubjectRow], asked: Keep | str | None) -> Keep:
    """What is stored of a picture of ``owners``. Raises PermissionRefused when they do not allow it."""
    allowed = bool(owners) and all(_whole_pictures(ledger, owner) for owner in owners)
    if asked is None:
        return Keep.COVERED if allowed else Keep.CROP
    if Keep(asked) is Keep.COVERED and not allowed:
        raise PermissionRefused(
            "The permission is for the subject's own part of a picture, not for whole pictures.",
            remedy="Import with --keep crop, or ask her for a permission with --whole-pictures.",
        )
    return Keep(asked)


def _whole_pictures(ledger: Ledger, owner: SubjectRow) -> bool:
    newest = max(ledger.records(owner), key=lambda one: one[0].version, default=None)
    return newest is not None and newest[1].whole_pictures
