"""Which photographs are too much like an erased one, however they are asked about together."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from countenance.store import schema, suppression
from countenance.terms import GALLERYS_OWN
from tests.galleries import Galleries

ERASED, FRESH, OTHER = b"e" * 32, b"f" * 32, b"o" * 32
BANDS_ALIKE = 4


def likeness(seed: int) -> bytes:
    """Sixteen parts of eight bytes, none equal to those of another seed."""
    return b"".join(bytes([seed, place]) * 4 for place in range(16))


def like(erased: bytes, seed: int, parts: int) -> bytes:
    """A likeness whose first ``parts`` parts are those of ``erased``."""
    return erased[: 8 * parts] + likeness(seed)[8 * parts :]


@pytest.mark.parametrize(
    ("parts", "times", "refused"),
    [(3, 1, False), (3, 2, False), (4, 1, True), (4, 2, True)],
    ids=["too few", "too few, and the same bytes twice", "enough", "enough, and the same bytes twice"],
)
def test_a_photograph_is_refused_that_has_enough_parts_of_an_erased_one_and_no_other(
    galleries: Galleries, parts: int, times: int, refused: bool
) -> None:
    erased = likeness(1)
    rows = [{"band_tag": bytes([p]) + erased[8 * p : 8 * p + 8], "digest_tag": ERASED} for p in range(16)]
    row = {"digest_tag": ERASED, "name_tag": b"n" * 32, "likeness_tags": erased, "ground": "withdrawal"}
    asked = [(FRESH, like(erased, 2, parts))] * times + [(OTHER, likeness(3))]
    with galleries.new()._database.write() as connection:
        connection.execute(insert(schema.suppressed_images).values(**row, erasure_id="x", compartment_id=0))
        connection.execute(insert(schema.suppressed_likenesses), rows)
        found = suppression.refused(connection, b"a" * 32, asked, bands_alike=BANDS_ALIKE, compartment=GALLERYS_OWN)
    assert found == ({FRESH} if refused else set())
