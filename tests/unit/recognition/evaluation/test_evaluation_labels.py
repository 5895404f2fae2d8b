"""Labels are read as given, and refused when they do not say who is in which picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from countenance.errors import LabelsInvalid
from countenance.recognition.candidates.evaluation.labelled import read_labelled


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_each_folder_is_a_person_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("anna/1.jpg", "anna/2.PNG", "bert/deep/1.pgm", "bert/notes.txt", ".hidden/1.jpg", "loose.jpg"):
        touch(tmp_path / name)
    labelled = read_labelled(tmp_path)
    assert [(p.subject, p.path.name) for p in labelled.pictures] == [
        ("anna", "1.jpg"),
        ("anna", "2.PNG"),
        ("bert", "1.pgm"),
    ]
    assert labelled.subjects == ("anna", "bert")


def test_further_columns_of_a_table_are_groups_and_empty_cells_are_none(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("path,subject,age group,site\na/1.jpg,anna,adult,north\nb/1.jpg,bert,,south\n", "utf-8")
    first, second = read_labelled(table).pictures
    assert first.path == tmp_path / "a/1.jpg"
    assert first.groups == (("age group", "adult"), ("site", "north"))
    assert second.groups == (("site", "south"),)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("path,subject\n", id="no rows"),
        pytest.param("file,person\n1.jpg,anna\n", id="other columns"),
        pytest.param("path,subject\n1.jpg,\n", id="no subject"),
        pytest.param("path,subject\n1.jpg,anna,extra\n", id="a cell too many"),
    ],
)
def test_table_that_does_not_say_who_is_who_is_refused(tmp_path: Path, text: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text, "utf-8")
    with pytest.raises(LabelsInvalid):
        read_labelled(table)


def test_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(LabelsInvalid):
        read_labelled(tmp_path / "labels.csv")


PAIRS = "2\t1\nAnna_A\t1\t2\nAnna_A\t1\tBert_B\t3\nCara_C\t4\t5\nBert_B\t3\tCara_C\t4\n"


def test_lfw_pairs_file_gives_folds_pairs_and_pictures(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(PAIRS, "utf-8")
    labelled = read_labelled(file)
    assert [(p.first, p.second, p.same, p.fold) for p in labelled.pairs] == [
        (0, 1, True, 0),
        (0, 2, False, 0),
        (3, 4, True, 1),
        (2, 3, False, 1),
    ]
    assert labelled.pictures[0].path == tmp_path / "Anna_A" / "Anna_A_0001.jpg"
    assert labelled.subjects == ("Anna_A", "Bert_B", "Cara_C")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("hello\n", id="no header"),
        pytest.param("2 1\nAnna_A 1 2\n", id="pairs missing"),
        pytest.param(PAIRS.replace("Anna_A\t1\t2", "Anna_A\t1\tx"), id="no number"),
        pytest.param(PAIRS.replace("Cara_C\t4\t5", "Cara_C\t4\tAnna_A\t5"), id="two names where one belongs"),
        pytest.param(PAIRS.replace("2\t1\n", "-2\t1\n"), id="negative folds"),
    ],
)
def test_damaged_pairs_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text, "utf-8")
    with pytest.raises(LabelsInvalid):
        read_labelled(file)


def test_missing_or_empty_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsInvalid, match="neither"):
        read_labelled(tmp_path / "nowhere")
    with pytest.raises(LabelsInvalid, match="no folders of people"):
        read_labelled(tmp_path)
