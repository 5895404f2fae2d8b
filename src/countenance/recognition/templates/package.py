"""Which template models there are: the bundled one, and those a user is licensed for and has added.

Rules kept here: a model is added whole or not at all, after its digest, its graph and a trial run were found
good; two models never share a name and version; nothing in the folder of models is trusted without its digest.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from countenance.errors import ModelMissing, ModelUnsuitable
from countenance.recognition.models.cache import write_whole
from countenance.recognition.models.manifest import (
    ImpostorStatistics,
    InputGeometry,
    Manifest,
    manifest_text,
    parse_manifest,
)
from countenance.recognition.models.package import (
    ModelPackage,
    bundled,
    bundled_template_model,
    check_digest,
    read_limited,
)
from countenance.recognition.templates.extract import Extractor

__all__ = [
    "ImpostorStatistics",
    "InputGeometry",
    "Manifest",
    "ModelPackage",
    "add",
    "available",
    "beside",
    "bundled",
    "bundled_template_model",
    "find",
]

MANIFEST_NAME = "manifest.json"
_MANIFEST_LIMIT_BYTES = 64 * 1024


def add(file: Path, manifest_file: Path, folder: Path) -> ModelPackage:
    """Copy the model ``file`` and its manifest into ``folder`` (a gallery's folder of models), checked.

    Adding the same model again changes nothing. Raises ``ModelMissing``, ``ModelDigestWrong``, and
    ``ModelUnsuitable`` when the manifest is wrong, the file is no 112x112 ONNX face model that gives what the
    manifest states, or another model of that name and version is there. ``OSError`` for a full disk passes
    through; nothing half written remains.
    """
    manifest = _read_manifest(manifest_file)
    if manifest.kind != "template":
        raise ModelUnsuitable(f"{manifest.label} is a {manifest.kind}; only template models can be added.")
    data = read_limited(file)
    check_digest(data, manifest)
    for other in available(folder):
        if other.manifest.label == manifest.label:
            if other.manifest == manifest:
                return other
            raise ModelUnsuitable(
                f"Another model of the name {manifest.label} is there already.",
                remedy="Give the new model another name or version in its manifest.",
            )
        if other.manifest.sha256 == manifest.sha256:
            raise ModelUnsuitable(f"This model file is there already, under the name {other.manifest.label}.")
    _try(data, manifest)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / manifest.label
    half = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=folder))
    try:
        write_whole(half / manifest.file, data)
        write_whole(half / MANIFEST_NAME, manifest_text(manifest).encode())
        half.chmod(0o755)
        half.rename(place)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    return ModelPackage(manifest, place / manifest.file)


def available(folder: Path | None = None) -> tuple[ModelPackage, ...]:
    """The template models that can be used: the bundled one first, then those in ``folder``, by name.

    Raises ``ModelUnsuitable`` when a manifest in ``folder`` was altered into one that cannot be read.
    """
    added: list[ModelPackage] = []
    if folder is not None and folder.is_dir():
        for place in sorted(folder.iterdir()):
            if place.is_dir() and not place.name.startswith("."):
                manifest = _read_manifest(place / MANIFEST_NAME)
                added.append(ModelPackage(manifest, place / manifest.file))
    return (bundled_template_model(), *added)


def find(name: str, folder: Path | None = None) -> ModelPackage:
    """The template model called ``name``: ``sface``, ``sface-2021dec``, or 8 or more first digits of its digest.

    Raises ``ModelMissing`` when none fits, ``ModelUnsuitable`` when several do.
    """
    models = available(folder)
    fitting = [model for model in models if model.manifest.label == name]
    if not fitting:
        fitting = [model for model in models if model.manifest.name == name]
    if not fitting and len(name) >= 8:
        fitting = [model for model in models if model.manifest.sha256.startswith(name)]
    if not fitting:
        raise ModelMissing(f"There is no template model called {name!r}.")
    if len(fitting) > 1:
        labels = ", ".join(model.manifest.label for model in fitting)
        raise ModelUnsuitable(f"{name!r} may be one of {labels}.", remedy="Give the name with its version.")
    return fitting[0]


def beside(file: Path) -> ModelPackage:
    """The model ``file`` with the manifest that lies beside it: ``arcface.json`` for ``arcface.onnx``, else
    ``manifest.json``. For trying a model without adding it to a gallery.

    Raises what :func:`add` raises for a bad file or manifest, and ``ModelMissing`` when either is not there.
    """
    named = file.with_suffix(".json")
    manifest = _read_manifest(named if named.is_file() else file.with_name(MANIFEST_NAME))
    if manifest.kind != "template":
        raise ModelUnsuitable(f"{manifest.label} is a {manifest.kind}, not a template model.")
    data = read_limited(file)
    check_digest(data, manifest)
    _try(data, manifest)
    return ModelPackage(manifest, file)


def _read_manifest(path: Path) -> Manifest:
    try:
        with path.open("rb") as file:
            text = file.read(_MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise ModelMissing(f"The manifest {path.name} cannot be read: {error.strerror}.") from error
    if len(text) > _MANIFEST_LIMIT_BYTES:
        raise ModelUnsuitable(f"{path.name} is larger than {_MANIFEST_LIMIT_BYTES} bytes; that is no manifest.")
    return parse_manifest(text)


def _try(data: bytes, manifest: Manifest) -> None:
    """Run the model once on two faces of noise, in a folder that is thrown away."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    with tempfile.TemporaryDirectory(prefix="countenance-model-") as folder:
        path = Path(folder) / manifest.file
        path.write_bytes(data)
        templates = Extractor(ModelPackage(manifest, path), Path(folder), threads=1).extract(noise)
    if abs(float(templates[0] @ templates[1])) > 0.999999:
        raise ModelUnsuitable(f"{manifest.file} gives the same template for different pictures.")
