"""Galleries, photographs and servers for every test. No photograph of a real person is kept in this project."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from countenance.oversight import passwords
from tests import photographs
from tests.galleries import Galleries, embedded_above
from tests.offices import staffed
from tests.servers import seaweedfs
from tests.servers.milvus import MilvusServer, ServerUnavailable, running
from tests.servers.postgres import Server

if TYPE_CHECKING:
    from tests.served import Service

REPOSITORY = Path(__file__).resolve().parents[1]

# How long an example takes says how busy the machine is; times are measured by the benchmarks.
settings.register_profile("countenance", settings(), deadline=None)
settings.load_profile("countenance")


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A real Milvus server. Skipped where it cannot be installed, except in CI, which must run it."""
    if importlib.util.find_spec("pymilvus") is None:
        _absent("the extra 'milvus' is not installed")
    try:
        with running(tmp_path_factory.mktemp("milvus")) as server:
            yield server
    except ServerUnavailable as reason:
        _absent(str(reason))


def _absent(reason: str, server: str = "Milvus") -> None:
    if os.environ.get("CI") or os.environ.get("COUNTENANCE_REAL_SERVERS"):
        pytest.fail(f"CI must run the tests on a real {server}: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweedfs.SeaweedServer]:
    """A real S3 server. Skipped where it or its client is not installed, except in CI, which must run it."""
    if importlib.util.find_spec("boto3") is None:
        _absent("the extra 's3' is not installed", "S3 server")
    try:
        with seaweedfs.running(tmp_path_factory.mktemp("seaweed")) as server:
            yield server
    except ServerUnavailable as reason:
        _absent(str(reason), "S3 server")


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """Prepared models, kept between runs: what is in it is checked by digest at every load."""
    return REPOSITORY / "build" / "test-cache"


@pytest.fixture(scope="session")
def portrait_photographs() -> list[bytes]:
    """Six different photographs (JPEG) made from the public-domain portrait that scikit-image ships."""
    return photographs.of_portrait()


@pytest.fixture(scope="session")
def couple() -> photographs.Couple:
    """A photograph with two faces, the larger on the left."""
    return photographs.of_two()


@pytest.fixture(scope="session")
def orl_folder() -> Path:
    """The AT&T/ORL photographs, which are never part of the project."""
    folder = Path(os.environ.get("COUNTENANCE_ORL", REPOSITORY.parent / "shared" / "faces" / "orl"))
    if not folder.is_dir():
        pytest.skip(f"the AT&T/ORL photographs are not in {folder.name} (set COUNTENANCE_ORL)")
    return folder


@pytest.fixture(autouse=True)
def no_gallery_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell names must not leak into a test."""
    for name in ("COUNTENANCE_GALLERY", "COUNTENANCE_KEYS", "COUNTENANCE_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def quick_passwords() -> Iterator[None]:
    """Argon2id at its real cost would take most of the time of tests that log people in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_MEMORY_KIB", 64)
        patch.setattr(passwords, "_PASSES", 1)
        yield


@pytest.fixture
def galleries(tmp_path: Path, model_cache: Path) -> Iterator[Galleries]:
    """A maker of galleries on SQLite; closes what it opened."""
    maker = Galleries(tmp_path, model_cache)
    yield maker
    maker.close()


@pytest.fixture
def service(galleries: Galleries) -> Iterator[Service]:
    """A service with an operator and a data protection officer; nobody is enrolled, images are files."""
    from tests.served import serving  # FastAPI takes a second to import, and most tests want none of it

    gallery = galleries.new()
    staffed(gallery)
    with serving(gallery) as made:
        yield made


@pytest.fixture(params=["exact", "embedded"])
def index_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a gallery of more than 100 references is searched with here, once each."""
    kind = str(request.param)
    if kind == "embedded":
        embedded_above(monkeypatch, 100)
    return kind


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real PostgreSQL 18, started from its wheel."""
    server = Server.start(tmp_path_factory.mktemp("pg"))
    yield server
    server.stop()


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")])]
)
def both(request: pytest.FixtureRequest, tmp_path: Path, model_cache: Path) -> Iterator[Galleries]:
    """A maker of galleries, once on SQLite and once on PostgreSQL."""
    make_url = None
    if request.param == "postgresql":
        make_url = request.getfixturevalue("postgres_server").new_database
    maker = Galleries(tmp_path, model_cache, make_url)
    yield maker
    maker.close()
