"""The curves of a report as SVG text, one function each.

Rules kept here: the plotting library is imported when a curve is drawn and not before; the same evaluation
gives the same bytes; measured is drawn as points or a full line, extrapolated as a dashed line in a band.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from countenance.errors import ReportUnavailable
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.evaluation.fairness import Differentials
from countenance.recognition.candidates.evaluation.figures import Identification, Verification
from countenance.recognition.candidates.evaluation.quality_error import ErrorVersusDiscard
from countenance.recognition.candidates.evaluation.robustness import Robustness
from countenance.recognition.candidates.evaluation.size import Growth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#1f5a99", "#c8590b", "#6b7280"
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "legend.frameon": False,
    "svg.fonttype": "none",
}


def scores(verification: Verification, threshold: float | None) -> str:
    """Histograms of mate and non-mate scores."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        middles = np.linspace(-1, 1, 201)[:-1] + 0.005
        for counts, colour, label in (
            (verification.non_mate_histogram, ORANGE, "two different people"),
            (verification.mate_histogram, BLUE, "two pictures of one person"),
        ):
            share = 100 * np.array(counts) / max(1, sum(counts))
            axes.fill_between(middles, share, step="mid", color=colour, alpha=0.55, label=label, linewidth=0)
        if threshold is not None:
            axes.axvline(threshold, color=GREY, linestyle="--", linewidth=1)
            axes.text(threshold + 0.01, axes.get_ylim()[1] * 0.8, f"{threshold:.2f}", color=GREY)
        axes.set(xlim=(-0.4, 1.0), xlabel="comparison score", ylabel="% of comparisons")
        axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
        axes.legend(loc="upper center", ncols=2)

    return _svg("scores", draw, 6.6, 2.6)


def trade_off(verification: Verification) -> str:
    """The DET curve with its band."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        points = [p for p in verification.curve if p.fmr > 0]
        fmr = np.array([p.fmr for p in points])
        floor = 0.5 / verification.mates
        low, middle, high = (
            np.maximum([getattr(p, name) for p in points], floor) for name in ("fnmr_low", "fnmr", "fnmr_high")
        )
        axes.fill_between(fmr, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95% (drawing people)")
        axes.plot(fmr, middle, color=BLUE, label="measured")
        known = [p for p in verification.points if p.threshold is not None]
        if known:
            axes.axvspan(fmr.min() * 0.8, min(p.fmr for p in known), color=GREY, alpha=0.12, linewidth=0)
        axes.set(
            xscale="log",
            yscale="log",
            xlim=(fmr.min() * 0.8, 1),
            ylim=(floor * 0.8, 1),
            xlabel="false match rate (grey: fewer than three couples)",
            ylabel="false non-match rate",
        )
        axes.legend(loc="upper right")

    return _svg("trade-off", draw, 6.6, 3.2)


def ranks(identification: Identification) -> str:
    """The cumulative match characteristic."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shares = 100 * np.array(identification.cmc)
        axes.plot(np.arange(1, len(shares) + 1), shares, marker="o", markersize=3, color=BLUE)
        axes.set(
            xlabel="rank",
            ylabel="% of searches found",
            xticks=[1, 5, 10, 15, 20],
            ylim=(min(95.0, shares[0] - 1), 100.2),
        )

    return _svg("ranks", draw, 6.6, 2.0)


def tail(calibration: Calibration, verification: Verification | None) -> str:
    """The false match rate against the score: measured, and the tail beyond it."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        grid = np.linspace(calibration.tail.centre, 0.9, 120)
        estimates = [calibration.false_match_rate(float(s)) for s in grid]
        values = np.array([e.value for e in estimates])
        low, high = np.array([e.low for e in estimates]), np.array([e.high for e in estimates])
        axes.fill_between(grid, np.maximum(low, 1e-12), high, color=ORANGE, alpha=0.18, linewidth=0, label="95%")
        inside = grid <= calibration.supported_score
        axes.plot(grid[~inside], values[~inside], color=ORANGE, linestyle="--", label="expected, extrapolated")
        axes.plot(grid[inside], values[inside], color=ORANGE, label="expected")
        if verification is not None:
            counts = np.array(verification.non_mate_histogram)
            above = np.cumsum(counts[::-1])[::-1] / max(1, counts.sum())
            left = np.linspace(-1, 1, 201)[:-1]
            shown = (above > 0) & (left >= calibration.tail.centre)
            axes.plot(left[shown], above[shown], ".", color="black", markersize=4, label="counted in the sample")
        axes.set(yscale="log", ylim=(1e-10, 1), xlabel="comparison score", ylabel="false match rate")
        axes.legend(loc="upper right")

    return _svg("tail", draw, 6.6, 3.0)


def growing(curve: Growth) -> str:
    """Threshold, misses and strangers shown against the size of the gallery."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        sizes = np.array([p.references for p in curve.projected], float)
        left.plot(sizes, [p.threshold for p in curve.projected], color=GREY, marker="o", markersize=3)
        left.set(xscale="log", ylim=(0, 1), xlabel="references in the gallery", ylabel="threshold (grey)")
        other = left.twinx()
        other.grid(visible=False)
        low, high = [p.missed_low for p in curve.projected], [p.missed_high for p in curve.projected]
        other.fill_between(sizes, 100 * np.array(low), 100 * np.array(high), color=BLUE, alpha=0.18, linewidth=0)
        other.plot(sizes, [100 * p.missed for p in curve.projected], color=BLUE)
        other.set_ylabel("% of enrolled people missed (blue)")
        other.set_ylim(0, max(5.0, 120 * max(high)))
        left.set_title("threshold follows the gallery", fontsize=9.5)

        expected = [p.expected_if_unchanged for p in curve.projected]
        right.fill_between(
            sizes,
            np.maximum([e.low for e in expected], 1e-6),
            [e.high for e in expected],
            color=ORANGE,
            alpha=0.18,
            linewidth=0,
        )
        right.plot(sizes, [e.value for e in expected], color=ORANGE, linestyle="--", label="expected strangers")
        if curve.measured:
            measured = [(m.references, m.fpir) for m in curve.measured if m.fpir > 0]
            if measured:
                right.plot(*zip(*measured, strict=True), "ko", markersize=4, label="measured: share of searches")
        right.set(xscale="log", yscale="log", xlabel="references in the gallery", ylabel="strangers per search")
        right.set_title(f"threshold stays at {curve.fixed_threshold:.2f}", fontsize=9.5)
        right.legend(loc="upper left")
        if curve.live is not None and curve.live > 0:
            for axes in (left, right):
                axes.axvline(curve.live, color="black", linewidth=0.8, linestyle=":")

    return _svg("growing", draw, 7.2, 3.0)


def discard(curve: ErrorVersusDiscard) -> str:
    """Error against the share discarded."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        share = 100 * np.array(curve.discarded)
        axes.fill_between(share, 100 * np.array(curve.low), 100 * np.array(curve.high), color=BLUE, alpha=0.18)
        axes.plot(share, 100 * np.array(curve.fnmr), color=BLUE, label="by the quality score")
        axes.plot(share, 100 * np.array(curve.ideal), color=GREY, linestyle=":", label="the best possible")
        axes.set(xlabel="% of comparisons discarded, poorest first", ylabel="false non-match rate, %")
        axes.set_ylim(0, None)
        axes.legend(loc="upper right")

    return _svg("discard", draw, 6.6, 2.3)


def degraded(result: Robustness) -> str:
    """One small panel for each degradation."""

    def draw(figure: Figure) -> None:
        columns = 3
        rows = -(-len(result.curves) // columns)
        panels = np.atleast_1d(figure.subplots(rows, columns, sharey=True)).ravel()
        for panel, curve in zip(panels, result.curves, strict=False):
            at = np.arange(len(curve.points))
            values = [100 * p.missed.errors / max(1, p.missed.trials) for p in curve.points]
            low = [100 * (p.missed.low or 0.0) for p in curve.points]
            high = [100 * (p.missed.high if p.missed.high is not None else 1.0) for p in curve.points]
            panel.fill_between(at, low, high, color=BLUE, alpha=0.18, linewidth=0)
            panel.plot(at, values, color=BLUE, marker="o", markersize=3)
            names = ["as is" if p.level is None else f"{p.level:g}" for p in curve.points]
            panel.set_xticks(at, names)
            panel.set_title(curve.name, fontsize=9.5)
            panel.set_xlabel(_wrapped(curve.unit), fontsize=8)
            panel.set_ylim(-3, 103)
        for panel in panels[len(result.curves) :]:
            panel.set_visible(False)
        for first in range(0, len(panels), columns):
            panels[first].set_ylabel("% missed")

    return _svg("degraded", draw, 7.2, 2.2 * -(-len(result.curves) // 3))


def groups(result: Differentials) -> str:
    """Both error rates of each group with their intervals."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        at = np.arange(len(result.groups))[::-1]
        for axes, kind, title in ((left, "fmr", "false match rate"), (right, "fnmr", "false non-match rate")):
            for k, group in zip(at, result.groups, strict=True):
                _interval(axes, float(k), getattr(group, kind))
            axes.set_title(title, fontsize=9.5)
            axes.set_xlabel("%")
            axes.set_xlim(0, None)
        left.set_yticks(at, [g.value.replace("$", r"\$") for g in result.groups])

    return _svg("groups-" + result.attribute, draw, 7.2, 0.9 + 0.35 * len(result.groups))


def _interval(axes: Axes, at: float, rate: object) -> None:
    value, low, high = (getattr(rate, name) for name in ("value", "low", "high"))
    if low is not None and high is not None:
        axes.plot([100 * low, 100 * high], [at, at], color=BLUE, linewidth=2, alpha=0.4)
    if value is not None:
        axes.plot([100 * value], [at], "o", color=BLUE, markersize=5)


def _wrapped(text: str, width: int = 30) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def _svg(name: str, draw: Callable[[Figure], None], width: float, height: float) -> str:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure as NewFigure
    except ImportError as error:
        raise ReportUnavailable("matplotlib is not installed, and the report's curves are drawn with it") from error
    # The salt keeps the ids of several drawings in one page apart, and the same from run to run.
    with rc_context({**STYLE, "svg.hashsalt": name}):
        figure = NewFigure(figsize=(width, height), layout="constrained")
        draw(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
