"""What every body and every answer under ``/v1`` has in common.

Rules kept here: a body with a field that is not known is refused, so that a typing error is not an omission; an
answer is the document that the engine's ``as_dict`` gives, checked against its description.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Protocol, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Answerable(Protocol):
    """What the engine answers with."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        ...


class Body(BaseModel):
    """Something that was sent."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Answer(BaseModel):
    """Something that is answered."""

    model_config = ConfigDict(populate_by_name=True)

    @classmethod
    def of(cls, answered: Answerable) -> Self:
        """The answer that stands for what the engine said."""
        return cls.model_validate(answered.as_dict())


Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""An id that the service gave."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Purpose = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Place = Annotated[str, StringConstraints(min_length=2, max_length=8)]
"""ISO 3166 code: ``GB``, ``US-IL``."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Moment = AwareDatetime
"""A moment with its time zone, RFC 3339."""
Day = date
__all__ = [
    "Answer", "Answerable", "Body", "Day", "Field", "Id", "Moment", "Name", "Place", "Purpose", "Text",
]  # fmt: skip
