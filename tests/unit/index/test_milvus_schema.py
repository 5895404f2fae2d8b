"""What is said to Milvus, checked without one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from countenance.errors import EngineForeign, EngineUnavailable, EngineVersionUnknown, InputInvalid
from countenance.index.milvus_collection import Structure
from countenance.index.milvus_link import Address, Link
from countenance.index.milvus_schema import (
    Marker,
    collection_name,
    expression,
    labels_of,
    outlived,
    rows_of,
    version_of,
)
from countenance.index.protocol import Batch, Filter, pack_labels
from tests.congruence.oracle import FILTERS, admitted, random_labels

MARKER = Marker("g", "m", 128, "abc")


def test_an_expression_admits_what_the_filter_admits() -> None:
    random = np.random.default_rng(0)
    labels = random_labels(random, 200)
    labels["purposes"][:64] = [1 << bit for bit in range(64)]
    labels["barred_customers"][:64] = [1 << bit for bit in range(64)]
    rows = rows_of(Batch(np.arange(200), np.arange(200), np.zeros((200, 4)), labels), np.zeros((200, 4)))
    bits = [Filter(purpose=b) for b in range(64)] + [Filter(customer_class=b) for b in range(64)]
    for where in itertools.chain(FILTERS, bits):
        said = expression(where).replace("false", "False")
        for row, label in zip(rows, labels, strict=True):
            seen = eval(said, {}, row)
            if where.jurisdictions is not None:  # those are partitions
                seen = seen and row["jurisdiction"] in where.jurisdictions
            assert seen == admitted(label, where), (where, row)


def test_a_denied_reference_is_not_admitted_by_any_expression() -> None:
    row = rows_of(Batch(np.array([7]), np.array([1]), np.zeros((1, 4)), pack_labels(1)), np.zeros((1, 4)))[0]
    assert eval(expression(Filter(), {8}).replace("false", "False"), {}, row)
    assert not eval(expression(Filter(), {7, 8}).replace("false", "False"), {}, row)


def test_labels_come_back_from_rows_as_they_went_in() -> None:
    labels = random_labels(np.random.default_rng(1), 50)
    labels["purposes"][0] = (1 << 64) - 1
    rows = rows_of(Batch(np.arange(50), np.arange(50), np.zeros((50, 4)), labels), np.zeros((50, 4)))
    assert (labels_of(rows) == labels).all()


@pytest.mark.parametrize(
    "description",
    [
        "",
        "my photographs",
        "[]",
        '{"other": 1}',
        MARKER.text().replace('"countenance": 2', '"countenance": 3'),
        Marker("other", "m", 128, "abc").text(),
        Marker("g", "other", 128, "abc").text(),
        Marker("g", "m", 512, "abc").text(),
        Marker("g", "m", 128, "other").text(),
        Marker("g", "m", 128, None).text(),
    ],
    ids=["empty", "prose", "list", "other JSON", "version", "gallery", "model", "dimensions", "key", "no key"],
)
def test_a_collection_that_is_not_ours_is_refused(description: str) -> None:
    MARKER.check("c", MARKER.text())
    with pytest.raises(EngineForeign):
        MARKER.check("c", description)


def test_known_versions_are_taken_and_others_refused() -> None:
    assert version_of("v2.3.5-lite") == (2, 3)
    assert version_of("2.6.6") == (2, 6)
    for text in ("v1.1.0", "v2.2.9", "v2.7.0", "v3.0.1", "v2.30.1", "", "latest", "v9"):
        with pytest.raises(EngineVersionUnknown):
            version_of(text)


def test_a_structure_that_the_server_does_not_know_is_refused() -> None:
    assert Structure("IVF_RABITQ").build((2, 6))["refine_type"] == "SQ8"
    with pytest.raises(InputInvalid):
        Structure("IVF_RABITQ").build((2, 3))
    with pytest.raises(InputInvalid):
        Structure("HNSWX").build((2, 6))


def test_collection_names_have_only_what_milvus_takes() -> None:
    assert collection_name("my gallery/1", "ab-cdef" * 9) == "countenance_my_gallery_1_ab_cdefab_cdefab"
    with pytest.raises(InputInvalid):
        collection_name("", "m")


def test_an_address_shows_no_secret() -> None:
    address = Address("milvus://user:secret@host:19530/db", token="root:hunter2")
    assert address.shown == "host:19530"
    assert "secret" not in repr(address)
    assert "hunter2" not in repr(address)
    for wrong in ("host:19530", "ftp://host", "milvus://", ""):
        with pytest.raises(InputInvalid):
            _ = Address(wrong).http_uri


@pytest.mark.parametrize("kind", [ConnectionError, ConnectionResetError])
def test_what_the_moment_caused_is_tried_again_until_patience_ends(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Link(Address("milvus://host:1", patience_s=0.5))
    monkeypatch.setattr(link, "_connected", lambda timeout: None)
    tries: list[float] = []

    def work(client: object, timeout: float) -> int:
        tries.append(timeout)
        if len(tries) < 3:
            raise kind
        return 7

    assert link.call("try", work) == 7
    assert len(tries) == 3

    def never(client: object, timeout: float) -> int:
        raise kind

    with pytest.raises(EngineUnavailable):
        link.call("try", never)


def test_only_an_older_collection_of_our_own_is_made_anew() -> None:
    older = MARKER.text().replace('"countenance": 2', '"countenance": 1')
    assert outlived(MARKER, older)
    for other in (
        MARKER.text(),
        "my photographs",
        "[]",
        older.replace('"gallery": "g"', '"gallery": "h"'),
        older.replace('"countenance": 1', '"countenance": true'),
    ):
        assert not outlived(MARKER, other), other
