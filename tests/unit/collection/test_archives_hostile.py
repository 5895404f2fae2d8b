"""Whatever an archive does, nothing leaves it, nothing grows without bound, and the rest goes on."""

from __future__ import annotations

import io
import os
import random
import resource
import stat
import struct
import subprocess
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from countenance.collection.exports.album import Album
from countenance.collection.exports.containers import Member, Unread, open_container
from countenance.errors import ArchiveBomb, ArchiveUnreadable, CollectionError, EntryTooLarge, SourceMissing
from tests.unit.collection.export_files import tarred, zipped

GOOD = {"good.jpg": b"\xff\xd8\xff good", "also.jpg": b"\xff\xd8\xff also"}
BAD_NAMES = {
    "out of the archive": "../../evil.jpg",
    "hidden on the way": "album/../../evil.jpg",
    "absolute": "/etc/evil.jpg",
    "a drive of Windows": "C:\\evil.jpg",
    "backslashes": "..\\..\\evil.jpg",
    "a share": "\\\\server\\evil.jpg",
}


def outcomes(path: Path) -> tuple[list[str], list[str]]:
    """Names of the pictures that are read, and codes of what is refused."""
    album = Album([path], picture_bytes=1_000_000)
    names = []
    codes = [one.code for one in album.refused]
    for item in album.pictures():
        try:
            item.read()
            names.append(item.name)
        except CollectionError as error:
            codes.append(error.code)
    return sorted(names), codes


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
@pytest.mark.parametrize("pack", [zipped, tarred], ids=["ZIP", "TAR"])
def test_a_name_that_leads_outside_is_refused_and_the_rest_is_read(name: str, pack: object, tmp_path: Path) -> None:
    path = pack({**GOOD, name: b"\xff\xd8\xff evil"}, tmp_path / "archive")  # type: ignore[operator]
    assert outcomes(path) == (sorted(GOOD), ["entry_unsafe"])


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped(GOOD, place), "a") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert outcomes(place) == (sorted(GOOD), ["entry_unsafe"])
    place = tmp_path / "a.tar"
    with tarfile.open(place, "w") as tar:
        for name, data in GOOD.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("x.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    assert outcomes(place) == (sorted(GOOD), ["entry_unsafe"] * 4)


def test_links_and_pipes_in_a_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "album"
    folder.mkdir()
    for name, data in GOOD.items():
        (folder / name).write_bytes(data)
    (folder / "link.jpg").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("/etc", target_is_directory=True)
    os.mkfifo(folder / "pipe.jpg")
    assert outcomes(folder) == (sorted(GOOD), ["entry_unsafe"] * 3)


def test_an_encrypted_member_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    place = zipped({**GOOD, "secret.jpg": b"\xff\xd8\xff secret"}, tmp_path / "a.zip")
    data = bytearray(place.read_bytes())
    for mark, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rfind(mark)
        struct.pack_into("<H", data, at + flags_at, struct.unpack_from("<H", data, at + flags_at)[0] | 1)
    place.write_bytes(data)
    assert outcomes(place) == (sorted(GOOD), ["archive_encrypted"])


def test_a_bomb_is_refused_by_its_ratio_before_anything_is_unpacked(tmp_path: Path) -> None:
    place = zipped({**GOOD, "bomb.jpg": bytes(300_000_000)}, tmp_path / "a.zip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert outcomes(place) == (sorted(GOOD), ["archive_bomb"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_members_that_lie_over_each_other_are_a_bomb(tmp_path: Path) -> None:
    place = zipped({"a.jpg": os.urandom(5_000), "b.jpg": os.urandom(5_000)}, tmp_path / "a.zip")
    data = bytearray(place.read_bytes())
    second = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 42, 0)  # both headers now name the first member's place
    place.write_bytes(data)
    with pytest.raises(ArchiveBomb, match="lie over each other"):
        open_container(place)


def test_a_member_that_is_longer_than_it_says_is_read_no_further(tmp_path: Path) -> None:
    container = open_container(zipped({"a.jpg": os.urandom(5_000)}, tmp_path / "a.zip"))
    ((_, read),) = container.stream(lambda name: True)
    with pytest.raises(EntryTooLarge):
        read(4_999)


def test_a_packed_tar_that_unpacks_to_hundreds_of_times_its_size_ends_there(tmp_path: Path) -> None:
    place = tarred({**GOOD, "bomb.jpg": bytes(400_000_000)}, tmp_path / "a.tgz")
    names, codes = outcomes(place)
    assert (sorted(GOOD), ["archive_bomb"]) == (names, codes)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_of_half_a_zip_what_is_whole_is_read_and_the_end_is_named(share: float, tmp_path: Path) -> None:
    files = {f"{number:02d}.jpg": os.urandom(2_000) for number in range(20)}
    place = zipped(files, tmp_path / "a.zip")
    data = place.read_bytes()
    place.write_bytes(data[: int(len(data) * share)])
    names, codes = outcomes(place)
    assert codes == ["archive_unreadable"]
    assert len(names) in range(int(20 * share) - 2, int(20 * share) + 1)
    album = Album([place], picture_bytes=10_000)
    assert all(item.read() == files[item.name] for item in album.pictures())


def test_of_half_a_streamed_zip_what_is_whole_is_read(tmp_path: Path) -> None:
    class OneWay(io.RawIOBase):
        """No seeking: sizes then stand behind the data, as in archives that servers write while they send."""

        def __init__(self, file: io.BufferedWriter) -> None:
            self.file = file

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            return self.file.write(data)  # type: ignore[arg-type]

    place = tmp_path / "a.zip"
    with place.open("wb") as file, zipfile.ZipFile(OneWay(file), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for number in range(10):
            archive.writestr(f"{number}.jpg", b"\xff\xd8\xff" + os.urandom(2_000))
    data = place.read_bytes()
    place.write_bytes(data[: len(data) // 2])
    names, codes = outcomes(place)
    assert len(names) in {4, 5}
    assert codes == ["archive_unreadable"]


def test_of_half_a_packed_tar_what_is_whole_is_read(tmp_path: Path) -> None:
    place = tarred({f"{n}.jpg": os.urandom(20_000) for n in range(10)}, tmp_path / "a.tgz")
    data = place.read_bytes()
    place.write_bytes(data[: len(data) // 2])
    names, codes = outcomes(place)
    assert 3 <= len(names) <= 5
    assert set(codes) == {"archive_unreadable"}


@pytest.mark.parametrize("data", [b"", b"PK", b"Rar!\x1a\x07", b"7z\xbc\xaf", b"hello", b"\x1f\x8b\x08garbage"])
def test_what_is_no_archive_is_named_as_such(data: bytes, tmp_path: Path) -> None:
    place = tmp_path / "a.bin"
    place.write_bytes(data)
    try:
        container = open_container(place)
    except ArchiveUnreadable:
        return
    members = list(container.names())
    assert [one for one in members if isinstance(one, Member)] == []
    assert any(isinstance(one, Unread) and one.error.code == "archive_unreadable" for one in members)


def test_nothing_there_is_said_and_not_imported(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="No such file"):
        open_container(tmp_path / "missing.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceMissing, match="no picture"):
        Album([tmp_path / "empty"], picture_bytes=1)


def test_a_file_name_that_is_no_text_is_read_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "album"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/caf\xe9.jpg", "wb") as file:  # noqa: PTH123 - no Path can be made of these bytes
        file.write(b"\xff\xd8\xff x")
    album = Album([folder], picture_bytes=100)
    assert [item.read() for item in album.pictures()] == [b"\xff\xd8\xff x"]


@pytest.mark.parametrize("packed", [True, False], ids=["ZIP", "folder"])
def test_a_hundred_thousand_files_in_one_folder_are_listed_without_being_opened(
    packed: bool, tmp_path: Path
) -> None:
    place = tmp_path / "many"
    if packed:
        with zipfile.ZipFile(place, "w") as archive:
            for number in range(100_000):
                archive.writestr(f"album/{number}.jpg", b"")
    else:
        (place / "album").mkdir(parents=True)
        for number in range(100_000):
            os.close(os.open(f"{place}/album/{number}.jpg", os.O_CREAT | os.O_WRONLY))
    album = Album([place], picture_bytes=100)
    assert album.count == 100_000
    assert sum(1 for _ in album.pictures()) == 100_000


PACKERS = {
    "stored": lambda: _zip(zipfile.ZIP_STORED),
    "deflate": lambda: _zip(zipfile.ZIP_DEFLATED),
    "bzip2": lambda: _zip(zipfile.ZIP_BZIP2),
    "lzma": lambda: _zip(zipfile.ZIP_LZMA),
    "tar": lambda: _tar("w"),
    "tar.gz": lambda: _tar("w:gz"),
    "tar.bz2": lambda: _tar("w:bz2"),
    "tar.xz": lambda: _tar("w:xz"),
}
CONTENTS = {"a.jpg": b"\xff\xd8\xff" + bytes(range(256)) * 3, "b/\u00fc.jpg": bytes(range(200, 0, -1)) * 4}


def _zip(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in CONTENTS.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def _tar(mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in CONTENTS.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_whatever_bytes_of_an_archive_are_wrong_nothing_but_refusals_comes_of_it(
    pack: object, tmp_path: Path
) -> None:
    whole, chance, place = pack(), random.Random(7), tmp_path / "album"  # type: ignore[operator]
    read = 0
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            data[chance.randrange(len(data))] = chance.choice((0, 255, chance.randrange(256)))
        place.write_bytes(data)
        try:
            read += len(outcomes(place)[0])
        except CollectionError:
            continue
    assert read > 0  # some of them were still read


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(GOOD | {"x": b"\xff\xd8\xff"}, tmp_path / "a.zip").read_bytes())
    at = data.rindex(b"PK\x01\x02")  # its entry in the directory, the last one
    data[at + 28] = 0  # the name's length
    data[at + 46 : at + 47] = b""
    end = data.rindex(b"PK\x05\x06")
    struct.pack_into("<L", data, end + 12, struct.unpack_from("<L", data, end + 12)[0] - 1)
    (tmp_path / "a.zip").write_bytes(data)
    assert outcomes(tmp_path / "a.zip") == (["also.jpg", "good.jpg"], ["entry_unsafe"])


def test_a_damaged_member_of_half_a_zip_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    place = zipped({"a.jpg": bytes(range(256)) * 40, **GOOD}, tmp_path / "a.zip")
    data = bytearray(place.read_bytes())
    data[40:60] = b"\xff" * 20  # in the packed bytes of the first
    place.write_bytes(data[: data.index(b"PK\x01\x02")])
    names, codes = outcomes(place)
    assert names == ["also.jpg", "good.jpg"]
    assert codes == ["archive_unreadable", "archive_unreadable"]  # the archive's end, and the member


def test_folders_in_folders_are_read_as_deep_as_they_have_names_and_the_rest_goes_on(tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    (album / "z.jpg").write_bytes(b"\xff\xd8\xff z")
    before = Path.cwd()
    try:
        os.chdir(album)
        for _ in range(2_500):  # a path of 5,000 letters, which no call takes at once; deeper than Python calls
            os.mkdir("d")  # noqa: PTH102 - the point is that no path to it can be said
            os.chdir("d")
        os.chdir(album)
        assert outcomes(album) == (["z.jpg"], ["source_missing"])
    finally:
        os.chdir(before)
        subprocess.run(["/bin/rm", "-rf", str(album)], check=True)


def test_reading_a_tar_archive_remembers_none_of_its_members(tmp_path: Path) -> None:
    place = tmp_path / "many.tar"
    with tarfile.open(place, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(20_000):
            archive.addfile(tarfile.TarInfo(f"{number}.txt"))
            archive.members = []  # type: ignore[attr-defined]
    container = open_container(place)
    tracemalloc.start()
    try:
        assert sum(1 for _ in container.names()) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
