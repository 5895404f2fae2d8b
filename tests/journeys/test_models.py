"""A second model: added, migrated to, interrupted and repeated; templates of two models are never compared."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from countenance.errors import CountenanceError, ModelDigestWrong, ModelMissing
from tests.galleries import Galleries, names, permit, row, template


@pytest.fixture(scope="session")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small 112x112 model of random weights: its templates are poor, but they are another model's."""
    rng = np.random.default_rng(7)
    kernel = rng.standard_normal((8, 3, 16, 16)).astype(np.float32) / 400
    weights = rng.standard_normal((8 * 7 * 7, 64)).astype(np.float32) / 20
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "kernel"], ["maps"], strides=[16, 16]),
            helper.make_node("Tanh", ["maps"], ["bent"]),
            helper.make_node("Flatten", ["bent"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["output"]),
        ],
        "random",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 64])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(weights, "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder = tmp_path_factory.mktemp("model")
    file = folder / "random.onnx"
    file.write_bytes(made.SerializeToString())
    onnx.checker.check_model(made)
    manifest = {
        "schema_version": 1,
        "name": "random",
        "version": "1",
        "kind": "template",
        "licence": "Apache-2.0",
        "source": "made by this test",
        "training_data": "none; the weights are random",
        "input": {"width": 112, "height": 112, "channels": "RGB", "mean": 127.5, "scale": 0.0078125},
        "dimensions": 64,
        "sha256": sha256(file.read_bytes()).hexdigest(),
        "file": "random.onnx",
    }
    about = folder / "random.json"
    about.write_text(json.dumps(manifest))
    return file, about


def test_migrating_makes_every_reference_again_and_leaves_none_of_the_old_model(
    both: Galleries, second_model: tuple[Path, Path], portrait_photographs: list[bytes]
) -> None:
    gallery = both.new()
    other = both.open()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:2])
    gallery.enrol_templates([row("bob", template(2))])
    names(other.identify(portrait_photographs[0], purpose="event-photos"))
    gallery.add_model(*second_model)
    assert [one.manifest.name for one in gallery.models()] == ["sface", "random"]
    done = gallery.migrate("random").as_dict()
    assert (done["made"], done["removed"], done["left_behind"]) == (2, 3, 1)
    assert done["problems"] == []
    for opened in (gallery, other, both.open()):
        found = opened.identify(portrait_photographs[0], purpose="event-photos", threshold=0.999)
        assert names(found) == ["anna"]
        assert found.model == done["model"]
        assert found.references == 2
    assert gallery.withdraw("anna").absent
    assert names(other.identify(portrait_photographs[0], purpose="event-photos", threshold=-1.0)) == []
    again = gallery.migrate("random")
    assert (again.made, again.removed) == (0, 0)


def test_a_migration_that_was_interrupted_goes_on_where_it_was_and_searches_never_stop(
    galleries: Galleries, second_model: tuple[Path, Path], portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:3])
    gallery.add_model(*second_model)
    old = gallery.model

    def interrupt(done: int, total: int | None, what: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gallery.migrate("random", progress=interrupt)
    assert gallery.model == old
    found = gallery.identify(portrait_photographs[3], purpose="event-photos")
    assert names(found) == ["anna"]
    assert found.faces[0].candidates[0].references == 3
    done = galleries.open().migrate("random")
    assert (done.made, done.removed) == (1, 3)
    assert gallery.status().references == 3


def test_a_subject_withdrawn_in_the_middle_of_a_migration_stays_gone(
    galleries: Galleries, second_model: tuple[Path, Path], portrait_photographs: list[bytes]
) -> None:
    gallery, other = galleries.new(), galleries.open()
    for subject, picture in zip(("anna", "bob"), portrait_photographs, strict=False):
        permit(gallery, subject)
        gallery.enrol(subject, [picture])
    gallery.add_model(*second_model)

    def withdraw(done: int, total: int | None, what: str) -> None:
        if done == 1:
            other.withdraw("anna")
            other.withdraw("bob")

    done = gallery.migrate("random", progress=withdraw)
    status = gallery.status()
    assert (status.subjects, status.references, status.images) == (0, 0, 0)
    assert done.problems == ()
    assert names(gallery.identify(portrait_photographs[0], purpose="event-photos", threshold=-1.0)) == []


def test_an_image_enrolled_while_a_migration_ran_is_not_left_behind(
    galleries: Galleries, second_model: tuple[Path, Path], portrait_photographs: list[bytes]
) -> None:
    gallery, other = galleries.new(), galleries.open()
    permit(gallery, "anna")
    permit(gallery, "late")
    gallery.enrol("anna", portrait_photographs[:1])
    gallery.add_model(*second_model)

    def enrol_late(done: int, total: int | None, what: str) -> None:
        if done == 1:
            other.enrol("late", portrait_photographs[1:2])

    done = gallery.migrate("random", progress=enrol_late)
    assert (done.made, done.left_behind) == (2, 0)
    found = gallery.identify(portrait_photographs[1], purpose="event-photos", threshold=0.9999)
    assert names(found) == ["late"]


def test_a_model_that_is_not_what_its_manifest_says_is_not_added(
    galleries: Galleries, second_model: tuple[Path, Path], tmp_path: Path
) -> None:
    gallery = galleries.new()
    changed = tmp_path / "random.onnx"
    changed.write_bytes(second_model[0].read_bytes() + b"\0")
    with pytest.raises(ModelDigestWrong):
        gallery.add_model(changed, second_model[1])
    with pytest.raises(ModelMissing):
        gallery.migrate("random")
    assert len(gallery.models()) == 1


def test_an_added_model_that_was_altered_afterwards_is_never_run(
    galleries: Galleries, second_model: tuple[Path, Path], portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    package = gallery.add_model(*second_model)
    package.path.write_bytes(package.path.read_bytes()[:-1] + b"\7")
    with pytest.raises(CountenanceError) as raised:
        gallery.migrate("random")
    assert raised.value.code == "model_digest"
