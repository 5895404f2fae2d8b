"""Commands about model packages: model list, model add, model migrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from countenance.cli import words
from countenance.cli.door import Door
from countenance.cli.options import everywhere

if TYPE_CHECKING:
    from countenance.recognition.models.package import ModelPackage

here = click.make_pass_decorator(Door)


@click.group()
@everywhere
def model() -> None:
    """See, add and change the models that make templates."""


@model.command("list")
@everywhere
@here
def list_models(door: Door) -> None:
    """List the model packages of this gallery."""
    with door.open() as engine:
        active = engine.model
        documents = [_described(one, active=one.manifest.sha256 == active) for one in engine.models()]
    answer: dict[str, object] = {"models": documents}
    door.answer(answer, lambda console: words.models(console, documents))


@model.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--manifest", required=True, type=click.Path(path_type=Path), help="JSON: name, version, licence, digest, ..."
)
@everywhere
@here
def add(door: Door, file: Path, manifest: Path) -> None:
    """Add FILE, a 112x112 ONNX face model that you are licensed for."""
    with door.open() as engine:
        document = _described(engine.add_model(file, manifest), active=False)
    door.answer(document, lambda console: words.models(console, [document]))


@model.command()
@click.argument("name")
@everywhere
@here
def migrate(door: Door, name: str) -> None:
    """Bring the gallery to the model NAME: every template is made again from its sealed image."""
    with door.open() as engine:
        document = engine.migrate(name, progress=door.progress()).as_dict()
    door.answer(document, lambda console: words.migration(console, document))


def _described(package: ModelPackage, *, active: bool) -> dict[str, object]:
    manifest = package.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "active": active,
        "dimensions": manifest.dimensions,
        "licence": manifest.licence,
        "source": manifest.source,
        "training_data": manifest.training_data,
        "digest": manifest.sha256,
    }
