"""Bystanders: who of the people in a picture is kept, counted on group pictures composed of ORL photographs.

Half of the 40 people chose between the ways of deciding (docs/adr/0015-bystanders.md); the other half is reported
beside it. Ten people of a half have given a permission, with three references each, their first photographs that
may be enrolled; then the other ten. In every picture stand one of them, a friend who has a permission, too, and
three people without one, each in a photograph that is nobody's reference.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tests.unit.collection.pictures import CELL, group, orl

from countenance.collection.bystanders import Thresholds, Wanted, tell_apart
from countenance.collection.flow import ahead
from countenance.recognition.candidates import calibrate
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.images import decode
from countenance.recognition.models.network import available_threads
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits, cache_folder
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import SubjectId
from countenance.vault.sealing import WrappedKeys

ROOT = Path(__file__).resolve().parents[1]
ORL = Path(os.environ.get("COUNTENANCE_ORL") or ROOT.parent / "shared" / "faces" / "orl")
REFERENCES = 3
STRANGERS = 3
PICTURES = 1_700
"""Of each half: 5,100 faces of strangers."""
HALVES = {"chose": range(1, 41, 2), "reported": range(2, 41, 2)}
Scene = tuple[int, int, int, bytes]
"""Number, the subject's person, the friend's, and the picture."""


class People:
    """References and further photographs of some people."""

    def __init__(self, recogniser: Recogniser, calibration: Calibration, people: Sequence[int]) -> None:
        self.wanted: dict[int, Wanted] = {}
        self.photographs: dict[int, list[int]] = {}
        for person in people:
            templates: list[np.ndarray] = []
            self.photographs[person] = []
            for number in range(1, 11):
                found = recogniser.recognise(np.asarray(orl(ORL, person, number), np.uint8))
                if found and found[0].quality.score >= ENROLMENT_MINIMUM and len(templates) < REFERENCES:
                    templates.append(found[0].template)
                else:
                    self.photographs[person].append(number)
            row = SubjectRow(SubjectId(person), b"", b"", WrappedKeys("GB", {}), SubjectState.ACTIVE, "")
            self.wanted[person] = Wanted(row, np.stack(templates), Thresholds.of(calibration, len(templates)))
        size = 1 << (REFERENCES * len(people) - 1).bit_length()
        whole = Thresholds.of(calibration, size, size)
        self.friends = {
            person: Wanted(one.subject, one.templates, whole, named=False) for person, one in self.wanted.items()
        }


def scenes(
    people: People, permitted: Sequence[int], strangers: Sequence[int], count: int, seed: int
) -> Iterator[Scene]:
    """Pictures of five people each, in changing places."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        subject = permitted[number % len(permitted)]
        friend = int(rng.choice([one for one in permitted if one != subject]))
        others = [int(one) for one in rng.choice(strangers, STRANGERS, replace=False)]
        own = people.photographs[subject]
        shots = [own[number // len(permitted) % len(own)]]
        shots += [int(rng.choice(people.photographs[one])) for one in (friend, *others)]
        faces = [orl(ORL, one, shot) for one, shot in zip((subject, friend, *others), shots, strict=True)]
        yield number, subject, friend, group(faces, seed=seed + number)


def count(recogniser: Recogniser, calibration: Calibration, half: Sequence[int], pictures: int) -> Counter[str]:
    """Compose, look, count."""
    people = People(recogniser, calibration, half)
    found: Counter[str] = Counter()

    def look(scene: Scene) -> tuple[Scene, tuple[RecognisedFace, ...]]:
        return scene, recogniser.recognise(decode(scene[3], ImageLimits()).pixels)

    for turn in (0, 1):
        permitted, strangers = (half[:10], half[10:])[:: 1 if turn == 0 else -1]
        shown = scenes(people, permitted, strangers, pictures // 2, 100_000 * turn)
        for (_, subject, friend, _), faces in ahead(
            shown, look, lambda s: len(s[3]), threads=available_threads() + 1
        ):
            wanted = [people.wanted[subject], *(people.friends[one] for one in permitted if one != subject)]
            apart = tell_apart(faces, wanted, recogniser.closer)
            places = [int(face.face.box.x // CELL[0]) for face in faces]
            found["pictures"] += 1
            found["own"] += 1
            found["friends"] += 1
            found["strangers"] += sum(place > 1 for place in places)
            found["own_not_found"] += 0 not in places
            for sighting in apart.sightings:
                place = int(sighting.face.face.box.x // CELL[0])
                of = ("own", "friend")[place] if place < 2 else "stranger"
                named = int(sighting.subject.subject_id)
                if sighting.certain and named != {"own": subject, "friend": friend}.get(of):
                    found[f"{of}_enrolled_wrongly"] += 1
                elif sighting.face.quality.score < ENROLMENT_MINIMUM:
                    found[f"{of}_poor"] += 1  # nor is anybody asked about it
                elif not sighting.certain:
                    found[f"{of}_asked"] += 1
                else:
                    found[f"{of}_enrolled"] += 1
    return found


def main() -> int:
    """Print the table; status 1 when the photographs are not there, or a bystander was enrolled."""
    if not ORL.is_dir():
        print("The ORL photographs are not on this machine; nothing was counted.")
        return 1
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    recogniser = Recogniser.open(cache_folder())
    calibration = calibrate.shipped(recogniser.model, "plain")
    assert calibration is not None
    halves = {name: count(recogniser, calibration, half, pictures) for name, half in HALVES.items()}
    both = sum(halves.values(), Counter[str]())

    def row(name: str, key: str, of: str, reach: str = "") -> None:
        cells = [f"{c[key]:,} of {c[of]:,} ({c[key] / c[of]:.1%})" for c in (*halves.values(), both)]
        print(f"| {name} | {' | '.join(cells)} | {reach} |")

    print("| faces | the half that chose | the half that is reported | both | to reach |\n|---|---|---|---|---|")
    row("strangers enrolled", "stranger_enrolled_wrongly", "strangers", "0 of 10,000")
    row("strangers about whom the subject is asked", "stranger_asked", "strangers")
    row("own, enrolled", "own_enrolled", "own")
    row("own, offered for confirmation", "own_asked", "own")
    for counts in (*halves.values(), both):
        counts["own_kept"] = counts["own_enrolled"] + counts["own_asked"]
    row("own, enrolled or offered", "own_kept", "own", "97%")
    row("own, recognised or in doubt, and too poor to enrol or ask about", "own_poor", "own")
    row("own, no face found", "own_not_found", "own")
    row("friends with a permission, enrolled as themselves", "friend_enrolled", "friends")
    row("own, enrolled as somebody else", "own_enrolled_wrongly", "own", "0")
    row("friends, enrolled as somebody else", "friend_enrolled_wrongly", "friends", "0")
    print(
        f"\n{both['pictures']:,} pictures of five people, composed, not photographed together; {REFERENCES} "
        "references each, default thresholds. The calibration that the thresholds come from was measured on the "
        "same 40 people, so the strangers are no strangers to it."
    )
    return int(both["stranger_enrolled_wrongly"] > 0)


if __name__ == "__main__":
    sys.exit(main())
