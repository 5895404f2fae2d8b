"""What the store promises on SQLite and on PostgreSQL: one schema, one writer, versions, and errors of ours."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from countenance import Countenance
from countenance.errors import (
    DiskFull,
    GalleryError,
    GalleryExists,
    GalleryMissing,
    GalleryNewer,
    InputInvalid,
    KeysForeign,
    KeysMissing,
)
from countenance.holding import Target
from countenance.store import feed, numbering, schema
from countenance.store.database import Database
from countenance.store.description import FORMAT
from countenance.store.holder import StoreHolder
from countenance.store.told import told_mark
from countenance.terms import ArtefactClass, SubjectId
from tests.galleries import Galleries, names, permit, row, search, template
from tests.servers.postgres import Server


def test_the_migrations_make_exactly_the_schema(both: Galleries) -> None:
    gallery = both.new()
    with gallery._database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("countenance.migrations")))
    config.set_main_option("path_separator", "os")
    return config


def test_evidence_from_before_there_were_marks_is_marked_as_it_would_be_today(tmp_path: Path) -> None:
    said = [
        ("e1", None, "resident_of", "GB", "A", "declaration", "2024-01-01", None, ""),
        ("e2", None, "resident_of", "GB", "A", "declaration", "2024-01-01", None, "e1"),
        ("e3", "i1", "image_located_in", "US-IL US-MO", "C", "exif_position", "2024-01-01", "2024-01-01", ""),
    ]
    columns = ("image_id", "predicate", "places", "tier", "signal", "valid_from", "valid_to", "contradicts")
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        for evidence_id, *rest in said:
            values = {"evidence_id": evidence_id, **dict(zip(columns, rest, strict=True))}
            connection.execute(
                text(
                    "INSERT INTO residency_evidence (evidence_id, subject_id, image_id, predicate, places, tier, "
                    "signal, observed_utc, valid_from, valid_to, permission_id, contradicts, sealed_origin) VALUES "
                    "(:evidence_id, 1, :image_id, :predicate, :places, :tier, :signal, '', :valid_from, :valid_to, "
                    "'', :contradicts, x'00')"
                ),
                values,
            )
        command.upgrade(config, "0006")
        marks = dict(connection.execute(text("SELECT evidence_id, told_mark FROM residency_evidence")).all())  # type: ignore[arg-type]
    engine.dispose()
    for evidence_id, image_id, predicate, places, tier, signal, start, end, against in said:
        mark = told_mark(
            predicate,
            places.split(),
            tier,
            signal,
            start,
            end,
            contradicts=bool(against),
            about_an_image=image_id is not None,
        )
        assert marks[evidence_id] == mark
    assert len(set(marks.values())) == 3


def test_a_database_of_a_newer_version_is_refused_untouched(both: Galleries) -> None:
    gallery = both.new()
    with gallery._database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(GalleryNewer) as raised:
        both.open()
    assert raised.value.code == "gallery_newer"
    with gallery._database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_gallery_of_a_newer_format_is_refused_untouched(galleries: Galleries) -> None:
    galleries.new().close()
    file = galleries.folder / "gallery.json"
    record = json.loads(file.read_text())
    record["format"] = FORMAT + 1
    file.write_text(json.dumps(record))
    kept = file.read_bytes()
    with pytest.raises(GalleryNewer):
        galleries.open()
    assert file.read_bytes() == kept


def test_foreign_keys_are_enforced(both: Galleries) -> None:
    gallery = both.new()
    values = {"permission_id": "p" * 32, "purpose": 1, "subject_id": 77}
    with pytest.raises(GalleryError) as raised, gallery._database.write() as connection:
        connection.execute(schema.permission_purposes.insert().values(values))
    assert isinstance(raised.value.__cause__, IntegrityError)


def test_a_write_that_fails_leaves_nothing(both: Galleries) -> None:
    gallery = both.new()

    def write_and_fail() -> None:
        with gallery._database.write() as connection:
            numbering.set_fact(connection, "left", "over")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with gallery._database.read() as connection:
        assert numbering.fact(connection, "left") is None


def test_numbers_of_references_are_never_given_twice(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", template(1)), row("bob", template(2))])
    gallery.withdraw("anna")
    gallery.withdraw("bob")
    gallery.enrol_templates([row("carla", template(3))])
    assert search(gallery, template(3)).faces[0].candidates[0].reference == 3


def test_a_gallery_tells_64_purposes_apart_and_says_so_at_the_65th(both: Galleries) -> None:
    gallery = both.new()
    for first in range(0, 64, 16):
        permit(gallery, "anna", *[f"purpose-{number}" for number in range(first, first + 16)])
    with pytest.raises(InputInvalid):
        permit(gallery, "anna", "one-too-many")
    gallery.enrol_templates([row("anna", template(1), purposes=["purpose-63"])])
    assert names(search(gallery, template(1), "purpose-63")) == ["anna"]


def test_the_feed_keeps_its_newest_change_when_it_is_trimmed(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row(f"p{n}", template(n)) for n in range(5)])
    with gallery._database.write() as connection:
        newest = feed.last(connection)
        feed.trim(connection, newest + 100)
        assert (feed.first(connection), feed.last(connection)) == (newest, newest)
    gallery.enrol_templates([row("late", template(50))])
    assert names(search(gallery, template(50))) == ["late"]
    assert names(search(both.open(), template(3))) == ["p3"]


def test_a_process_left_behind_by_a_trimmed_feed_loads_again(both: Galleries) -> None:
    gallery, other = both.new(), both.open()
    gallery.enrol_templates([row("anna", template(1))])
    assert names(search(other, template(1))) == ["anna"]
    gallery.enrol_templates([row("bob", template(2))])
    gallery.withdraw("anna")
    gallery.enrol_templates([row("carla", template(3))])
    with gallery._database.write() as connection:
        feed.trim(connection, feed.last(connection))
    assert names(search(other, template(1))) == []
    assert names(search(other, template(2))) == ["bob"]
    assert names(search(other, template(3))) == ["carla"]


def test_erasing_only_templates_keeps_the_rest_of_the_subject(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = both.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:1])
    owner = gallery._ledger.find("anna")
    target = Target(owner.subject_id, artefacts=frozenset({ArtefactClass.TEMPLATE}))
    holder = StoreHolder(gallery._database)
    assert {held.what: held.count for held in holder.erase([target])}["sealed templates"] == 1
    assert holder.confirm_absent([target]).absent
    assert gallery.status().images == 1
    assert not holder.confirm_absent([Target(owner.subject_id)]).absent


def test_erasing_twice_is_as_good_as_once(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", template(1))])
    target = Target(gallery._ledger.find("anna").subject_id)
    holder = StoreHolder(gallery._database)
    assert sum(held.count for held in holder.erase([target])) > 0
    assert sum(held.count for held in holder.erase([target])) == 0
    assert holder.confirm_absent([target]).absent
    assert holder.confirm_absent([Target(SubjectId(99))]).absent


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_an_ordinary_role_of_the_server_can_erase(galleries: Galleries, postgres_server: Server) -> None:
    postgres_server.run("DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    url = postgres_server.new_database("plain")
    name = make_url(url).database
    postgres_server.run(f"ALTER DATABASE {name} OWNER TO plain")
    galleries.new_database = lambda: url
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1))])
    assert gallery.withdraw("anna").absent


# -- what can be wrong at opening ---------------------------------------------------------------------------------


def test_opening_where_there_is_no_gallery_makes_nothing(galleries: Galleries) -> None:
    with pytest.raises(GalleryMissing):
        galleries.open()
    assert not galleries.folder.exists()


def test_a_folder_with_something_in_it_is_not_made_a_gallery(galleries: Galleries) -> None:
    galleries.folder.mkdir()
    (galleries.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(GalleryExists):
        galleries.new()
    assert [path.name for path in galleries.folder.iterdir()] == ["thesis.txt"]
    assert not galleries.keys.exists()


@pytest.mark.parametrize("inside", ["keys in data", "data in keys", "one folder"])
def test_keys_and_data_are_never_one_inside_the_other(galleries: Galleries, inside: str) -> None:
    data, keys = {
        "keys in data": ("g", "g/keys"),
        "data in keys": ("k/g", "k"),
        "one folder": ("g", "g"),
    }[inside]
    with pytest.raises(GalleryExists):
        Countenance.init(galleries.root / data, keys=galleries.root / keys, cache=galleries.cache)
    assert list(galleries.root.iterdir()) == []


@pytest.mark.parametrize("missing", ["keyring.json", "root.key", "slots.bin", "epoch.key", ""])
def test_a_missing_key_file_is_told_and_nothing_is_changed(galleries: Galleries, missing: str) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.close()
    lost = galleries.keys / missing
    lost.rename(galleries.root / "elsewhere")
    with pytest.raises(KeysMissing) as raised:
        galleries.open()
    assert raised.value.code == "keys_missing"
    assert not lost.exists()
    (galleries.root / "elsewhere").rename(lost)
    assert galleries.open().status().subjects == 1


def test_the_keys_of_another_gallery_are_refused(galleries: Galleries) -> None:
    galleries.new().close()
    Countenance.init(galleries.root / "other", cache=galleries.cache).close()
    with pytest.raises(KeysForeign):
        Countenance(galleries.folder, keys=galleries.root / "other.keys", cache=galleries.cache)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": "1"}'], ids=repr)
def test_a_damaged_description_is_told(galleries: Galleries, content: bytes) -> None:
    galleries.new().close()
    (galleries.folder / "gallery.json").write_bytes(content)
    with pytest.raises(GalleryError) as raised:
        galleries.open()
    assert raised.value.code == "gallery"


def test_a_damaged_database_file_is_told(galleries: Galleries) -> None:
    galleries.new().close()
    (galleries.folder / "gallery.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(GalleryError) as raised:
        galleries.open()
    assert "damaged" in str(raised.value)


def test_the_database_of_another_gallery_is_refused(galleries: Galleries) -> None:
    galleries.new().close()
    Countenance.init(galleries.root / "other", cache=galleries.cache).close()
    (galleries.root / "other" / "gallery.db").replace(galleries.folder / "gallery.db")
    with pytest.raises(GalleryError, match="another gallery"):
        galleries.open()


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_a_database_that_is_not_empty_is_not_made_a_gallery(galleries: Galleries, postgres_server: Server) -> None:
    url = postgres_server.new_database()
    galleries.new_database = lambda: url
    galleries.new()
    with pytest.raises(GalleryExists):
        Countenance.init(galleries.root / "second", cache=galleries.cache, database_url=url)
    assert not (galleries.root / "second").exists()
    assert not (galleries.root / "second.keys").exists()


def test_a_full_database_disk_is_told_and_nothing_is_kept(galleries: Galleries) -> None:
    gallery = galleries.new()
    with gallery._database.read() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
    small = Database.of_file(galleries.folder / "gallery.db")

    def write_too_much() -> None:
        with small.write() as connection:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            for number in range(3000):
                numbering.set_fact(connection, f"fact-{number}", "x" * 300)

    with pytest.raises(DiskFull):
        write_too_much()
    small.close()
    assert gallery.status().subjects == 0
    permit(gallery, "anna")
