"""The one question that gallery and candidates ask: may this subject be held, or returned, for this purpose, now?

Rules kept here: the answer is a value with a reason; doubt refuses; nothing here reads a clock or a database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from countenance import clock
from countenance.store.permissions import PermissionRow, PermissionState
from countenance.store.subjects import SubjectRow, SubjectState


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission in force covers it. ``version`` is bound into everything sealed under it."""

    permission_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Refused:
    """No permission covers it; ``reason`` is a plain sentence without the subject's name."""

    reason: str


Decision = Granted | Refused


def in_force(permissions: Iterable[PermissionRow], at: datetime) -> list[PermissionRow]:
    """Those of ``permissions`` that have begun, have not ended and were not withdrawn at ``at``."""
    return [
        row
        for row in permissions
        if row.state is PermissionState.GIVEN
        and clock.from_text(row.valid_from_utc) <= at < clock.from_text(row.valid_until_utc)
    ]


def decide(
    subject: SubjectRow | None, permissions: Iterable[PermissionRow], purpose: str | None, *, at: datetime
) -> Decision:
    """Whether ``subject`` may be held (``purpose`` None) or returned for ``purpose`` at the moment ``at``."""
    if subject is None:
        return Refused("there is no permission on record")
    if subject.state is not SubjectState.ACTIVE:
        return Refused("the subject is being erased")
    standing = in_force(permissions, at)
    if not standing:
        return Refused("every permission on record has ended or was withdrawn")
    naming = [row for row in standing if purpose is None or purpose in row.purposes]
    if not naming:
        return Refused(f"no permission in force names the purpose {purpose}")
    newest = max(naming, key=lambda row: row.version)
    return Granted(newest.permission_id, newest.version)
