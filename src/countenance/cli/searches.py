"""Commands that look at faces: enrol, identify, verify."""

from __future__ import annotations

from pathlib import Path

import click

from countenance.cli import clips, exits, words
from countenance.cli.compartments import numbered, searched, within
from countenance.cli.door import Door
from countenance.cli.options import everywhere
from countenance.errors import ImageMissing

here = click.make_pass_decorator(Door)

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".hif", ".tif", ".tiff"})
"""What a folder is searched for. A file that is named itself is tried whatever it is called."""


@click.command(short_help="Enrol a subject from pictures or folders.")
@click.argument("subject")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES...")
@click.option(
    "--face", type=click.IntRange(min=1), metavar="N", help="Which face, if there are several; 1 is the largest."
)
@within
@everywhere
@here
def enrol(
    door: Door, subject: str, files: tuple[Path, ...], face: int | None, compartment: str | None
) -> int | None:
    """Enrol SUBJECT from FILES; a folder stands for the pictures in it.

    A bad file is named and passed over. What is enrolled already is not enrolled again, so a run that was
    interrupted is taken up by running it again. The exit status is 1 if any file failed.
    """
    pictures = pictures_in(files)
    with door.open() as engine:
        where = numbered(engine, compartment)
        document = engine.enrol(subject, pictures, face=face, progress=door.progress(), **where).as_dict()
    door.answer(document, lambda console: words.enrolment(console, document))
    return exits.PARTLY if document["failed"] else exits.OK


@click.command(short_help="Search the gallery for every face in a picture (1:N).")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--purpose", help="What the search is for; only who permits it can be found. A case on record says it itself."
)
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Candidates per face.")
@click.option("--threshold", type=click.FloatRange(-1, 1), help="Lowest comparison score of a candidate, -1 to 1.")
@click.option("--case", default="", metavar="CASE", help="The case that a clip is searched under.")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="FILE.html", help="Write a clip's contact sheet.")
@click.option(
    "--fpir",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="X",
    help="Threshold for this false positive identification rate at the live gallery size; not with --threshold.",
)
@click.option("--strict", is_flag=True, help="Refuse a threshold beyond what the calibration's pictures can show.")
@within
@everywhere
@here
def identify(
    door: Door,
    file: Path,
    purpose: str | None,
    limit: int,
    threshold: float | None,
    fpir: float | None,
    strict: bool,
    case: str,
    sheet: Path | None,
    compartment: str | None,
) -> None:
    """Search the gallery for every face in FILE (1:N), a picture or, under a case, a recorded clip."""
    if clips.is_clip(str(file)):
        if compartment is not None:
            raise click.UsageError("A clip is searched for in the gallery's own compartment only.")
        clips.identify(door, file, purpose=purpose, limit=limit, threshold=threshold, case=case, sheet=sheet)
        return
    if purpose is None:
        raise click.UsageError("Missing option '--purpose'.")
    with door.open() as engine:
        where = searched(engine, compartment)
        document = engine.identify(
            file, purpose=purpose, limit=limit, threshold=threshold, fpir=fpir, strict=strict, **where
        ).as_dict()
    door.answer(document, lambda console: words.identification(console, document))


@click.command(short_help="Compare two faces (1:1).")
@click.argument("first", type=click.Path(path_type=Path), metavar="A")
@click.argument("second", type=click.Path(path_type=Path), metavar="B")
@click.option("--threshold", type=click.FloatRange(-1, 1), help="Lowest comparison score of one person, -1 to 1.")
@click.option(
    "--fmr",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="X",
    help="Threshold for this false match rate; not with --threshold.  [default: 0.001]",
)
@click.option("--strict", is_flag=True, help="Refuse a threshold beyond what the calibration's pictures can show.")
@everywhere
@here
def verify(door: Door, first: Path, second: Path, threshold: float | None, fmr: float | None, strict: bool) -> None:
    """Compare the face in A with the face in B (1:1). Nothing is kept."""
    with door.open() as engine:
        document = engine.verify(first, second, threshold=threshold, fmr=fmr, strict=strict).as_dict()
    door.answer(document, lambda console: words.verification(console, document))


def pictures_in(named: tuple[Path, ...]) -> list[Path]:
    """The files to enrol: those named, and the pictures inside named folders, sorted, links not followed.

    Raises ImageMissing for a folder without a picture: an empty answer would read as success.
    """
    found: list[Path] = []
    for path in named:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(
            p
            for p in path.rglob("*")
            if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file() and not p.is_symlink()
        )
        if not inside:
            raise ImageMissing(f"There is no picture in the folder {path}.")
        found.extend(inside)
    return list(dict.fromkeys(found))
