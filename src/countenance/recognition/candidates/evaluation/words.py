"""The report's sentences and tables, for a reader who decides about data protection and not about biometrics.

Rules kept here: every figure comes with on whom it was measured; a figure that is missing says why; nothing is
called accurate, only measured; the last section says what the figures do not say.
"""

from __future__ import annotations

from html import escape

from countenance.recognition.candidates.evaluation.evaluate import Evaluation
from countenance.recognition.candidates.evaluation.intervals import Rate, percent
from countenance.recognition.candidates.impostors import Estimate

Cells = list[list[str]]


def number(value: float) -> str:
    """A count or rate for people: 1,800; 0.012; 3e-07."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.0e}"


def paragraph(text: str, kind: str = "") -> str:
    """One paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(lines: list[str]) -> str:
    """A list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def table(head: list[str], rows: Cells, caption: str = "") -> str:
    """A table of plain texts."""
    top = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def share(rate: Rate) -> str:
    """A rate in a table's cell, or what bounds it."""
    if rate.value is not None and rate.low is not None and rate.high is not None:
        return f"{percent(rate.value)} ({percent(rate.low)} – {percent(rate.high)})"
    if rate.high is not None:
        return f"none seen; below {percent(rate.high)}"
    return "not supported"


def interval(estimate: Estimate) -> str:
    """An estimate in a table's cell."""
    mark = " *" if estimate.extrapolated else ""
    return f"{number(estimate.value)} ({number(estimate.low)} – {number(estimate.high)}){mark}"


def in_short(e: Evaluation) -> list[str]:
    """The few sentences that somebody reads who reads nothing else."""
    lines = [f"{e.pictures:,} labelled pictures of {e.people:,} people were used ({e.name})."]
    if e.identification is not None:
        loo = e.identification.leave_one_out
        lines.append(
            "Who is this? Each picture was searched among all the others; the best match was somebody else in"
            f" {loo.errors} of {loo.trials} searches. {loo.sentence}"
        )
    if e.verification is not None:
        known = [p for p in e.verification.points if p.threshold is not None and p.fmr <= 1e-2]
        if known:
            lines.append(
                f"Is it the same person? Where {percent(known[-1].fmr)} of comparisons of different people match,"
                f" comparisons of one person fail in {known[-1].fnmr.sentence}"
            )
    if e.growth is not None and e.growth.live is not None:
        live = next(p for p in e.growth.projected if p.references == e.growth.live)
        lines.append(
            f"At this gallery of {live.references:,} references the default threshold is {live.threshold:.2f}: it"
            f" expects {number(live.expected.value)} strangers shown per search (95% interval"
            f" {number(live.expected.low)} to {number(live.expected.high)}), and about {live.missed:.1%} of"
            " pictures like these, of people who are enrolled, would not be found."
        )
    if e.calibration is not None:
        lines.append(
            f"{e.people} people can show false match rates down to about {percent(e.calibration.supported_rate)}."
            " Everything rarer in this report is extrapolated, and marked with a star or a dashed line."
        )
    kinds = [f.kind for f in e.findings]
    odd = {
        "mislabel": "likely mislabels",
        "duplicate": "pictures under two names",
        "same_person": "people perhaps under two names",
        "unreadable": "unreadable files",
        "no_face": "pictures without a face",
    }
    seen = [f"{kinds.count(kind)} {words}" for kind, words in odd.items() if kind in kinds]
    lines.append("In the labels and files: " + (", ".join(seen) if seen else "nothing odd was found") + ".")
    return lines


def unsaid(e: Evaluation) -> list[str]:
    """What the figures do not say."""
    lines = [
        f"They are about these {e.people} people, these cameras and this light. Other people, children, older"
        " pictures, or pictures taken in the street can do much worse.",
        "A candidate is a lead, not an identification. A high score does not say that two pictures show the same"
        " person: how likely that is also depends on who else might have been in the picture.",
        "Different people here are strangers to each other. Relatives, and twins above all, match far more often.",
        "Nobody in these pictures tried to deceive: disguises, masks and printed faces were not tested.",
        "Degraded pictures and video were simulated from the pictures at hand.",
        "The figures hold for the model and settings named below; another model needs its own evaluation.",
    ]
    if not e.fairness:
        lines.append(
            "The labels have no groups, so nothing is said about differences between groups of people. It was not"
            " guessed from faces, and never is."
        )
    return lines


def verification_rows(e: Evaluation) -> Cells:
    """One row for each operating point."""
    if e.verification is None:
        return []
    return [
        [
            percent(p.fmr),
            "–" if p.threshold is None else f"{p.threshold:.3f}",
            str(p.couples),
            share(p.fnmr) if p.threshold is not None else p.fnmr.sentence,
        ]
        for p in e.verification.points
    ]


def identification_rows(e: Evaluation) -> Cells:
    """One row for each open-set operating point."""
    if e.identification is None:
        return []
    return [
        [percent(p.target), "–" if p.threshold is None else f"{p.threshold:.3f}", share(p.fpir), share(p.fnir)]
        for p in e.identification.points
    ]


def growth_rows(e: Evaluation) -> Cells:
    """One row for each size of gallery."""
    if e.growth is None:
        return []
    return [
        [
            f"{p.references:,}" + (" (this gallery)" if p.references == e.growth.live else ""),
            f"{p.threshold:.3f}",
            interval(p.expected),
            f"{percent(p.missed)} ({percent(p.missed_low)} – {percent(p.missed_high)})",
        ]
        for p in e.growth.projected
    ]


def held_out_rows(e: Evaluation) -> Cells:
    """One row for each rate that was checked on people not used in the fit."""
    return [
        [
            percent(h.rate),
            number(h.expected),
            f"{number(h.expected_low)} – {number(h.expected_high)}",
            f"{h.observed:,}",
            str(h.couples),
            f"{h.ratio:.2f}" if h.ratio is not None else "too few couples for a ratio",
        ]
        for h in e.held_out
    ]


def fusion_rows(e: Evaluation) -> tuple[Cells, Cells]:
    """Ways of combining references, and frames."""
    if e.fusion is None:
        return [], []
    references, frames = (
        [[r.way, share(r.missed), share(r.rank_one), f"{r.threshold:.3f}"] for r in rows]
        for rows in (e.fusion.references, e.fusion.frames)
    )
    return references, frames


def comparison_rows(evaluations: list[Evaluation]) -> Cells:
    """One row for each way of making templates, on the same pictures."""
    rows = []
    for e in evaluations:
        points = {p.fmr: p for p in e.verification.points} if e.verification is not None else {}
        open_set = {p.target: p for p in e.identification.points} if e.identification is not None else {}
        rows.append(
            [
                f"{e.model_name or e.model[:12]}, {e.recipe}",
                share(e.verification.equal_error) if e.verification is not None else "–",
                *(share(points[fmr].fnmr) if fmr in points else "–" for fmr in (1e-2, 1e-3, 1e-4)),
                share(e.identification.leave_one_out) if e.identification is not None else "–",
                share(open_set[0.01].fnir) if 0.01 in open_set else "–",
            ]
        )
    return rows
