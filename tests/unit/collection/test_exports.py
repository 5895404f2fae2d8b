"""Exports are recognised, only what their tables list is opened, and what they say of a picture is understood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from countenance.collection.exports import album as albums
from countenance.collection.exports import sidecars
from countenance.collection.exports.account import account_findings, account_identifiers
from countenance.collection.exports.album import Album
from countenance.collection.exports.containers import Member, Read
from countenance.collection.exports.layouts import INSTAGRAM, Fact, recognise
from countenance.collection.exports.listings import read_listing
from countenance.collection.exports.paths import mended, zip_name
from countenance.collection.items import Told
from countenance.collection.markup import tame
from tests.unit.collection import export_files as made

PHOTOS = {"a.jpg": b"\xff\xd8\xff picture a", "b": b"\xff\xd8\xff picture b", "c(1).heic": b"heic"}
PROFILE = b"\xff\xd8\xff me"
LAYOUTS: dict[str, tuple[str, Callable[[Mapping[str, bytes], bytes], dict[str, bytes]]]] = {
    "Instagram, JSON": ("Instagram", made.instagram_json),
    "Instagram, labels and values": ("Instagram", made.instagram_labelled),
    "Instagram, HTML": ("Instagram", made.instagram_html),
    "Facebook, JSON": ("Facebook", made.facebook_json),
    "Facebook, an additional profile": ("Facebook", made.facebook_profile),
    "Facebook, HTML": ("Facebook", made.facebook_html),
    "Takeout": ("Google Takeout", made.takeout),
    "Takeout, German, before 2024": (
        "Google Takeout",
        lambda photos, profile: made.takeout(photos, profile, folder="Google Fotos", new=False),
    ),
}
PACKED: dict[str, Callable[[dict[str, bytes], Path], Path]] = {
    "ZIP": lambda files, folder: made.zipped(files, folder / "export.zip"),
    "packed TAR": lambda files, folder: made.tarred(files, folder / "export.tgz"),
    "TAR": lambda files, folder: made.tarred(files, folder / "export.tar", "w"),
    "folder": lambda files, folder: made.unpacked(files, folder / "export"),
    "ZIP with a folder around it": lambda files, folder: made.zipped(
        {f"anna-2026/{name}": data for name, data in files.items()}, folder / "export.zip"
    ),
}


def opened(path: Path) -> Album:
    return Album([path], picture_bytes=1_000_000)


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
@pytest.mark.parametrize(("platform", "make"), LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_is_recognised_however_it_is_packed(
    platform: str, make: Callable[..., dict[str, bytes]], packed: Callable[..., Path], tmp_path: Path
) -> None:
    album = opened(packed(make(PHOTOS, PROFILE), tmp_path))
    assert album.platform == platform
    found = {item.name.rpartition("/")[2]: item.read() for item in album.pictures()}
    assert {name: found[name] for name in PHOTOS} == PHOTOS
    assert set(found) - set(PHOTOS) <= {"me.jpg", "ProfilePhoto.jpg"}
    assert [item.read() for item in album.own_pictures()] == [PROFILE]
    assert album.refused == []


@pytest.mark.parametrize(("platform", "make"), LAYOUTS.values(), ids=LAYOUTS)
def test_messages_contacts_and_mail_are_never_opened(
    platform: str, make: Callable[..., dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_names: list[str] = []
    really = albums.open_container

    class Watched:
        def __init__(self, path: Path) -> None:
            self.inner = really(path)
            self.label = self.inner.label
            self.names = self.inner.names
            self.afar = self.inner.afar

        def stream(self, wanted: Any) -> Iterator[tuple[Member, Read]]:
            for member, read in self.inner.stream(wanted):
                read_names.append(member.name)
                yield member, read

    monkeypatch.setattr(albums, "open_container", Watched)
    files = make(PHOTOS, PROFILE)
    album = opened(made.zipped(files, tmp_path / "export.zip"))
    for item in (*album.own_pictures(), *album.pictures()):
        item.read()
    private = ("message", "inbox", "contact", "friend", "Mail", "archive_browser")
    assert [name for name in read_names if any(word in name for word in private)] == []
    assert len(read_names) > len(PHOTOS)


def told(files: dict[str, bytes], folder: Path, name: str) -> Any:
    album = opened(made.zipped(files, folder / "export.zip"))
    return next(item.told for item in album.pictures() if item.name.endswith(name))


@pytest.mark.parametrize(
    ("make", "caption", "latitude"),
    [
        (made.instagram_json, "Grüße aus London 🇬🇧", 51.5074),
        (made.instagram_labelled, "Grüße aus London 🇬🇧", 51.5074),
        (made.instagram_html, "In London 🇬🇧", 51.5074),
        (made.facebook_json, "Café à Paris 🇫🇷", 48.8566),
        (made.facebook_profile, "Café à Paris 🇫🇷", 48.8566),
        (made.facebook_html, "À Paris 🇫🇷", None),
        (made.takeout, "Am Brandenburger Tor 🇩🇪", 52.5163),
    ],
    ids=[
        "Instagram, JSON",
        "Instagram, labels and values",
        "Instagram, HTML",
        "Facebook, JSON",
        "Facebook, an additional profile",
        "Facebook, HTML",
        "Takeout",
    ],
)
def test_captions_times_and_positions_find_their_picture(
    make: Callable[..., dict[str, bytes]], caption: str, latitude: float | None, tmp_path: Path
) -> None:
    about = told(make(PHOTOS, PROFILE), tmp_path, "a.jpg")
    assert about.caption == caption
    assert about.taken_at == datetime(2023, 5, 2, 4, tzinfo=UTC)
    assert about.latitude == latitude


@pytest.mark.parametrize(
    "make", [made.instagram_labelled, made.instagram_html, made.facebook_json, made.facebook_html]
)
def test_other_people_who_are_named_beside_a_picture_are_no_caption(
    make: Callable[..., dict[str, bytes]], tmp_path: Path
) -> None:
    assert told(make(PHOTOS, PROFILE, caption=""), tmp_path, "a.jpg").caption == ""


def test_an_unpacked_folder_that_lost_its_outer_name_keeps_its_captions(tmp_path: Path) -> None:
    files = made.facebook_profile(PHOTOS, PROFILE)
    outer = "this_profile's_activity_across_facebook/"
    folder = made.unpacked({name.removeprefix(outer): data for name, data in files.items()}, tmp_path / "export")
    captions = {item.name.rpartition("/")[2]: item.told.caption for item in opened(folder).pictures()}
    assert captions["a.jpg"] == "Café à Paris 🇫🇷"


LONG = "IMG_20230502_040000_with_a_very_long_name_indeed_it_is.jpg"
WIDE = "🏖" * 25 + ".jpg"
"""In UTF-16 each of these counts as two, and the sidecar's name is cut after the 23rd."""


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "a(1).jpg", LONG, WIDE, "a-edited.jpg", "a-modifié.jpg", "a.MP.jpg", "ohne-endung", "a b~2.HEIC"],
)
@pytest.mark.parametrize("new", [True, False], ids=["since 2024", "before 2024"])
def test_every_takeout_picture_finds_its_sidecar(name: str, new: bool, tmp_path: Path) -> None:
    original = name.replace("-edited", "").replace("-modifié", "")
    files = made.takeout({"other.jpg": b"x", original: b"y"}, PROFILE, new=new)
    place = "Takeout/Google Photos/Photos from 2023/"
    files[place + name] = files[place + original]
    assert told(files, tmp_path, "/" + name).taken_at == datetime.fromtimestamp(made.MADE + 1, UTC)


@pytest.mark.parametrize(
    ("picture", "sidecar"),
    [
        ("img(18).jpg", "img.jpg.supplemental-metadata(18).json"),
        ("img(18).jpg", "img(18).jpg.supple(18).json"),
        ("img(18).jpg", "img(18).jpg.supplemental-metadata.json"),
        ("0123456789012345678901234567890123456789012.jpg", "0123456789012345678901234567890123456789012.jp.json"),
        (
            "0123456789012345678901234567890123456789012(3).jpg",
            "0123456789012345678901234567890123456789012.jp(3).json",
        ),
        (
            "original_01234567-0123-0123-0123-0123456789ab_P(1).jpg",
            "original_01234567-0123-0123-0123-0123456789ab_.json",
        ),
        ("a-edited(2).jpg", "a.jpg(2).json"),
        (
            "PXL_20230502_040000000.NIGHT.0123456789abcdef-edi.jpg",
            "PXL_20230502_040000000.NIGHT.0123456789abcdef..json",
        ),
    ],
    ids=[
        "its number behind",
        "its number in both places",
        "a number that was always its own",
        "cut inside the ending",
        "cut inside the ending, with a number",
        "a copy whose sidecar was forgotten",
        "an edited copy with a number",
        "a word for edited that was cut itself",
    ],
)
def test_odd_sidecar_names_are_understood(picture: str, sidecar: str, tmp_path: Path) -> None:
    files = made.takeout({}, PROFILE)
    place = "Takeout/Google Photos/Photos from 2023/"
    files[place + picture] = b"x"
    files[place + sidecar] = (
        b'{"title": "x.jpg", "description": "found", "photoTakenTime": {"timestamp": "1683000000"}}'
    )
    assert told(files, tmp_path, picture).caption == "found"


def test_a_sidecar_of_another_picture_is_not_taken(tmp_path: Path) -> None:
    files = made.takeout({"a.jpg": b"x"}, PROFILE)
    place = "Takeout/Google Photos/Photos from 2023/"
    files |= {place + name: b"y" for name in ("a(1).jpg", "ab.jpg", "a-2.jpg")}
    album = opened(made.zipped(files, tmp_path / "export.zip"))
    captions = {item.name.rpartition("/")[2]: item.told.caption for item in album.pictures()}
    assert [captions[name] for name in ("a(1).jpg", "ab.jpg", "a-2.jpg")] == ["", "", ""]
    assert captions["a.jpg"]


@pytest.mark.parametrize("second", ["takeout-20260501T120000Z-002.zip", "takeout-20260501T120000Z-2-001.zip"])
def test_parts_of_a_takeout_that_lie_beside_it_are_taken(second: str, tmp_path: Path) -> None:
    first = made.zipped(made.takeout({"a.jpg": b"x"}, PROFILE), tmp_path / "takeout-20260501T120000Z-001.zip")
    made.zipped(made.takeout({"b.jpg": b"y"}, PROFILE), tmp_path / second)
    made.zipped(made.takeout({"c.jpg": b"z"}, PROFILE), tmp_path / "takeout-20260601T120000Z-001.zip")
    found = {item.name.rpartition("/")[2] for item in opened(first).pictures()}
    assert {"a.jpg", "b.jpg"} <= found
    assert "c.jpg" not in found


def test_a_sidecar_in_one_part_speaks_of_a_picture_in_another(tmp_path: Path) -> None:
    files = made.takeout(PHOTOS, PROFILE)
    listings = {name: data for name, data in files.items() if name.endswith(".json")}
    media = {name: data for name, data in files.items() if name not in listings}
    first = made.zipped(media, tmp_path / "takeout-20260501T120000Z-001.zip")
    made.zipped(listings, tmp_path / "takeout-20260501T120000Z-002.zip")
    made.zipped({"other.jpg": b"x"}, tmp_path / "holiday-002.zip")
    album = opened(first)
    assert album.count == len(PHOTOS) + 1
    assert next(i.told.caption for i in album.pictures() if i.name.endswith("a.jpg")).startswith("Am Brandenburger")


def test_the_account_of_an_export_is_known_in_every_layout(tmp_path: Path) -> None:
    photos = {"a.jpg": b"\xff\xd8"}
    instagram = {f"Instagram\0{made.INSTAGRAM_NAME.casefold()}"}
    facebook = {"Facebook\0anna.mueller.77"}
    google = {f"Google Takeout\0{made.GOOGLE_ADDRESS}", f"Google Takeout\0{made.GOOGLE_NUMBER}"}
    expected = {
        "instagram_json": (made.instagram_json, instagram),
        "instagram_labelled": (made.instagram_labelled, instagram),
        "instagram_html": (made.instagram_html, instagram),
        "facebook_json": (made.facebook_json, facebook),
        "facebook_profile": (made.facebook_profile, facebook),
        "takeout": (made.takeout, google),
    }
    for name, (layout, accounts) in expected.items():
        album = Album([made.zipped(layout(photos, b"\xff\xd8"), tmp_path / f"{name}.zip")], picture_bytes=1_000)
        assert album.accounts == accounts, name


def test_the_same_account_is_spelt_the_same_however_the_export_writes_it() -> None:
    def called(written: str) -> frozenset[str]:
        return account_identifiers("Facebook", {Fact.ACCOUNT: written})

    for same in (
        "Anna.M",
        "@anna.m",
        " anna.m ",
        "https://www.facebook.com/anna.m?x=1",
        "http://facebook.com/Anna.M/",
    ):
        assert called(same) == {"Facebook\0anna.m"}, same
    assert called("https://www.facebook.com/profile.php?id=1000123&x=1") == {"Facebook\x001000123"}
    assert called("") == called("https://www.facebook.com/") == frozenset()
    assert account_identifiers("Instagram", {Fact.ACCOUNT: "anna.m"}) != called("anna.m")


def test_the_account_tells_country_prefix_language_and_zone_and_nothing_else(tmp_path: Path) -> None:
    findings = {}
    for number, make in enumerate(
        (
            made.instagram_json,
            made.instagram_html,
            made.facebook_json,
            made.takeout,
            made.instagram_labelled,
        )
    ):
        album = opened(made.zipped(make(PHOTOS, PROFILE), tmp_path / f"{number}.zip"))
        found = account_findings(album.facts, datetime(2026, 5, 1, tzinfo=UTC).date())
        findings[number] = {(f.signal.value, tuple(str(p.code) for p in f.value)) for f in found}
    assert findings[0] == {("export_account_country", ("GB",)), ("phone_prefix", ("GB", "GG", "IM", "JE"))}
    assert findings[1] == {("export_account_country", ("GB",))}
    assert findings[2] >= {("export_account_country", ("FR",))}
    assert {signal for signal, _ in findings[2]} == {"phone_prefix", "time_zone", "export_account_country"}
    assert {signal for signal, _ in findings[3]} == {"phone_prefix", "language"}
    assert findings[4] == findings[0]


def test_a_country_is_known_by_its_code_and_its_english_name() -> None:
    day = datetime(2026, 5, 1, tzinfo=UTC).date()
    for text, code in (("GB", "GB"), ("United Kingdom", "GB"), ("France", "FR"), ("Deutschland", None)):
        found = [str(f.value[0].code) for f in account_findings({Fact.COUNTRY: text}, day)]
        assert found == ([] if code is None else [code])


def test_text_that_is_whole_is_not_mended() -> None:
    assert mended(made.split_bytes("Żółw 🐢")) == "Żółw 🐢"
    assert mended("Grüße") == "Grüße"
    assert mended("plain") == "plain"


def test_names_in_any_script_come_through(tmp_path: Path) -> None:
    names = ["Фото/я.jpg", "写真/私.jpg", "صور/أنا.jpg", "ภาพ/ฉัน.png", "a\u0308.jpg"]
    album = opened(made.zipped(dict.fromkeys(names, b"x"), tmp_path / "a.zip"))
    assert [item.name for item in album.pictures()] == [*names[:-1], "ä.jpg"]
    assert zip_name("Фото".encode().decode("cp437"), marked_utf8=False) == "Фото"
    assert zip_name("caf\u00e9", marked_utf8=False) == "caf\u00e9"


def test_a_picture_sent_in_a_message_does_not_pass_for_the_exports_root() -> None:
    names = ["messages/inbox/x/photos/201901/0123456789abcdef0.jpg"]
    assert recognise(names) is None
    assert recognise(["Google Photos of mine/notes.txt"]) is None


def test_listings_that_cannot_be_read_lose_captions_and_no_picture(tmp_path: Path) -> None:
    files = made.instagram_json(PHOTOS, PROFILE)
    files["your_instagram_activity/media/posts_1.json"] = b'[{"media": [' + b"[" * 100_000
    album = opened(made.zipped(files, tmp_path / "export.zip"))
    assert [one.code for one in album.refused] == ["archive_unreadable"]
    assert album.count == len(PHOTOS) + 1


@pytest.mark.parametrize(
    "listing", [b"[" + b"{}," * 2_500_000 + b"{}]", b"[" + b'"ab",' * 4_500_000 + b"1]"], ids=["objects", "texts"]
)
def test_a_listing_of_millions_of_pieces_is_refused_before_it_fills_the_memory(
    listing: bytes, tmp_path: Path
) -> None:
    files = made.instagram_json(PHOTOS, PROFILE)
    files["your_instagram_activity/media/posts_1.json"] = listing
    album = opened(made.unpacked(files, tmp_path / "export"))
    assert [(one.code, "pieces" in one.message) for one in album.refused] == [("archive_unreadable", True)]
    assert album.count == len(PHOTOS) + 1


BEGINNINGS = [
    "<a",
    "<a b='",
    '<a b="',
    "<!--",
    "<![",
    "<!",
    "<?",
    "</",
    "</a",
    '<a x"=\'">',
    "<table>x",
    "<script></a",
]


@pytest.mark.parametrize("piece", BEGINNINGS)
def test_a_page_of_beginnings_of_tags_is_read_in_time_by_its_length(piece: str) -> None:
    # Half a megabyte of these would take Python 3.11's parser as it is between half a minute and half an hour.
    said: list[str] = []
    text = "<div><img src='media/posts/202401/a.jpg'></div>" + piece * (500_000 // len(piece))
    read_listing(text.encode(), INSTAGRAM, lambda path, _: said.append(path))
    assert said == ["media/posts/202401/a.jpg"]


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("<p title='a > b'>x</p>", "<p title='a > b'>x</p>"),
        ("1 < 2 <b>x</b>", "1   2 <b>x</b>"),
        ("a<!-- <img src=x> -->b<!-->c<!--->d", "a b c d"),
        ("a<!-- b", "a"),
        ("<!DOCTYPE html><br/></BR><a\nhref='x'>", " !DOCTYPE html><br/></BR><a\nhref='x'>"),
        ("<img src=x alt='<'><b>", " img src=x alt=' '><b>"),
        ("<?xml?><a b='c><d e='f'>", " ?xml?> a b='c><d e='f'>"),
    ],
)
def test_of_a_page_only_whole_tags_are_left(page: str, kept: str) -> None:
    assert tame(page) == kept


def test_a_name_of_thousands_of_letters_is_not_tried_in_every_length(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def counted(text: str) -> int:
        tried.append(text)
        return len(text)

    monkeypatch.setattr(sidecars, "_units", counted)
    said = sidecars.Sidecars()
    said.add("album/" + "a" * 40 + ".json", "b" * 4_000 + ".jpg", Told("by its title"))
    assert said.of("album/" + "b" * 4_000 + ".jpg") == Told("by its title")
    assert said.of("album/" + "c" * 4_000 + "(1).jpg") == Told()
    assert len(tried) < 100
