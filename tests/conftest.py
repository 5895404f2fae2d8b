"""Servers that several folders of tests share."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from tests.servers.milvus import MilvusServer, ServerUnavailable, running


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


def _absent(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"CI must run the tests on a real Milvus: {reason}")
    pytest.skip(reason)
