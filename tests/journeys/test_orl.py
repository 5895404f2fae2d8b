"""Forty people of the AT&T/ORL photographs, where they are at hand: who is enrolled is found, who is not is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from countenance.recognition.images import decode
from countenance.settings import ImageLimits
from countenance.terms import Vectors
from tests.galleries import Galleries, names, permit, row, search

PEOPLE = range(1, 41)
SEARCHED = range(6, 11)


@pytest.fixture(scope="module")
def templates(orl_folder: Path, model_cache: Path) -> dict[tuple[int, int], Vectors]:
    """The template of every photograph's largest face, by person and number; extracted once."""
    from countenance.recognition.templates.recogniser import Recogniser

    recogniser = Recogniser.open(model_cache)
    places = [(person, number) for person in PEOPLE for number in range(1, 11)]
    files = (orl_folder / f"s{person}" / f"{number}.pgm" for person, number in places)
    pictures = (decode(file.read_bytes(), ImageLimits(), name=file.name).pixels for file in files)
    found = recogniser.recognise_many(pictures)
    return {place: faces[0].template for place, faces in zip(places, found, strict=True) if faces}


def test_every_photograph_shows_a_face(templates: dict[tuple[int, int], Vectors]) -> None:
    assert len(templates) == 400


@pytest.mark.slow
def test_enrolled_people_are_ranked_first(galleries: Galleries, templates: dict[tuple[int, int], Vectors]) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row(f"s{p}", templates[p, n]) for p in PEOPLE for n in range(1, 6)])
    first = 0
    for person in PEOPLE:
        for number in SEARCHED:
            found = names(search(gallery, templates[person, number], threshold=None))
            first += found[:1] == [f"s{person}"]
    assert first / 200 >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("left_out", [range(1, 21), range(21, 41)], ids=["first half", "second half"])
def test_people_left_out_have_no_candidate_at_the_default_threshold(
    galleries: Galleries, templates: dict[tuple[int, int], Vectors], left_out: range
) -> None:
    gallery = galleries.new()
    gallery.enrol_templates(
        [row(f"s{p}", templates[p, n]) for p in PEOPLE if p not in left_out for n in range(1, 6)]
    )
    searches = [(person, number) for person in left_out for number in SEARCHED]
    empty = sum(not names(search(gallery, templates[place], threshold=None)) for place in searches)
    assert empty / len(searches) >= 0.99


def test_whole_photographs_take_the_same_way_as_their_templates(
    galleries: Galleries, orl_folder: Path, templates: dict[tuple[int, int], Vectors]
) -> None:
    gallery = galleries.new()
    permit(gallery, "s7")
    done = gallery.enrol("s7", [orl_folder / "s7" / f"{number}.pgm" for number in range(1, 6)])
    assert len(done.failures) == 0
    found = gallery.identify(orl_folder / "s7" / "6.pgm", purpose="event-photos")
    assert names(found) == ["s7"]
    best = max(float(templates[7, 6] @ templates[7, number]) for number in range(1, 6))
    assert np.isclose(found.faces[0].candidates[0].score, best, atol=0.02)
