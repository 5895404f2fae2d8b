"""A running service whose disk is full, or whose object storage is slow or silent: told, survived, sent again."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from httpx2 import Response

from tests.galleries import Galleries
from tests.journeys.test_service_story import Force, opened
from tests.journeys.test_service_subjects import files, permitted, with_enroller
from tests.offices import staffed
from tests.served import Service, serving
from tests.servers.seaweedfs import SeaweedServer

PATIENCE_S = 120

pytestmark = pytest.mark.usefixtures("quick_passwords")


@pytest.fixture
def stored(
    request: pytest.FixtureRequest, galleries: Galleries, seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    """A service whose images are in a bucket of a real S3 server, for which it waits so many seconds."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COUNTENANCE_S3_TIMEOUT", str(request.param))
    galleries.new_place = lambda: f"s3://{seaweed.new_bucket()}/gallery"
    gallery = galleries.new()
    staffed(gallery)
    try:
        with serving(gallery) as made:
            yield made
    finally:
        seaweed.thaw()


def with_anna(service: Service, photograph: bytes) -> tuple[Force, str]:
    """A customer who may search its compartment, and where a subject is who has one photograph there."""
    force = with_enroller(service)
    terms = {"terms": {"case": opened(force)}}
    assert force["enroller"].ask("PATCH", "/compartments/lobby", json=terms).status_code == 200
    subject = f"/compartments/lobby/subjects/{permitted(force)}"
    sent = force["enroller"].post(f"{subject}/images", files=files("images", photograph))
    assert sent.status_code == 200, sent.text
    return force, subject


def found(force: Force, photograph: bytes) -> list[str]:
    """Whom a search of the compartment finds."""
    answer = force["investigator"].post("/compartments/lobby/searches", files=files("image", photograph))
    assert answer.status_code == 201, answer.text
    return [one["subject"] for one in answer.json()["faces"][0]["matches"]]


@contextmanager
def no_room() -> Iterator[None]:
    """No file of ours gets onto the disk any more."""
    sync = os.fsync

    def full(handle: int) -> None:
        if not Path(f"/proc/self/fd/{handle}").readlink().is_dir():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        yield


def test_a_full_disk_is_told_and_the_same_request_is_carried_out_when_there_is_room(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    first, second, probe, *_ = portrait_photographs
    force, subject = with_anna(service, first)
    enroller = force["enroller"]
    with no_room():
        full = enroller.post(f"{subject}/images", files=files("images", second), key="enrol")
        assert (full.status_code, full.json()["code"]) == (507, "disk_full"), full.text
        assert enroller.get(subject).json()["images"] == 1
        assert found(force, probe) == ["anna"], "a search writes no file"
        assert service.get("/health/live").status_code == 200
        stuck = enroller.delete(subject, key="forget")
        assert stuck.status_code == 507, stuck.text
        assert found(force, probe) == [], "out of every search, though not everything is destroyed"
    gone = enroller.delete(subject, key="forget")
    assert gone.status_code == 200, gone.text
    again = enroller.post(f"{subject}/images", files=files("images", second), key="enrol")
    assert again.status_code == 404, "there was room too late for her: she has been forgotten"
    gallery = service.application.state.gallery
    assert (gallery.status().images, gallery.status().erasures_open) == (0, 0)
    assert gallery.log.fsck().ok


def in_the_background(pool: ThreadPoolExecutor, force: Force, subject: str, photograph: bytes) -> Future[Response]:
    """An enrolment that has begun to send its picture to the storage."""
    gallery = force.service.application.state.gallery
    notes = Path(gallery._blobs._staging._folder)
    running = pool.submit(force["enroller"].post, f"{subject}/images", files=files("images", photograph))
    deadline = time.monotonic() + PATIENCE_S
    while not list(notes.glob(".staging-*/*.announced")):
        assert not running.done(), running.result().text
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return running


@pytest.mark.s3
@pytest.mark.xdist_group("s3")
@pytest.mark.parametrize("stored", [60], indirect=True, ids=["waits for long"])
def test_while_the_storage_is_slow_others_are_answered_and_the_enrolment_ends_when_it_answers(
    stored: Service, seaweed: SeaweedServer, portrait_photographs: list[bytes]
) -> None:
    first, second, probe, *_ = portrait_photographs
    force, subject = with_anna(stored, first)
    with ThreadPoolExecutor(1) as pool:
        seaweed.freeze()
        try:
            running = in_the_background(pool, force, subject, second)
            assert found(force, probe) == ["anna"]
            assert force["enroller"].get(subject).json()["images"] == 1
            assert not running.done()
        finally:
            seaweed.thaw()
        answer = running.result(PATIENCE_S)
    assert [one["outcome"] for one in answer.json()["items"]] == ["enrolled"], answer.text
    assert force["enroller"].get(subject).json()["images"] == 2


@pytest.mark.s3
@pytest.mark.xdist_group("s3")
@pytest.mark.parametrize("stored", [6], indirect=True, ids=["waits a few seconds"])
def test_a_storage_that_stays_silent_is_told_and_the_same_request_is_carried_out_once_it_answers(
    stored: Service, seaweed: SeaweedServer, portrait_photographs: list[bytes]
) -> None:
    gallery = stored.application.state.gallery
    first, second, probe, *_ = portrait_photographs
    force, subject = with_anna(stored, first)
    enroller = force["enroller"]
    seaweed.freeze()
    silent = enroller.post(f"{subject}/images", files=files("images", second), key="silent")
    assert (silent.status_code, silent.json()["code"]) == (503, "blobs_unavailable"), silent.text
    assert int(silent.headers["retry-after"]) > 0
    assert found(force, probe) == ["anna"]
    seaweed.thaw()
    again = enroller.post(f"{subject}/images", files=files("images", second), key="silent")
    assert [one["outcome"] for one in again.json()["items"]] == ["enrolled"], again.text
    assert gallery.status().images == 2
