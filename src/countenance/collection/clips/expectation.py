"""What quality does to a score: what faces spoilt to a quality scored with their own references.

Source: the table in docs/quality.md (``python -m benchmarks.quality``): photographs of 40 people of the AT&T/ORL
set, blurred, darkened or made smaller, compared with others of the same person as they were; each row's mean.
People, cameras and models differ; the figures say how much a poor face costs, not what a person will score.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """Mean scores with their own references of faces from this quality on: of the worst and the best way to it."""

    quality_from: int
    lowest: float
    highest: float

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"lowest": self.lowest, "highest": self.highest}

    def sentence(self, unreached: float | None) -> str:
        """The same for people; ``unreached`` is the threshold of a search that found nobody."""
        said = (
            f"Photographs blurred, darkened or made smaller to such quality scored {self.lowest:.2f} to "
            f"{self.highest:.2f} with others of the same person."
        )
        if unreached is not None and self.quality_from < _GOOD:
            said += " That nobody is named does not mean that nobody is known."
        return said


_GOOD = 60

MEASURED = (
    Expected(0, 0.308, 0.733),
    Expected(40, 0.726, 0.798),
    Expected(60, 0.782, 0.806),
    Expected(80, 0.796, 0.807),
)
"""By the lowest quality of each band; a test holds them against docs/quality.md."""


def expected(quality: int) -> Expected:
    """What a track whose best face has this quality, 0 to 100, is expected to score with its own references."""
    return max((one for one in MEASURED if one.quality_from <= quality), key=lambda one: one.quality_from)
