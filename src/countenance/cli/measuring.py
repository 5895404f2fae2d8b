"""Commands that measure how well it works on labelled pictures: evaluate, calibrate."""

from __future__ import annotations

from pathlib import Path

import click

from countenance.cli import exits, measure_words
from countenance.cli.door import Door
from countenance.cli.options import everywhere

here = click.make_pass_decorator(Door)

_LABELLED = click.Path(path_type=Path)


@click.command(short_help="Measure how well faces are found on labelled pictures.")
@click.argument("labelled", required=False, type=_LABELLED)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the report.  [default: report; with --compare: report/compared]",
)
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="Two model packages on the same pictures: names, or ONNX files with their manifests beside them.",
)
@click.option("--pictures", type=_LABELLED, help="Folder that a table's or pairs file's paths start from.")
@click.option(
    "--references",
    type=click.IntRange(min=1),
    help="Gallery size to carry figures over to.  [default: the live one]",
)
@click.option("--no-robustness", is_flag=True, help="Leave out the degraded probes; about twice as quick.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same figures.")
@everywhere
@here
def evaluate(
    door: Door,
    labelled: Path | None,
    out: Path | None,
    compare: tuple[str, str] | None,
    pictures: Path | None,
    references: int | None,
    no_robustness: bool,
    seed: int,
) -> int | None:
    """Measure on LABELLED: a folder with one folder a person, an LFW pairs file, or a CSV (path,subject,groups...).

    Writes evaluation.html, one page that can be printed, and evaluation.json beside it. Needs no gallery: without
    one, the bundled model is measured; with one, its model, and figures are carried over to its live size. Nothing
    of the pictures is kept. Without LABELLED it takes the pictures of the last report. The exit status is 1 if a
    part could not be measured; the answer says which and why.
    """
    place = out if out is not None else Path("report/compared") if compare else Path("report")
    with door.evaluating() as evaluating:
        document = evaluating.evaluate(
            labelled,
            place,
            models=compare or (),
            pictures=pictures,
            references=references,
            robustness=not no_robustness,
            seed=seed,
            progress=door.progress(),
        ).as_dict()
    door.answer(document, lambda console: measure_words.evaluation(console, document))
    return exits.PARTLY if document["absent"] else exits.OK


@click.command(short_help="Fit the meaning of scores to labelled pictures.")
@click.argument("labelled", type=_LABELLED)
@click.option("--pictures", type=_LABELLED, help="Folder that a table's or pairs file's paths start from.")
@click.option("--description", help="Whose pictures they are, in plain words; shown with answers. Name no person.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same figures.")
@everywhere
@here
def calibrate(door: Door, labelled: Path, pictures: Path | None, description: str | None, seed: int) -> None:
    """Fit the calibration of this gallery's model to LABELLED, and keep it; identify and verify rest on it then.

    LABELLED is what evaluate takes. The calibration holds statistics of scores, no pictures and no templates.
    Findings in the labels are printed; mend them and calibrate again, because they raise thresholds.
    """
    with door.open() as engine:
        document = engine.evaluating.calibrate(
            labelled, pictures=pictures, description=description, seed=seed, progress=door.progress()
        ).as_dict()
    door.answer(document, lambda console: measure_words.calibration(console, document))
