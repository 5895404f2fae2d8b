"""The same bytes under another name are one photograph: they bring no reference and count nobody again."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

from countenance.collection.outcomes import FileOutcome
from tests.galleries import Galleries
from tests.journeys.test_collection_exports import ANNA, BEN, enrolled, filled
from tests.unit.collection import export_files as made
from tests.unit.collection.pictures import group, orl


def test_the_same_bytes_under_a_second_name_change_nothing(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    photograph = group([orl(orl_folder, ANNA, 4), orl(orl_folder, BEN, 5), orl(orl_folder, 20, 1)])
    nobody = group([orl(orl_folder, 23, 1), orl(orl_folder, 24, 1)])
    album = made.unpacked(
        {"a.jpg": photograph, "b.jpg": photograph, "c.jpg": nobody, "d.jpg": nobody}, tmp_path / "one"
    )
    seen: list[FileOutcome] = []
    done = gallery.collecting.import_album("anna", [album], report=seen.append)
    assert [(one.file, one.became.value) for one in seen] == [
        ("a.jpg", "enrolled"),
        ("b.jpg", "duplicate"),
        ("c.jpg", "no-subject"),
        ("d.jpg", "duplicate"),
    ]
    assert (done.references, done.others, done.faces) == (1, 1, 5)
    before = gallery.collecting.bystanders("anna").as_dict()
    assert (enrolled(gallery, "anna"), enrolled(gallery, "ben")) == (4, 4)

    # In a later run and another folder, too.
    later = made.unpacked({"e.jpg": photograph, "f.jpg": nobody}, tmp_path / "two")
    again = gallery.collecting.import_album("anna", [later])
    assert again.outcomes == {"duplicate": 2}
    assert (again.references, again.others, again.faces, again.bystanders) == (0, 0, 0, 0)
    after = gallery.collecting.bystanders("anna").as_dict()
    unchanged = ("faces_seen", "images_kept", "bystanders_dropped")
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert (enrolled(gallery, "anna"), enrolled(gallery, "ben")) == (4, 4)


def test_a_photograph_that_was_enrolled_on_purpose_is_not_enrolled_again_from_an_album(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    photograph = group([orl(orl_folder, ANNA, 4)])
    gallery.enrol("anna", [photograph])
    assert enrolled(gallery, "anna") == 4
    done = gallery.collecting.import_album("anna", [made.unpacked({"a.jpg": photograph}, tmp_path / "album")])
    assert done.outcomes == {"duplicate": 1}
    assert (done.references, enrolled(gallery, "anna")) == (0, 4)


def test_a_photograph_that_is_enrolled_while_the_import_looks_at_it_counts_once(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    files = {"a.jpg": group([orl(orl_folder, ANNA, 4)]), "b.jpg": group([orl(orl_folder, ANNA, 6)])}
    seen: list[FileOutcome] = []

    def report(outcome: FileOutcome) -> None:
        seen.append(outcome)
        if outcome.file == "a.jpg":  # by now the next file has been read, and was not known then
            gallery.enrol("anna", [files["b.jpg"]])

    done = gallery.collecting.import_album("anna", [made.unpacked(files, tmp_path / "album")], report=report)
    assert [(one.file, one.became.value) for one in seen] == [("a.jpg", "enrolled"), ("b.jpg", "duplicate")]
    assert (done.references, enrolled(gallery, "anna")) == (1, 5)


def test_a_name_that_stands_twice_in_an_archive_is_looked_at_once_and_goes_on_record_once(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    photograph = group([orl(orl_folder, ANNA, 4)])
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns whoever writes such a thing
        for name in ("a.jpg", "b.txt.jpg", "b.txt.jpg", "a.jpg"):
            archive.writestr(zipfile.ZipInfo(name), photograph if name == "a.jpg" else b"no photograph")
    done = gallery.collecting.import_album("anna", [tmp_path / "album.zip"])
    assert done.outcomes == {"enrolled": 1, "refused": 1, "duplicate": 2}
    assert (done.references, enrolled(gallery, "anna")) == (1, 4)
    assert gallery.collecting.bystanders("anna").files == 2
    assert gallery.collecting.import_album("anna", [tmp_path / "album.zip"]).outcomes == {"earlier": 4}
