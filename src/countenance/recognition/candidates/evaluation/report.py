"""The report: one page that needs nothing else, printable, and the same figures as JSON beside it.

Rules kept here: the page loads nothing from anywhere and runs no script; both files appear whole or not at
all; the pictures themselves are not in it, only names of files with findings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from countenance.clock import to_text
from countenance.recognition.candidates.evaluation import plots, words
from countenance.recognition.candidates.evaluation.evaluate import Evaluation
from countenance.recognition.candidates.evaluation.findings import MOST
from countenance.recognition.candidates.evaluation.intervals import percent

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif; color: #1f2937; max-width: 48rem; margin: 2.5rem auto;
  padding: 0 1.2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: .2rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .4rem; border-top: 1px solid #d1d5db; padding-top: 1.1rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
p, ul { margin: .5rem 0; } li { margin: .25rem 0; }
.quiet { color: #6b7280; font-size: .88rem; }
.short { background: #eef4fb; border-left: 4px solid #1f5a99; padding: .4rem 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; margin: .8rem 0;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #6b7280; padding-bottom: .3rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #e5e7eb; vertical-align: top; }
th { font-weight: 600; }
figure { margin: .8rem 0; } figure svg { width: 100%; height: auto; }
figcaption { color: #6b7280; font-size: .86rem; }
code { font-size: .82rem; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } h2 { break-after: avoid; }
  figure, table, .short { break-inside: avoid; } }
"""


def report(evaluation: Evaluation, folder: Path, *, others: Sequence[Evaluation] = ()) -> tuple[Path, Path]:
    """Write ``evaluation.html`` and ``evaluation.json`` into ``folder`` and return their paths.

    ``others`` are evaluations of the same pictures with other models or recipes; they become rows of one
    table. Raises ReportUnavailable when matplotlib (the extra ``report``) is not installed.
    """
    page = render(evaluation, others=others)
    document: dict[str, object] = evaluation.as_dict()
    if others:
        document["others"] = [other.as_dict() for other in others]
    folder.mkdir(parents=True, exist_ok=True)
    html, data = folder / "evaluation.html", folder / "evaluation.json"
    _write(html, page)
    _write(data, json.dumps(document, allow_nan=False, indent=1, sort_keys=True) + "\n")
    return html, data


def render(e: Evaluation, *, others: Sequence[Evaluation] = ()) -> str:
    """The page as text."""
    title = f"How well faces are found: {e.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        words.paragraph(
            f"Measured {to_text(e.measured_at)[:10]}. 95% intervals come from drawing people.", "quiet"
        ),
        f'<div class="short">{words.bullets(words.in_short(e))}</div>',
        _whom(e),
        _one_to_one(e),
        _one_to_many(e),
        _meaning(e),
        _growing(e),
        _poor(e),
        _groups(e),
        _combining(e),
        _compared([e, *others]),
        _findings(e),
        "<h2>What this does not say</h2>",
        words.bullets(words.unsaid(e)),
        _how(e),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _absent(e: Evaluation, part: str) -> str:
    reason = next((a.reason for a in e.absent if a.part == part), "it needs a part that could not be measured")
    return words.paragraph(f"Not measured: {reason}.")


def _whom(e: Evaluation) -> str:
    a = e.acquisition
    lines = [
        f"{e.pictures:,} pictures of {e.people:,} people, labelled by the user.",
        f"No face or no readable picture (failure to acquire): {a.failure_to_acquire.sentence}",
        f"Too poor to enrol, a quality below {a.minimum} (failure to enrol): {a.failure_to_enrol.sentence}",
    ]
    if a.several_faces:
        lines.append(f"{a.several_faces} pictures show several faces; the largest was taken for the labelled one.")
    return "<h2>What was measured, and on whom</h2>" + words.bullets([*lines, *e.notes])


def _one_to_one(e: Evaluation) -> str:
    head = "<h2>Do two pictures show the same person?</h2>"
    v = e.verification
    if v is None:
        return head + _absent(e, "verification")
    text = (
        f"{v.mates:,} comparisons of two pictures of one person ({v.mate_people} people) and {v.non_mates:,}"
        f" comparisons of two different people ({v.couples:,} couples). A comparison gives a score, higher is"
        f" more alike: {v.mate_mean:.2f} ± {v.mate_sd:.2f} for one person, "
        f"{v.non_mate_mean:.2f} ± {v.non_mate_sd:.2f} for two. Where both errors are equally frequent, they are at "
        + v.equal_error.sentence
    )
    rows = words.verification_rows(e)
    columns = [
        "different people that match",
        "threshold",
        "couples behind it",
        "one person's pictures that do not match",
    ]
    return (
        head
        + words.paragraph(text)
        + _figure(
            plots.scores(v, e.working_threshold), "Scores; dashed: the threshold at a false match rate of 0.1%."
        )
        + words.table(columns, rows)
        + _figure(plots.trade_off(v), "Lowering one error raises the other. Left and lower is better.")
        + (_protocol(e) if e.protocol is not None else "")
    )


def _protocol(e: Evaluation) -> str:
    p = e.protocol
    assert p is not None
    return words.paragraph(
        f"Prescribed pairs, {len(p.accuracies)} folds: accuracy {p.mean:.4f} ± {p.standard_error:.4f}"
        f" (standard error of the mean), {p.pairs:,} pairs, {p.pairs_without_face} of them without two faces, which"
        " count as errors."
    )


def _one_to_many(e: Evaluation) -> str:
    head = "<h2>Who is this? And does a stranger stay unknown?</h2>"
    i = e.identification
    if i is None:
        return head + _absent(e, "identification")
    text = (
        f"Part of the people were enrolled ({i.subjects:.0f} on average, {i.references:.0f} pictures), the"
        " others played strangers, in turn. A lower threshold finds more of the enrolled and"
        " shows more strangers somebody."
    )
    rows = words.identification_rows(e)
    columns = ["aim", "threshold", "strangers shown somebody (FPIR)", "enrolled people missed (FNIR, rank 1)"]
    return (
        head
        + words.paragraph(text)
        + words.table(columns, rows)
        + _figure(plots.ranks(i), "How often the right person is among the first candidates, whatever the score.")
    )


def _meaning(e: Evaluation) -> str:
    head = "<h2>What a score means</h2>"
    c = e.calibration
    if c is None:
        return head + _absent(e, "calibration")
    text = (
        f"Among comparisons of different people, {percent(c.supported_rate)} reach {c.supported_score:.2f}; higher"
        f" scores were reached by fewer than three couples of these {c.sample.people} people, so beyond it the"
        " curve is an extrapolation, and the band says how little is known."
    )
    check = words.held_out_rows(e)
    columns = ["rate", "expected", "95%", "observed", "couples", "observed / expected"]
    caption = "Checked on people who were left out of the fit, a fifth of them at a time:"
    return (
        head
        + words.paragraph(text)
        + _figure(plots.tail(c, e.verification), "How rarely two different people reach a score.")
        + (words.table(columns, check, caption) if check else "")
    )


def _growing(e: Evaluation) -> str:
    if e.growth is None:
        return ""
    columns = ["references", "default threshold", "strangers expected per search", "enrolled people missed"]
    text = (
        "A larger gallery holds more people who happen to look like the one searched for, so the threshold has to"
        " rise, and with it the share of enrolled people who are missed. * extrapolated beyond these people."
    )
    captions = (
        "Left: the threshold follows the gallery. Right: it does not. Bands: 95%. Points: measured on parts of"
        " these pictures." + (" Dotted: this gallery." if e.growth.live is not None else "")
    )
    return (
        "<h2>When the gallery grows</h2>"
        + words.paragraph(text)
        + words.table(columns, words.growth_rows(e))
        + _figure(plots.growing(e.growth), captions)
    )


def _poor(e: Evaluation) -> str:
    parts = ["<h2>Poor pictures</h2>"]
    if e.quality is not None:
        parts.append(words.paragraph(e.quality.sentence))
        parts.append(_figure(plots.discard(e.quality), "Errors left when the poorest comparisons are discarded."))
    if e.robustness is not None:
        r = e.robustness
        text = (
            f"{r.probes} pictures, one a person, were made worse and searched for among {r.references:,} others at"
            f" the threshold {r.threshold:.2f}. Missed: not found first, or no face found any more. Simulated."
        )
        parts.append(words.paragraph(text))
        parts.append(_figure(plots.degraded(r), "Share missed, mild to severe. Bands: 95%."))
    if len(parts) == 1:
        parts.append(words.paragraph("Not measured."))
    return "".join(parts)


def _groups(e: Evaluation) -> str:
    parts = ["<h2>Groups of people</h2>"]
    if not e.fairness:
        parts.append(words.paragraph("The labels name no groups. Groups are never inferred from faces."))
    for d in e.fairness:
        rows = [
            [
                g.value,
                str(g.people),
                str(g.pictures),
                words.share(g.fmr),
                words.share(g.fnmr),
                f"{g.mean_quality:.0f}",
            ]
            for g in d.groups
        ]
        columns = ["group", "people", "pictures", "false match rate", "false non-match rate", "mean quality"]
        parts.append(f"<h3>{escape(d.attribute)}</h3>")
        parts.append(words.table(columns, rows, f"All at one threshold, {d.threshold:.3f}."))
        parts.append(words.paragraph(f"False positive differential: {d.false_positive.sentence}"))
        parts.append(words.paragraph(f"False negative differential: {d.false_negative.sentence}"))
        parts.append(_figure(plots.groups(d), "Points: measured. Bars: 95%, from drawing people."))
    return "".join(parts)


def _combining(e: Evaluation) -> str:
    references, frames = words.fusion_rows(e)
    if not references:
        return ""
    columns = ["way", "missed when 1% of strangers are shown", "not at rank one", "threshold"]
    parts = [
        "<h2>Several pictures of one person</h2>",
        words.table(columns, references, "Several references enrolled"),
    ]
    if frames:
        parts.append(words.table(columns, frames, "Three pictures searched with as one; one reference enrolled"))
    return "".join(parts)


def _compared(evaluations: list[Evaluation]) -> str:
    if len(evaluations) < 2:
        return ""
    columns = [
        "templates",
        "equal error",
        "FNMR at 1%",
        "at 0.1%",
        "at 0.01%",
        "not at rank one",
        "FNIR at FPIR 1%",
    ]
    return "<h2>Compared on the same pictures</h2>" + words.table(columns, words.comparison_rows(evaluations))


def _findings(e: Evaluation) -> str:
    if not e.findings:
        return "<h2>Findings in the labels</h2>" + words.paragraph("Nothing odd was found.")
    shown = [f.sentence for f in e.findings[:MOST]]
    if len(e.findings) > MOST:
        shown.append(f"… and {len(e.findings) - MOST} more; all are in evaluation.json.")
    note = "Reported, not corrected: the figures above were computed with the labels as they are."
    return "<h2>Findings in the labels</h2>" + words.paragraph(note) + words.bullets(shown)


def _how(e: Evaluation) -> str:
    lines = [
        f"Model: {e.model_name or 'not named'} (SHA-256 {e.model}); extraction: {e.recipe}",
        f"Pictures and labels (SHA-256): {e.data}",
        f"Seed: {e.seed}. The same pictures, model and seed give the same figures.",
        "Terms follow ISO/IEC 2382-37 and ISO/IEC 19795-1; definitions are in docs/evaluation.md.",
    ]
    items = "".join(f"<li><code>{escape(line)}</code></li>" for line in lines)
    return f"<h2>How it was computed</h2><ul>{items}</ul>"


def _write(path: Path, text: str) -> None:
    half = path.with_name(path.name + ".part")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
