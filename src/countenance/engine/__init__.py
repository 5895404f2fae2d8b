"""The engine: composes the parts, one method for each use. Doors import from here and from nowhere below."""

from __future__ import annotations

from countenance.engine.answers import Enrolment, Receipt, Status, Withdrawal
from countenance.engine.gallery import Countenance

__all__ = ["Countenance", "Enrolment", "Receipt", "Status", "Withdrawal"]
