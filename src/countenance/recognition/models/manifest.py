"""What a model package says about its model. A manifest is read whole or refused; nothing is guessed.

Rules kept here: every field is checked by name and type, an unknown field is an error (a misspelt one would
otherwise be lost in silence), and every refusal is a ``ModelUnsuitable`` that names the field.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import Literal, cast

from countenance.errors import ModelUnsuitable

SCHEMA_VERSION = 1
TEMPLATE_SIDE = 112
"""Width and height in pixels of the aligned face that every template model takes (the ArcFace geometry)."""

Kind = Literal["template", "detector"]
Channels = Literal["RGB", "BGR"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset(
    {
        "schema_version",
        "name",
        "version",
        "kind",
        "licence",
        "source",
        "training_data",
        "input",
        "dimensions",
        "sha256",
        "file",
        "impostor",
    }
)
_OPTIONAL = frozenset({"impostor"})
_INPUT_FIELDS = frozenset({"width", "height", "channels", "mean", "scale"})
_IMPOSTOR_FIELDS = frozenset({"mean", "deviation", "source"})


@dataclass(frozen=True, slots=True)
class InputGeometry:
    """How pixels become the model's numbers: ``(sample - mean) * scale`` for each channel, in ``channels`` order.

    ``mean`` and ``scale`` have one number a channel, in the same order; samples are 0 to 255.
    """

    width: int
    height: int
    channels: Channels
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ImpostorStatistics:
    """Comparison scores of different people: mean and standard deviation, and who measured them on what."""

    mean: float
    deviation: float
    source: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is stated of a model. ``dimensions`` is the template's length, 0 for a detector.

    ``sha256`` is the digest of ``file`` as its publisher ships it; it is also the model's identity in a gallery.
    """

    schema_version: int
    name: str
    version: str
    kind: Kind
    licence: str
    source: str
    training_data: str
    input: InputGeometry
    dimensions: int
    sha256: str
    file: str
    impostor: ImpostorStatistics | None = None

    @property
    def label(self) -> str:
        """Name and version as people and folders write them, for example ``sface-2021dec``."""
        return f"{self.name}-{self.version}"


def parse_manifest(text: str | bytes) -> Manifest:
    """The manifest in the JSON document ``text``. Raises ``ModelUnsuitable`` naming the field that is wrong."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ModelUnsuitable(f"The manifest is not a JSON document: {error}.") from error
    fields = _object(document, "the manifest", _FIELDS, _OPTIONAL)
    version = _whole(fields, "schema_version", 1, 1_000)
    if version != SCHEMA_VERSION:
        raise ModelUnsuitable(
            f"The manifest has schema_version {version}; this version of Countenance reads {SCHEMA_VERSION}."
        )
    kind = _choice(fields, "kind", ("template", "detector"))
    geometry = _geometry(fields["input"])
    if kind == "template" and (geometry.width, geometry.height) != (TEMPLATE_SIDE, TEMPLATE_SIDE):
        raise ModelUnsuitable(
            f"The manifest states an input of {geometry.width}x{geometry.height}; "
            f"a template model takes {TEMPLATE_SIDE}x{TEMPLATE_SIDE}."
        )
    return Manifest(
        schema_version=version,
        name=_matching(fields, "name", _NAME, "lower-case letters, digits, '.', '_' and '-', at most 64"),
        version=_matching(fields, "version", _NAME, "lower-case letters, digits, '.', '_' and '-', at most 64"),
        kind=cast("Kind", kind),
        licence=_words(fields, "licence"),
        source=_words(fields, "source"),
        training_data=_words(fields, "training_data"),
        input=geometry,
        dimensions=_whole(fields, "dimensions", 16, 4096)
        if kind == "template"
        else _whole(fields, "dimensions", 0, 0),
        sha256=_matching(fields, "sha256", _DIGEST, "64 lower-case hexadecimal digits"),
        file=_file_name(fields),
        impostor=None if fields.get("impostor") is None else _impostor(fields["impostor"]),
    )


def _geometry(value: object) -> InputGeometry:
    fields = _object(value, "input", _INPUT_FIELDS)
    scale = _three(fields, "scale")
    if any(number == 0 for number in scale):
        raise ModelUnsuitable("The manifest's input.scale has a zero, which would erase the picture.")
    return InputGeometry(
        width=_whole(fields, "width", 16, 4096),
        height=_whole(fields, "height", 16, 4096),
        channels=cast("Channels", _choice(fields, "channels", ("RGB", "BGR"))),
        mean=_three(fields, "mean"),
        scale=scale,
    )


def _impostor(value: object) -> ImpostorStatistics:
    fields = _object(value, "impostor", _IMPOSTOR_FIELDS)
    mean, deviation = _number(fields["mean"], "impostor.mean"), _number(fields["deviation"], "impostor.deviation")
    if not -1 <= mean <= 1 or not 0 < deviation <= 1:
        raise ModelUnsuitable("The manifest's impostor statistics are not those of cosines (-1 to 1).")
    return ImpostorStatistics(mean, deviation, _words(fields, "source"))


def _object(
    value: object, what: str, known: frozenset[str], optional: frozenset[str] = frozenset()
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ModelUnsuitable(f"In the manifest, {what} is not an object.")
    if unknown := sorted(set(value) - known):
        raise ModelUnsuitable(f"The manifest has the unknown field {unknown[0]!r}.")
    if missing := sorted(known - optional - set(value)):
        raise ModelUnsuitable(f"The manifest lacks the field {missing[0]!r}.")
    return value


def _words(fields: dict[str, object], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value.strip() or len(value) > 4000:
        raise ModelUnsuitable(f"The manifest's {name} must be text of 1 to 4000 characters.")
    return value


def _matching(fields: dict[str, object], name: str, pattern: re.Pattern[str], meaning: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ModelUnsuitable(f"The manifest's {name} must be {meaning}.")
    return value


def _choice(fields: dict[str, object], name: str, choices: tuple[str, ...]) -> str:
    value = fields[name]
    if not isinstance(value, str) or value not in choices:
        raise ModelUnsuitable(f"The manifest's {name} must be one of {', '.join(choices)}.")
    return value


def _whole(fields: dict[str, object], name: str, low: int, high: int) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ModelUnsuitable(f"The manifest's {name} must be a whole number from {low} to {high}.")
    return value


def _number(value: object, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ModelUnsuitable(f"The manifest's {name} must be a finite number.")
    return float(value)


def _three(fields: dict[str, object], name: str) -> tuple[float, float, float]:
    value = fields[name]
    if not isinstance(value, list):
        number = _number(value, f"input.{name}")
        return (number, number, number)
    if len(value) != 3:
        raise ModelUnsuitable(f"The manifest's input.{name} must be one number or three.")
    first, second, third = (_number(item, f"input.{name}") for item in value)
    return (first, second, third)


def _file_name(fields: dict[str, object]) -> str:
    value = _words(fields, "file")
    if "/" in value or "\\" in value or "\0" in value or value.startswith(".") or not value.endswith(".onnx"):
        raise ModelUnsuitable("The manifest's file must be the plain name of an .onnx file, without a folder.")
    return value


def manifest_text(manifest: Manifest) -> str:
    """The JSON document that ``parse_manifest`` reads back as the same manifest."""
    document = asdict(manifest)
    if manifest.impostor is None:
        del document["impostor"]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
