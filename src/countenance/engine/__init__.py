"""The engine: composes the parts, one method for each use. Doors import from here and from nowhere below."""

from __future__ import annotations

from countenance.engine.answers import Enrolment, Receipt, Status, Withdrawal
from countenance.engine.evaluating import Evaluating
from countenance.engine.gallery import Countenance
from countenance.recognition.gallery.bulk import TemplateRow
from countenance.store.references import Source

__all__ = ["Countenance", "Enrolment", "Evaluating", "Receipt", "Source", "Status", "TemplateRow", "Withdrawal"]
