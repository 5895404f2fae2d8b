"""What is said to Milvus, checked without one."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import grpc
import numpy as np
import pytest
from pymilvus.exceptions import MilvusException

from countenance.errors import (
    EngineBusy,
    EngineError,
    EngineForeign,
    EngineSlow,
    EngineUnavailable,
    EngineVersionUnknown,
    InputInvalid,
)
from countenance.index import milvus_link
from countenance.index.distributed import Deployment, DistributedIndex
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


class Told(grpc.RpcError):
    """An error as gRPC raises it."""

    def __init__(self, status: grpc.StatusCode) -> None:
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status


PRESSED = {
    "rate limit": (MilvusException(code=8, message="rate limit exceeded"), EngineBusy),
    "memory quota": (MilvusException(code=3, message="memory limit exceeded"), EngineBusy),
    "gRPC: exhausted": (Told(grpc.StatusCode.RESOURCE_EXHAUSTED), EngineBusy),
    "gRPC: too late": (Told(grpc.StatusCode.DEADLINE_EXCEEDED), EngineSlow),
    "gRPC: not there": (Told(grpc.StatusCode.UNAVAILABLE), EngineUnavailable),
}


@pytest.mark.parametrize(("raised", "ours"), PRESSED.values(), ids=PRESSED.keys())
def test_a_server_that_takes_no_more_is_asked_again_more_and_more_slowly(
    raised: Exception, ours: type[EngineError], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pauses = [0.0], list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(milvus_link.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(milvus_link.time, "sleep", pause)
    link = Link(Address("milvus://host:1", patience_s=60))
    monkeypatch.setattr(link, "_connected", lambda timeout: None)

    def pressed(client: object, timeout: float) -> int:
        if len(pauses) < 4:
            raise raised
        return 7

    assert link.call("insert", pressed) == 7
    assert pauses == sorted(set(pauses)), "each pause is longer than the one before"

    def never(client: object, timeout: float) -> int:
        raise raised

    pauses.clear()
    begun = now[0]
    with pytest.raises(ours):
        link.call("insert", never)
    assert 50 < now[0] - begun <= 60
    assert max(pauses) <= 3


def test_a_server_of_an_unknown_version_is_asked_for_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    class Unknown:
        def __getattr__(self, name: str) -> Callable[..., str]:
            asked.append(name)
            return lambda **options: "v9.0.0"

    monkeypatch.setattr(Link, "_connected", lambda link, timeout: Unknown())
    with pytest.raises(EngineVersionUnknown):
        DistributedIndex(Deployment(Address("milvus://host:1")), "g", "m" * 64, 32, None)
    assert asked == ["get_server_version"]
