"""How far a search goes is chosen once, from a stated recall, and every process follows; and what status says."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.cli.main import run
from countenance.engine import capacity, searching
from countenance.errors import DiskFull, InputInvalid
from countenance.index.capacity import Constants
from countenance.index.choice import GrowingIndex
from countenance.index.embedded import EmbeddedIndex
from countenance.index.protocol import Index
from countenance.index.refinement import DiskRefinement, to_records
from countenance.recognition.gallery.snapshots import Snapshots
from countenance.terms import Vectors
from tests.galleries import Galleries, embedded_above, fill, names, row, search, template


def inner(gallery: Countenance) -> Index:
    """What answers inside the gallery's index."""
    index = gallery._searchable.current()
    assert isinstance(index, GrowingIndex)
    return index.inner


@pytest.fixture
def soon_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Galleries above 100 references are embedded."""
    embedded_above(monkeypatch, 100)


@pytest.mark.usefixtures("soon_embedded")
def test_what_was_tuned_is_used_by_every_process_and_after_a_rebuild(galleries: Galleries) -> None:
    gallery = galleries.new()
    fill(gallery, 300)
    other = galleries.open()
    assert names(search(other, template(1007))) == ["stranger-007"]
    tuned = gallery.index.tune(0.99, seed=1)
    assert tuned.tuning is not None
    assert tuned.tuning.reached
    for one in (gallery, other, galleries.open()):
        assert names(search(one, template(1007))) == ["stranger-007"]
        index = inner(one)
        assert isinstance(index, EmbeddedIndex)
        assert index.effort == tuned.tuning.effort
    for path in (galleries.folder / "index").glob("*.snapshot"):
        path.write_bytes(path.read_bytes()[:100])
    again = galleries.open()
    assert names(search(again, template(1007))) == ["stranger-007"]
    rebuilt = inner(again)
    assert isinstance(rebuilt, EmbeddedIndex)
    assert rebuilt.effort == tuned.tuning.effort
    status = again.index.status()
    assert (status.kind, status.references, status.on_record) == ("embedded", 300, 300)
    assert status.tuning is not None
    assert status.tuning["wanted"] == 0.99
    assert status.snapshot_bytes is None  # the damaged one is gone, and nothing has changed since


def nameless(folder: Path) -> list[Path]:
    """This process's mappings of files that lay under ``folder`` and have no name any longer."""
    gc.collect()
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [Path(line.split(maxsplit=5)[5]) for line in lines if str(folder) in line and line.endswith("(deleted)")]


def on_disk(gallery: Countenance) -> list[DiskRefinement]:
    """The refinements on disk behind the gallery's index; there are no others."""
    index = inner(gallery)
    assert isinstance(index, EmbeddedIndex)
    assert index.segments
    found = [segment.refinement for segment in index.segments]
    assert all(isinstance(one, DiskRefinement) for one in found)
    return [one for one in found if isinstance(one, DiskRefinement)]


def holds(kept: list[DiskRefinement], values: Vectors) -> bool:
    """Whether the files, opened with their keys, hold the template."""
    record = to_records(values[None], exact=False)[0]
    return any((one.span(0, 300) == record).all(axis=1).any() for one in kept)


@pytest.mark.usefixtures("soon_embedded")
def test_refinement_goes_to_disk_in_every_process_and_a_withdrawal_reaches_it_there(
    galleries: Galleries, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = galleries.new()
    folder = galleries.folder / "index"
    fill(gallery, 300)
    other = galleries.open()
    for one in (gallery, other):
        assert names(search(one, template(1007))) == ["stranger-007"]
    assert nameless(folder) == []
    assert run(["index", "refinement", "disk", "--gallery", str(galleries.folder)]) == 0
    assert "disk (before: memory)" in capsys.readouterr().out
    for one in (gallery, other, galleries.open()):  # the first two did not restart
        assert names(search(one, template(1007))) == ["stranger-007"]
        assert one.index.status().refinement == "disk"
        assert on_disk(one)
    assert nameless(folder)
    assert not any(path.suffix != ".snapshot" and path.stat().st_size for path in folder.iterdir())

    before = on_disk(gallery)
    assert holds(before, template(1007))
    gallery.withdraw("stranger-007")
    assert not holds(before, template(1007)), "wiped in the file that was in use"
    del before
    for one in (gallery, other):
        assert names(search(one, template(1007))) == []
        assert not holds(on_disk(one), template(1007))
    assert names(search(gallery, template(1008))) == ["stranger-008"]

    galleries.opened.pop().close()
    del one
    assert gallery.index.keep_refinement("memory") == "disk"
    for one in (gallery, other):
        assert names(search(one, template(1008))) == ["stranger-008"]
    assert nameless(folder) == [], "the mapping was the last that held the file"
    with pytest.raises(InputInvalid):
        gallery.index.keep_refinement("tape")


def test_where_the_disk_has_no_room_the_refinement_stays_where_it_was(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*asked: object, **options: object) -> GrowingIndex:
        if options["refinement_folder"] is not None:
            raise DiskFull("no room")
        return GrowingIndex(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(searching, "open_index", full)
    gallery = galleries.new()
    fill(gallery, 3)
    with pytest.raises(DiskFull):
        gallery.index.keep_refinement("disk")
    assert gallery.index.status().refinement == "memory"
    assert names(search(gallery, template(1001))) == ["stranger-001"]


@pytest.mark.parametrize("recall", [0.0, 1.0, 1.5, -1.0, float("nan")])
def test_a_recall_that_is_no_share_is_refused(galleries: Galleries, recall: float) -> None:
    with pytest.raises(InputInvalid):
        galleries.new().index.tune(recall)


def test_an_empty_gallery_cannot_be_tuned_and_its_status_can_be_asked(galleries: Galleries) -> None:
    gallery = galleries.new()
    with pytest.raises(InputInvalid):
        gallery.index.tune()
    status = gallery.index.status().as_dict()
    assert (status["kind"], status["references"], status["snapshot"]) == ("exact", 0, None)


def test_the_command_line_tunes_and_shows_the_index(
    galleries: Galleries, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(galleries.new(), 30)
    at = ["--gallery", str(galleries.folder)]
    assert run(["index", "tune", "--recall", "0.999", *at]) == 0
    assert "exact" in capsys.readouterr().out
    assert run(["index", "status", *at]) == 0
    shown = capsys.readouterr().out
    assert "30 searchable" in shown
    assert "snapshot    epoch 1" in shown
    assert run(["index", "status", "--json", *at]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["snapshot"]["changes_behind"] == 0
    assert document["engine"] == "embedded"
    assert run(["index", "tune", "--recall", "1", *at]) == 2
    assert run(["index", "move", *at]) == 64


def test_status_counts_what_was_removed_and_not_compacted(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1)), row("ben", template(2))])
    other = galleries.open()
    assert other.index.status().tombstones == 0
    gallery.withdraw("ben")
    status = other.index.status()
    assert (status.references, status.on_record, status.epoch) == (1, 1, 2)
    assert status.tombstones in (0, 1)  # a thread drops the bytes in the new epoch


def test_status_bears_that_another_process_replaces_the_snapshot_just_then(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    fill(gallery, 3)
    plain, looked = Snapshots.newest, 0

    def newest(self: Snapshots) -> tuple[int, Path] | None:
        nonlocal looked
        looked += 1
        found = plain(self)
        assert found is not None
        return (found[0], found[1].with_suffix(".replaced")) if looked == 1 else found

    monkeypatch.setattr(Snapshots, "newest", newest)
    status = gallery.index.status()
    assert status.snapshot_bytes
    assert (looked, status.snapshot_behind) == (2, 0)


MEASURED = Constants(
    cores=2,
    memory_read_bytes_per_s=15e9,
    scan_bytes_per_s=3e9,
    code_bytes=24,
    dimensions=128,
    build_faces_per_s=300_000,
    disk_write_bytes_per_s=1e9,
    disk_read_bytes_per_s=1e9,
    seal_bytes_per_s=1e9,
)


def test_capacity_says_machines_accuracy_and_that_it_is_extrapolated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(capacity, "measure", lambda *place, **asked: MEASURED)
    asked = ["capacity", "--faces", "20e9", "--dims", "128", "--qps", "50", "--replicas", "2"]
    assert run([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    figures = {one["name"]: one["value"] for one in document["figures"]}
    assert figures["memory"] == 1920
    assert figures["false match rate needed"] == 5e-13
    assert 0.8 < figures["threshold"] < 1
    assert figures["threshold"] == pytest.approx(document["threshold"], abs=1e-3)
    assert document["extrapolated"] is True
    assert document["constants"]["scan_bytes_per_s"] == 3e9
    assert run([*asked, "--searched-share", "0.5", "--writers", "4", "--json"]) == 0
    half = {one["name"]: one["value"] for one in json.loads(capsys.readouterr().out)["figures"]}
    assert half["one search on one node"] == pytest.approx(4 * figures["one search on one node"])
    assert half["loading into a server"] == pytest.approx(figures["loading into a server"] / 4)
    assert run(asked) == 0
    shown = capsys.readouterr().out
    assert "faces x code x searched share / scan rate" in shown
    assert "EXTRAPOLATED" in shown


def test_capacity_for_templates_of_another_length_promises_no_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = capacity.estimate(1e6, dimensions=512, measured=lambda place, random: MEASURED)
    assert found.calibration is None
    assert found.threshold is None
    assert "threshold" not in {one.name for one in found.plan.figures}


@pytest.mark.parametrize(
    "asked",
    [
        ["--faces", "-1"],
        ["--faces", "nan"],
        ["--faces", "1e6", "--qps", "0"],
        ["--faces", "1e6", "--searched-share", "2"],
    ],
)
def test_capacity_refuses_sizes_that_are_none(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(capacity, "measure", lambda *place, **options: MEASURED)
    assert run(["capacity", *asked, "--json"]) == 64
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "input_invalid"
