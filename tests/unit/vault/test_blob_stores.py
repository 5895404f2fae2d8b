"""What every store of sealed images promises: the same cases on files and on a real S3 server."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from countenance.errors import SealBroken
from countenance.holding import Target
from countenance.settings import ObjectStorage
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault import s3_blobs
from countenance.vault.blob_store import BlobStore
from countenance.vault.blobs import FolderBlobs
from countenance.vault.bucket import Bucket, Place
from countenance.vault.s3_blobs import S3Blobs

ONE, TWO = "a" * 32, "b" * 32
ANNA = SubjectId(1)
GALLERY = "9" * 32
Open = Callable[[], BlobStore]


@pytest.fixture(
    params=[
        "files",
        *(
            pytest.param(kind, marks=[pytest.mark.s3, pytest.mark.xdist_group("s3")])
            for kind in ("a bucket", "a versioned bucket")
        ),
    ]
)
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same store once more, as another process would."""
    opened: list[BlobStore] = []

    def open_files() -> BlobStore:
        opened.append(FolderBlobs(tmp_path))
        return opened[-1]

    if request.param == "files":
        yield open_files
    else:
        server = request.getfixturevalue("seaweed")
        keys = tmp_path / "credentials"
        keys.write_text(server.credentials())
        place = Place(server.new_bucket(versioned="versioned" in request.param), f"images/{secrets.token_hex(4)}")
        bucket = Bucket(place, ObjectStorage(server.endpoint, "us-east-1", keys))
        s3_blobs.claim(bucket, GALLERY)

        def open_s3() -> BlobStore:
            opened.append(
                S3Blobs(Bucket(place, ObjectStorage(server.endpoint, "us-east-1", keys)), GALLERY, tmp_path)
            )
            return opened[-1]

        yield open_s3
    for one in opened:
        one.close()


def everything(image_id: str) -> bool:
    return True


def nothing(image_id: str) -> bool:
    return False


def test_what_was_committed_is_read_by_every_process(another: Open) -> None:
    writer, reader = another(), another()
    writer.stage(ONE, b"sealed one")
    writer.commit(ONE)
    assert reader.read(ONE) == b"sealed one"
    assert reader.count([ONE, TWO]) == 1
    with pytest.raises(SealBroken):
        reader.read(TWO)


def test_a_discarded_image_leaves_nothing(another: Open) -> None:
    store = another()
    store.stage(ONE, b"sealed one")
    store.discard(ONE)
    assert store.count([ONE]) == 0
    store.close()
    assert another().recover(everything) == (0, 0)


def test_a_dead_process_s_images_are_finished_or_undone_and_a_living_one_is_not_disturbed(another: Open) -> None:
    dead, alive = another(), another()
    dead.stage(ONE, b"sealed one")
    dead.stage(TWO, b"sealed two")
    assert alive.recover(nothing) == (0, 0)
    assert alive.count([ONE, TWO]) == 2
    dead.close()
    assert alive.recover(lambda image_id: image_id == ONE) == (1, 1)
    assert alive.read(ONE) == b"sealed one"
    assert alive.count([TWO]) == 0
    assert alive.recover(nothing) == (0, 0)
    assert alive.read(ONE) == b"sealed one"


def test_an_erased_image_is_gone_wherever_it_was_and_erasing_again_is_as_good(another: Open) -> None:
    writer, eraser = another(), another()
    writer.stage(ONE, b"sealed one")
    writer.commit(ONE)
    writer.stage(ONE, b"sealed once more")  # a second version, where versions are kept
    writer.commit(ONE)
    writer.stage(TWO, b"sealed two")
    target = Target(ANNA, image_ids=(ONE, TWO))
    assert eraser.describe([target])[0].count == 2
    assert not eraser.confirm_absent([target]).absent
    assert eraser.confirm_absent([target]).remaining == 2
    assert eraser.erase([target])[0].count == 2
    assert eraser.confirm_absent([target]).absent
    assert eraser.erase([target])[0].count == 0
    with pytest.raises(FileNotFoundError):
        writer.commit(TWO)


def test_an_erasure_of_templates_only_leaves_the_images(another: Open) -> None:
    store = another()
    store.stage(ONE, b"sealed one")
    store.commit(ONE)
    target = Target(ANNA, image_ids=(ONE,), artefacts=frozenset({ArtefactClass.TEMPLATE}))
    assert store.erase([target])[0].count == 0
    assert store.confirm_absent([target]).absent
    assert store.read(ONE) == b"sealed one"


def test_an_image_without_a_record_is_a_stray_unless_it_is_being_enrolled(another: Open) -> None:
    store, other = another(), another()
    store.stage(ONE, b"sealed one")
    store.commit(ONE)
    other.stage(TWO, b"sealed two")
    assert store.strays(nothing) == [ONE]
    assert store.strays(everything) == []
    assert store.delete(store.strays(nothing)) == 1
    other.commit(TWO)
    assert store.read(TWO) == b"sealed two"


@pytest.mark.parametrize("image_id", ["../gallery", "A" * 32, "a" * 31, "", "a" * 32 + "\n"])
def test_an_image_id_never_becomes_a_path_or_a_key(another: Open, image_id: str) -> None:
    store = another()
    for act in (store.read, lambda i: store.stage(i, b""), lambda i: store.delete([i]), lambda i: store.count([i])):
        with pytest.raises(SealBroken):
            act(image_id)


def test_threads_that_stage_at_the_same_time_lose_nothing(another: Open) -> None:
    store, names = another(), [f"{number:032x}" for number in range(16)]
    together = threading.Barrier(len(names))

    def stage(image_id: str) -> None:
        together.wait(30)
        store.stage(image_id, b"sealed")

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(stage, names))
        list(pool.map(store.commit, names))
    assert another().count(names) == len(names)
