"""Identification on the ORL photographs (Olivetti Research Laboratory, 1992-94), through the engine's own verbs.

Closed set: 40 subjects, photographs 1-5 enrolled, 6-10 searched. Open set: half of the subjects are enrolled, the
ten photographs of each of the others are searched at the default threshold; then the halves are exchanged.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from countenance import Countenance

ROOT = Path(__file__).resolve().parents[1]
ORL = Path(os.environ.get("COUNTENANCE_ORL") or ROOT.parent / "shared" / "faces" / "orl")
PURPOSE = "benchmark"


def gallery(folder: Path, subjects: list[int], photographs: range) -> tuple[Countenance, int]:
    """A gallery of these subjects' photographs, and how many of them were refused."""
    made = Countenance.init(folder)
    until = (datetime.now(UTC) + timedelta(days=30)).date()
    refused = 0
    for number in subjects:
        made.permit(f"s{number}", purposes=[PURPOSE], residence="GB", until=until)
        files = [ORL / f"s{number}" / f"{shot}.pgm" for shot in photographs]
        refused += len(made.enrol(f"s{number}", files).failures)
    return made, refused


def main() -> int:
    """Print the table; status 1 when the photographs are not there."""
    if not ORL.is_dir():
        print("The ORL photographs are not on this machine; nothing was measured.")
        return 1
    with tempfile.TemporaryDirectory() as place:
        everyone = list(range(1, 41))
        first, refused = gallery(Path(place) / "closed", everyone, range(1, 6))
        right = searched = 0
        for number in everyone:
            for shot in range(6, 11):
                faces = first.identify(ORL / f"s{number}" / f"{shot}.pgm", purpose=PURPOSE, threshold=-1.0).faces
                names = [face.candidates[0].subject for face in faces if face.candidates]
                right += names[:1] == [f"s{number}"]
                searched += 1
        first.close()
        silent = strangers = missed = mates = 0
        threshold = 0.0
        for half, others in ((everyone[:20], everyone[20:]), (everyone[20:], everyone[:20])):
            made, _ = gallery(Path(place) / f"open{half[0]}", half, range(1, 6))
            for number in others:
                for shot in range(1, 11):
                    answer = made.identify(ORL / f"s{number}" / f"{shot}.pgm", purpose=PURPOSE)
                    threshold = answer.threshold
                    silent += not any(face.candidates for face in answer.faces)
                    strangers += 1
            for number in half:
                for shot in range(6, 11):
                    answer = made.identify(ORL / f"s{number}" / f"{shot}.pgm", purpose=PURPOSE)
                    found = {one.subject for face in answer.faces for one in face.candidates}
                    missed += f"s{number}" not in found
                    mates += 1
            made.close()

    def row(work: str, count: int, of: int, reach: str) -> None:
        print(f"| {work} | {count / of:.4f} ({count} of {of}) | {reach} |")

    print("| work | measured | to reach |\n|---|---|---|")
    row("40 subjects, 5 enrolled, 5 searched: rank 1", right, searched, "0.99")
    row("subjects left out: searches without any candidate", silent, strangers, "0.99")
    row(f"at that threshold ({threshold:.3f}): searches that missed the mate", missed, mates, "")
    print(f"\n{refused} of 200 photographs were refused at enrolment for their quality.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
