"""What quality does to a score: what tracks of known people scored with their own references, by quality.

Source: ``python -m benchmarks.clips`` (docs/benchmarks.md, "Clips"): drawn clips with the faces of 40 people of the
AT&T/ORL set, three other photographs of each as references, the bundled model. People, cameras and models differ;
the figures say how much a poor face costs, not what a person will score.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """Scores of tracks with their own references: the middle one, and the one that a tenth does not reach."""

    quality_from: int
    middle: float
    tenth: float
    tracks: int

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"middle": self.middle, "lowest_tenth": self.tenth, "measured_on_tracks": self.tracks}

    def sentence(self, unreached: float | None) -> str:
        """The same for people; ``unreached`` is the threshold of a search that found nobody."""
        said = (
            f"Faces of such quality score {self.middle:.2f} with their own references in the middle, and a tenth "
            f"of them less than {self.tenth:.2f} (drawn clips, {self.tracks} tracks)."
        )
        if unreached is not None and self.tenth < unreached:
            said += f" The threshold is {unreached:.2f}: that nobody is named does not mean that nobody is known."
        return said


MEASURED = (
    Expected(0, 0.0, 0.0, 0),
    Expected(40, 0.0, 0.0, 0),
    Expected(60, 0.0, 0.0, 0),
    Expected(80, 0.0, 0.0, 0),
)
"""By the lowest quality of each band; a test holds them against the table in docs/benchmarks.md."""


def expected(quality: int) -> Expected:
    """What a track whose best face has this quality, 0 to 100, is expected to score with its own references."""
    return max((one for one in MEASURED if one.quality_from <= quality), key=lambda one: one.quality_from)
