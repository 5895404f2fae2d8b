"""What was erased does not come back by the back door; and what a photograph itself says of its place is heard."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from sqlalchemy import Table, select

from countenance import Countenance, TemplateRow
from countenance.clock import SteppedClock, from_text
from countenance.collection.accounts import Accounts
from countenance.errors import (
    AccountSuppressed,
    OrderForbids,
    PermissionInvalid,
    PermissionRefused,
    SuppressedImage,
)
from countenance.recognition.gallery import placing
from countenance.recognition.images.position import position
from countenance.store import collection_tables, schema
from tests.galleries import Galleries
from tests.order_gallery import PURPOSE, UNTIL, document, face, found, photograph, register, signed
from tests.unit.collection import export_files as made

ACLU = "aclu-2022"
GARANTE = "garante-2022"


def permit(gallery: Countenance, name: str, place: str = "DE", *, returning: str = "") -> None:
    gallery.permit(name, purposes=[PURPOSE], residence=place, until=UNTIL, returning=returning)


def changed(data: bytes, *, quality: int = 60, size: int | None = None) -> bytes:
    """The same photograph, resized and saved again."""
    picture = Image.open(BytesIO(data)).convert("RGB")
    if size is not None:
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def taken_at(data: bytes, latitude: float, longitude: float, day: str = "2022:05:01 10:00:00") -> bytes:
    """The photograph with a position in its metadata, as a camera writes it."""
    exif = Image.Exif()
    exif[0x8769] = {0x9003: day}
    exif[0x8825] = {
        1: "N" if latitude >= 0 else "S",
        2: (abs(latitude), 0.0, 0.0),
        3: "E" if longitude >= 0 else "W",
        4: (abs(longitude), 0.0, 0.0),
    }
    out = BytesIO()
    Image.open(BytesIO(data)).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def test_an_erased_photograph_is_refused_for_somebody_else_and_so_is_a_near_copy(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = both.new()
    permit(gallery, "anna")
    permit(gallery, "ben")
    original = portrait_photographs[0]
    photograph(gallery, "anna", original)
    gallery.withdraw("anna")
    for again in (original, changed(original), changed(original, size=160)):
        with pytest.raises(SuppressedImage):
            photograph(gallery, "ben", again)
    assert gallery.status().images == 0
    assert list((both.folder / "blobs").rglob("*.sealed")) == []


def test_another_photograph_is_not_refused(both: Galleries, portrait_photographs: list[bytes]) -> None:
    gallery = both.new()
    permit(gallery, "anna")
    permit(gallery, "ben")
    photograph(gallery, "anna", portrait_photographs[0])
    gallery.withdraw("anna")
    out = BytesIO()
    ImageOps.solarize(Image.open(BytesIO(portrait_photographs[0])).crop((0, 0, 160, 160))).save(out, "JPEG")
    photograph(gallery, "ben", out.getvalue())
    assert gallery.status().images == 1


def test_who_withdrew_may_bring_her_own_photograph_back_under_a_new_permission(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = both.new()
    permit(gallery, "anna")
    photograph(gallery, "anna", portrait_photographs[0])
    gallery.withdraw("anna")
    permit(gallery, "anna", returning="her letter of 3 March")
    photograph(gallery, "anna", portrait_photographs[0])
    assert found(gallery, ["anna"]) == {"anna"}


def test_an_erased_account_is_refused_until_she_herself_returns_and_says_so(galleries: Galleries) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    permit(gallery, "ben")
    gallery.withdraw("anna")
    slots = (galleries.keys / "slots.bin").stat().st_size
    again = TemplateRow("anna", face("anna"), (PURPOSE,), "DE", UNTIL)
    stranger = TemplateRow("carl", face("carl"), (PURPOSE,), "DE", UNTIL)
    before = gallery.log.checkpoint()
    with pytest.raises(AccountSuppressed) as raised:
        permit(gallery, "anna")
    assert "anna" not in str(raised.value)
    with pytest.raises(AccountSuppressed, match="Account 2 of these 2"):
        gallery.enrol_templates([stranger, again])
    assert {one.subject for one in gallery.status(people=True).people or ()} == {"ben"}
    assert (galleries.keys / "slots.bin").stat().st_size == slots, "not even a key was made for her"
    assert gallery.log.checkpoint() == before
    for nobody_left in ("ben", "carl"):  # nothing to return from: the statement is no word to be said always
        with pytest.raises(PermissionInvalid):
            permit(gallery, nobody_left, returning="as usual")

    statement = "her letter of 3 March, in folder 12"
    receipt = gallery.permit("anna", purposes=[PURPOSE], residence="DE", until=UNTIL, returning=statement).as_dict()
    assert receipt["after_erasure"] == statement
    log = gallery._witness.log
    entries = [json.loads(raw) for raw in log.raw_entries(0, log.size)]
    (returned,) = [entry for entry in entries if entry["event"] == "permission.after_erasure"]
    assert set(returned["body"]) == {"subject", "statement"}
    assert "letter" not in json.dumps(entries)
    permit(gallery, "anna")  # she is on record again: a renewal needs no statement
    assert gallery.enrol_templates([again]) == 1
    gallery.withdraw("anna")
    with pytest.raises(AccountSuppressed):
        permit(gallery, "anna")


def test_an_erased_account_stays_refused_after_an_expiry_and_in_another_process(galleries: Galleries) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    galleries.clock.step(timedelta(days=3650))
    assert len(gallery.expire()) == 1
    again = galleries.open()
    with pytest.raises(AccountSuppressed):
        again.permit("anna", purposes=[PURPOSE], residence="DE", until=date(2037, 1, 1))


def exports(folder: Path, picture: bytes) -> list[Path]:
    """One account's exports from three platforms; what they say it is called is in ``ACCOUNTS``."""
    layouts = {"i.zip": made.instagram_json, "f.zip": made.facebook_json, "g.zip": made.takeout}
    folder.mkdir()
    return [made.zipped(layout({"1.jpg": picture}, picture), folder / name) for name, layout in layouts.items()]


ACCOUNTS = (made.INSTAGRAM_NAME, "anna.mueller.77", made.GOOGLE_ADDRESS, made.GOOGLE_NUMBER)


def test_an_erased_accounts_exports_are_refused_until_she_herself_returns(
    both: Galleries, portrait_photographs: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = both.new()
    for name, data in zip(("anna", "ben"), portrait_photographs[:2], strict=True):
        permit(gallery, name)
        photograph(gallery, name, data)
    hers = exports(tmp_path / "exports", portrait_photographs[2])
    for path in (*hers, hers[0]):  # once more changes nothing
        gallery.collecting.import_album("anna", [path], hers=True)
    kept = gallery.withdraw("anna").as_dict()["certificate"]
    assert kept
    (certificate,) = (both.folder / "certificates").glob("*.json")
    retained = {one["what"]: one["count"] for one in json.loads(certificate.read_text())["statement"]["retained"]}
    assert retained["keyed fingerprints of exports' accounts"] == len(ACCOUNTS)

    def refused(path: Path) -> None:
        with pytest.raises(AccountSuppressed) as raised:
            gallery.collecting.import_album("ben", [path], hers=True)
        said = f"{raised.value} {raised.value.remedy}".casefold()
        assert "--returning" in said
        assert not [one for one in ACCOUNTS if one.casefold() in said]

    for path in hers:
        refused(path)
    with monkeypatch.context() as late:  # she was erased after the first look and before the import began
        plain = Accounts.refuse_erased
        late.setattr(Accounts, "refuse_erased", lambda *given: None if len(given) == 3 else plain(*given))
        refused(hers[0])
    assert gallery.collecting.bystanders("ben").imports == 0
    his = made.instagram_json({"1.jpg": portrait_photographs[2]}, portrait_photographs[2])
    his = {name: data.replace(made.INSTAGRAM_NAME.encode(), b"ben") for name, data in his.items()}
    gallery.collecting.import_album("ben", [made.zipped(his, tmp_path / "ben.zip")], hers=True)

    permit(gallery, "anna", returning="her letter of 3 March")
    photograph(gallery, "anna", portrait_photographs[0])
    for path in hers:
        gallery.collecting.import_album("anna", [path], hers=True)
        refused(path)


def test_what_an_export_calls_its_account_is_in_no_file_in_the_clear(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    photograph(gallery, "anna", portrait_photographs[0])
    for path in exports(tmp_path / "exports", portrait_photographs[2]):
        gallery.collecting.import_album("anna", [path], hers=True)
    spelt = {one for name in ACCOUNTS for one in (name, name.casefold())}
    needles = [one.encode(code) for one in spelt for code in ("utf-8", "utf-16-le")]
    places = (galleries.folder, galleries.keys)

    def found() -> list[str]:
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        return [path.name for path in files if any(needle in path.read_bytes() for needle in needles)]

    def tags(table: Table) -> int:
        with gallery._database.read() as connection:
            return len(connection.execute(select(table)).all())

    assert tags(collection_tables.export_accounts) == len(ACCOUNTS)
    assert found() == []
    (galleries.folder / "control").write_bytes(b"x" * 100 + ACCOUNTS[1].encode() + b"y" * 100)
    assert found() == ["control"]
    (galleries.folder / "control").unlink()
    with gallery._database.read() as connection:
        hashed = connection.scalars(select(collection_tables.export_accounts.c.account_tag)).all()
    gallery.withdraw("anna")
    assert tags(collection_tables.export_accounts) == 0
    assert tags(schema.suppressed_exports) == len(ACCOUNTS)
    assert {bytes(one) for one in hashed} == {
        gallery._ring.fingerprint("export-account", one.encode())
        for one in (
            f"Instagram\0{made.INSTAGRAM_NAME.casefold()}",
            "Facebook\0anna.mueller.77",
            f"Google Takeout\0{made.GOOGLE_ADDRESS}",
            f"Google Takeout\0{made.GOOGLE_NUMBER}",
        )
    }
    gallery.close()
    assert found() == []


def test_no_statement_opens_what_an_order_in_force_forbids(galleries: Galleries) -> None:
    galleries.clock = SteppedClock(from_text(document("ico-2022")["service"]["at"]))
    gallery = galleries.new()
    permit(gallery, "george", "GB")
    register(gallery, "ico-2022")
    gallery.orders.serve(signed("ico-2022"))
    galleries.clock.step(timedelta(days=40))
    assert gallery.orders.execute("ico-2022").as_dict()["erased_subjects"] == 1
    with pytest.raises(OrderForbids):
        permit(gallery, "george", "GB", returning="he asks for it himself")
    with pytest.raises(AccountSuppressed):
        permit(gallery, "george", "DE")
    permit(gallery, "george", "DE", returning="he has moved, and asks for it himself")


def with_giulia(galleries: Galleries, picture: bytes) -> Countenance:
    """A gallery on the day of the Italian order, with a picture of one whom it reaches."""
    galleries.clock = SteppedClock(from_text(document(GARANTE)["service"]["at"]))
    gallery = galleries.new()
    permit(gallery, "giulia", "IT")
    photograph(gallery, "giulia", picture)
    return gallery


def carried_out(gallery: Countenance, change: Callable[[dict[str, Any]], object] | None = None) -> None:
    """Serve the Italian order, changed, and execute it."""
    register(gallery, GARANTE)
    gallery.orders.serve(signed(GARANTE, change))
    gallery.orders.execute(GARANTE)


def test_what_an_order_erased_is_refused_to_everybody(both: Galleries, portrait_photographs: list[bytes]) -> None:
    gallery = with_giulia(both, portrait_photographs[0])
    permit(gallery, "ben")
    carried_out(gallery)
    both.clock.step(timedelta(days=1))
    # She has moved, and permits again: the photograph stays out all the same.
    permit(gallery, "giulia", "DE", returning="her letter")
    for name in ("giulia", "ben"):
        with pytest.raises(SuppressedImage):
            photograph(gallery, name, changed(portrait_photographs[0]))


def test_an_order_counts_and_refuses_to_everybody_what_an_earlier_withdrawal_had_erased(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = with_giulia(both, portrait_photographs[0])
    gallery.withdraw("giulia")
    permit(gallery, "giulia", "IT", returning="her letter")
    photograph(gallery, "giulia", portrait_photographs[0])  # her own again, and so it is taken in
    carried_out(gallery)
    (certificate,) = gallery.orders.certificate(GARANTE)
    retained = {one["what"]: one["count"] for one in json.loads(certificate)["statement"]["retained"]}
    assert retained == {"keyed fingerprints of images": 1, "keyed fingerprints of names": 1}
    permit(gallery, "giulia", "DE", returning="she has moved")
    with pytest.raises(SuppressedImage):
        photograph(gallery, "giulia", portrait_photographs[0])


def test_a_photograph_that_an_order_erased_while_its_subject_stays_is_refused_too(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = with_giulia(both, portrait_photographs[0])
    permit(gallery, "ben")
    carried_out(gallery, lambda order: order.update(artefacts=["image"]))
    assert {one.subject for one in gallery.status(people=True).people or ()} == {"giulia", "ben"}
    for name in ("giulia", "ben"):
        with pytest.raises((SuppressedImage, PermissionRefused)):
            photograph(gallery, name, changed(portrait_photographs[0]))
    with pytest.raises(SuppressedImage):
        photograph(gallery, "ben", portrait_photographs[0])


def test_the_position_in_a_photograph_becomes_evidence_and_an_order_reaches_it(
    both: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    pytest.importorskip("timezonefinder", reason="the geography extra is not installed")
    both.clock = SteppedClock(from_text(document(ACLU)["service"]["at"]))
    gallery = both.new()
    permit(gallery, "anna")
    permit(gallery, "ben")
    photograph(gallery, "anna", taken_at(portrait_photographs[0], 40.1, -89.3))  # Illinois, far from its borders
    photograph(gallery, "ben", taken_at(portrait_photographs[1], 52.5, 13.4))  # Berlin
    (evidence,) = [one for one in gallery.residency.show("anna").evidence if one.image_id is not None]
    assert (evidence.tier, evidence.predicate) == ("C", "image_located_in")
    assert "US-IL" in {place.code for place in evidence.value}
    assert evidence.valid.start is not None
    assert evidence.valid.start.isoformat() == "2022-05-01"

    register(gallery, ACLU)
    since_2020 = {"from": "2020-01-01", "to": None}
    gallery.orders.serve(signed(ACLU, lambda d: d["scope"]["any"][0].update(when=since_2020)))
    plan = gallery.orders.plan(ACLU).as_dict()
    assert plan["subjects"] == 1
    paper = tmp_path / "p"
    paper.write_text("x", "utf-8")
    gallery.orders.event(ACLU, "freeze", paper)
    assert found(gallery, ["anna", "ben"]) == {"ben"}


def test_without_geography_the_position_is_passed_over_and_that_is_said(
    both: Galleries, portrait_photographs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from countenance.errors import GeographyMissing

    def missing() -> None:
        raise GeographyMissing("not installed")

    gallery = both.new()
    permit(gallery, "anna")
    monkeypatch.setattr(gallery._enroller._placing, "_open_geography", missing)
    note = gallery._enroller._placing.place(
        gallery._ledger.find("anna"), "0" * 32, taken_at(portrait_photographs[0], 52.5, 13.4)
    )
    assert note == placing.WITHOUT_GEOGRAPHY
    assert len(gallery.residency.show("anna").evidence) == 1


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(40.5, -89.25), (-33.75, 151.5), (0.0, 0.0), (90.0, 180.0)], ids=str
)
def test_a_position_is_read_as_the_camera_wrote_it(
    portrait_photographs: list[bytes], latitude: float, longitude: float
) -> None:
    read = position(taken_at(portrait_photographs[0], latitude, longitude))
    assert read is not None
    assert (round(read.latitude, 6), round(read.longitude, 6)) == (latitude, longitude)
    assert str(read.taken_on) == "2022-05-01"


def test_damaged_or_missing_metadata_says_nothing(portrait_photographs: list[bytes]) -> None:
    good = taken_at(portrait_photographs[0], 52.5, 13.4)
    start = good.index(b"Exif\x00\x00")
    assert position(portrait_photographs[0]) is None
    assert position(b"") is None
    for cut in range(start, start + 300, 7):
        position(good[:cut])  # never raises
        position(good[:cut] + b"\xff" * 50 + good[cut + 50 :])
    assert position(taken_at(portrait_photographs[0], 95.0, 13.4)) is None
