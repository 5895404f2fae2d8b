"""An album in a bucket, on a real S3 server: what the operator names is read, and nothing else."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from countenance.cli.main import run
from countenance.clock import SystemClock
from countenance.collection.exports import bucket as buckets
from countenance.collection.exports.album import Album, source_of
from countenance.collection.outcomes import FileOutcome
from countenance.errors import ArchiveUnreadable, BucketUnreachable, CollectionError, SourceMissing
from countenance.settings import ObjectStorage
from tests.galleries import Galleries
from tests.journeys.test_collection_exports import ANNA, BEN, enrolled, filled
from tests.photographs import landscape
from tests.servers.seaweedfs import READ_ONLY_KEY, READ_ONLY_SECRET, SeaweedServer
from tests.unit.collection import export_files as made
from tests.unit.collection.pictures import group, orl

pytestmark = pytest.mark.xdist_group("seaweed")


@pytest.fixture
def bucket(seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket; the environment says where the service is and asks with keys that may only read."""
    keys = {"AWS_ACCESS_KEY_ID": READ_ONLY_KEY, "AWS_SECRET_ACCESS_KEY": READ_ONLY_SECRET}
    for name, value in (seaweed.environment() | keys).items():
        monkeypatch.setenv(name, value)
    return seaweed.new_bucket()


def put(seaweed: SeaweedServer, bucket: str, files: dict[str, bytes]) -> None:
    client = seaweed.client()
    for name, data in files.items():
        client.put_object(Bucket=bucket, Key=name, Body=data)


def pictures(orl_folder: Path) -> dict[str, bytes]:
    return {
        "alone.jpg": group([orl(orl_folder, ANNA, 4)]),
        "both.jpg": group([orl(orl_folder, ANNA, 5), orl(orl_folder, BEN, 5)]),
        "nobody.jpg": group([orl(orl_folder, 23, 1)]),
        "view": landscape(),
    }


def became(outcomes: list[FileOutcome]) -> dict[str, str]:
    return {one.file.rpartition("/")[2]: one.became.value for one in outcomes}


def test_an_export_under_a_prefix_is_imported_and_nothing_beside_it_is_read(
    seaweed: SeaweedServer,
    bucket: str,
    galleries: Galleries,
    orl_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    export = made.instagram_json(pictures(orl_folder), group([orl(orl_folder, ANNA, 7)]))
    put(seaweed, bucket, {f"exports/anna/{name}": data for name, data in export.items()})
    put(seaweed, bucket, {"exports/anna2/x.jpg": landscape(), "exports/y.jpg": landscape()})
    asked: list[str] = []
    really = buckets._read

    def watched(objects: buckets.Objects, name: str, *rest: Any) -> bytes:
        asked.append(objects.place.key(name))
        return really(objects, name, *rest)

    monkeypatch.setattr(buckets, "_read", watched)
    gallery = filled(galleries, orl_folder)
    seen: list[FileOutcome] = []
    done = gallery.collecting.import_album("anna", [f"s3://{bucket}/exports/anna/"], report=seen.append)
    assert done.platform == "Instagram export"
    assert became(seen) == {
        "alone.jpg": "enrolled",
        "both.jpg": "enrolled",
        "me.jpg": "enrolled",
        "nobody.jpg": "no-subject",
        "view": "no-face",
    }
    assert done.videos == 1
    assert all(key.startswith("exports/anna/") for key in asked)
    assert not [key for key in asked if "messages" in key or "contacts" in key]
    put(seaweed, bucket, {"exports/anna/media/posts/202305/view": group([orl(orl_folder, ANNA, 8)])})
    asked.clear()
    again = gallery.collecting.import_album("anna", [f"s3://{bucket}/exports/anna"], hers=True)
    assert again.outcomes == {"earlier": 4, "enrolled": 1}, "only the object that has changed is read"
    assert [key for key in asked if not key.endswith(".json")] == ["exports/anna/media/posts/202305/view"]


def test_a_zip_archive_in_a_bucket_is_read_in_place(
    seaweed: SeaweedServer, bucket: str, galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    export = made.facebook_json(pictures(orl_folder), group([orl(orl_folder, ANNA, 7)]))
    put(seaweed, bucket, {"facebook-anna.zip": made.zipped(export, tmp_path / "a.zip").read_bytes()})
    gallery = filled(galleries, orl_folder)
    done = gallery.collecting.import_album("anna", [f"s3://{bucket}/facebook-anna.zip"])
    assert (done.platform, done.references, done.outcomes["no-subject"]) == ("Facebook export", 3, 1)
    assert enrolled(gallery, "ben") == 4


def test_names_in_any_script_come_through(seaweed: SeaweedServer, bucket: str) -> None:
    names = ["Фото/я.jpg", "写真/私 1.jpg", "صور/أنا.jpg", "a+b&c=d%20.jpg"]
    put(seaweed, bucket, dict.fromkeys(names, b"\xff\xd8\xff"))
    album = Album([source_of(f"s3://{bucket}", ObjectStorage())], picture_bytes=100)
    assert {item.name for item in album.pictures()} == set(names)
    assert {item.read() for item in album.pictures()} == {b"\xff\xd8\xff"}


def test_an_object_that_changes_after_it_was_listed_is_refused_and_tried_again_the_next_time(
    seaweed: SeaweedServer, bucket: str, galleries: Galleries, orl_folder: Path
) -> None:
    put(seaweed, bucket, {f"a/{n}.jpg": group([orl(orl_folder, ANNA, n)]) for n in (4, 5)})
    gallery = filled(galleries, orl_folder)

    album = Album([source_of(f"s3://{bucket}/a", ObjectStorage())], picture_bytes=10_000_000)
    first = next(iter(album.pictures()))
    put(seaweed, bucket, {"a/4.jpg": group([orl(orl_folder, ANNA, 6)])})
    with pytest.raises(BucketUnreachable, match="changed since it was listed"):
        first.read()
    assert gallery.collecting.import_album("anna", [f"s3://{bucket}/a"]).references == 2


def test_a_service_that_dies_on_the_way_ends_the_import_which_goes_on_later(
    seaweed: SeaweedServer, bucket: str, galleries: Galleries, orl_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than are under way at once and ten that fail in a row, however late the first outcome comes.
    people = [(n, k) for n in (4, 5) for k in range(30)]
    put(
        seaweed,
        bucket,
        {f"a/{n}-{k:02d}.jpg": group([orl(orl_folder, ANNA, n)], seed=20 * n + k) for n, k in people},
    )
    gallery = filled(galleries, orl_folder)

    alive = [True]

    def dies(one: FileOutcome) -> None:
        if alive:
            alive.clear()
            seaweed.kill()

    with pytest.raises(BucketUnreachable):
        gallery.collecting.import_album("anna", [f"s3://{bucket}/a"], report=dies)
    kept = enrolled(gallery, "anna") - 3
    assert 1 <= kept < len(people)
    seaweed.start()
    done = gallery.collecting.import_album("anna", [f"s3://{bucket}/a"])
    assert sum(done.outcomes.values()) == len(people)
    assert enrolled(gallery, "anna") == 3 + gallery.collecting.bystanders("anna").images_kept
    assert gallery.collecting.bystanders("anna").files == len(people)


@pytest.fixture
def wrong(bucket: str) -> dict[str, str]:
    """Addresses that cannot be read, by what is wrong."""
    return {
        "no such bucket": "s3://nobodys-bucket/x",
        "nothing there": f"s3://{bucket}/nothing",
        "no such object": f"s3://{bucket}/none.zip",
        "no bucket at all": "s3:///x",
        "out of it": f"s3://{bucket}/a/../b",
    }


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("no such bucket", BucketUnreachable, "There is no bucket"),
        ("nothing there", SourceMissing, "no picture"),
        ("no such object", SourceMissing, "There is no object"),
        ("no bucket at all", SourceMissing, "s3://bucket/prefix"),
        ("out of it", SourceMissing, "s3://bucket/prefix"),
    ],
)
def test_what_cannot_be_read_is_said(wrong: dict[str, str], what: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        Album([source_of(wrong[what], ObjectStorage())], picture_bytes=100)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "refused"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "does not answer"),
    ],
    ids=["wrong key", "nobody there"],
)
def test_no_message_about_a_service_holds_its_address_or_keys(
    bucket: str,
    setting: str,
    value: str,
    said: str,
    galleries: Galleries,
    orl_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COUNTENANCE_CACHE", str(galleries.cache))
    filled(galleries, orl_folder, SystemClock()).close()
    galleries.opened.clear()
    monkeypatch.setenv(setting, value)
    status = run(["import", "anna", f"s3://{bucket}/a", "--json", "--gallery", str(galleries.folder)])
    out = capsys.readouterr()
    assert status == 85
    error = json.loads(out.out)["error"]
    assert error["code"] == "bucket_unreachable"
    assert said in error["message"]
    shown = out.out + out.err
    assert not [secret for secret in (READ_ONLY_KEY, READ_ONLY_SECRET, "127.0.0.1") if secret in shown]


def test_a_redirect_of_the_service_is_not_followed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Redirects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirects) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(CollectionError):
            Album([source_of(f"s3://{bucket}/a", ObjectStorage())], picture_bytes=100)
        server.shutdown()
    assert asked
    assert not [path for path in asked if "elsewhere" in path]


def test_a_tar_archive_in_a_bucket_is_refused_with_the_reason(seaweed: SeaweedServer, bucket: str) -> None:
    put(seaweed, bucket, {"a.tgz": b"\x1f\x8b"})
    with pytest.raises(ArchiveUnreadable, match="only ZIP archives are read in place"):
        Album([source_of(f"s3://{bucket}/a.tgz", ObjectStorage())], picture_bytes=100)


def test_a_damaged_zip_archive_in_a_bucket_is_refused(seaweed: SeaweedServer, bucket: str) -> None:
    put(seaweed, bucket, {"a.zip": b"PK\x03\x04" + bytes(range(200))})
    with pytest.raises(ArchiveUnreadable, match="damaged or no ZIP"):
        Album([source_of(f"s3://{bucket}/a.zip", ObjectStorage())], picture_bytes=100)
