"""Charts: sectors against their targets with intervals, and the funnel plot of agencies.

Status is shown by shape as well as colour, so that charts are readable in black and white.
"""

import io
import logging
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from survey.catalogues import gettext
from survey.formats import number
from survey.indices import LEAST_SHOWN, Figure, Status
from survey.insights import Dot, Funnel
from survey.period import Month
from survey.reports import phrases
from survey.reports.document import Picture
from survey.reports.figures import Report

INK, FAINT, TARGET = "#1a1a1a", "#8a8a8a", "#111111"
# Blue and orange are distinct in every kind of colour blindness; the shapes differ as well.
HALF = {"markerfacecoloralt": "white"}
LOOKS: dict[Status, dict[str, Any]] = {
    Status.MET: {"marker": "o", "color": "#1f5fa8", "fillstyle": "full"},
    Status.UNCERTAIN: {"marker": "o", "color": "#4d4d4d", "fillstyle": "left", **HALF},
    Status.NOT_MET: {"marker": "v", "color": "#c2500a", "fillstyle": "full"},
    Status.FEW: {"marker": "o", "color": "#6b6b6b", "markerfacecolor": "white"},
    Status.PROVISIONAL: {"marker": "D", "color": "#4d4d4d", "markerfacecolor": "white"},
    Status.NO_TARGET: {"marker": "s", "color": "#6b6b6b", "markerfacecolor": "white"},
}
# A missing font family is replaced by the next one; matplotlib need not warn of it.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
STYLE: dict[Any, Any] = {
    "font.family": ["Arimo", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9,
    "svg.fonttype": "path",
    "svg.hashsalt": "lang-nghe",
    "axes.edgecolor": FAINT,
}
MM = 1 / 25.4
WIDTH, ROW, AXIS, LEGEND = 165 * MM, 4.7 * MM, 6 * MM, 6.5 * MM
RESOLUTION = 220
ROUND_TO = 5
LONGEST_LABEL = 30
FUNNEL_HEIGHT = 58 * MM
FUNNEL_TICKS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
# The widest limits last; a unit beyond them is labelled with its number.
FUNNEL_LINES = ((0.95, "-"), (0.998, "--"))


def sector_chart(report: Report) -> Picture:
    """Draw one row per sector, furthest below its target on top."""
    rows = sorted(report.sectors, key=lambda one: (one.is_suppressed, one.gap, one.label))
    with mpl.rc_context(STYLE):
        plot = ROW * max(len(rows), 2)
        height = plot + AXIS + LEGEND
        canvas = Canvas(figsize=(WIDTH, height), facecolor="white")
        FigureCanvasAgg(canvas)
        axes = canvas.add_axes((0.315, (AXIS + LEGEND) / height, 0.385, plot / height))
        for place, one in enumerate(rows):
            _draw_row(axes, len(rows) - 1 - place, one)
        _dress(axes, rows)
        name = phrases.interval_name(report.scoring.confidence, is_draft=report.is_draft)
        _explain(canvas.add_axes((0.02, 0.0, 0.96, 0.8 * LEGEND / height)), rows, name)
        svg, png = _printed(canvas)
    return Picture(
        svg,
        png,
        gettext(
            "Chỉ số hài lòng theo lĩnh vực so với mục tiêu, %(month)s (%%)",
            month=phrases.month_name(report.month),
        ),
        _in_words(rows),
    )


def _printed(canvas: Canvas) -> tuple[bytes, bytes]:
    svg, png = io.BytesIO(), io.BytesIO()
    canvas.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    canvas.savefig(png, format="png", dpi=RESOLUTION, metadata={"Software": None})
    return svg.getvalue(), png.getvalue()


def _draw_row(axes: Axes, height: int, one: Figure) -> None:
    axes.axhline(height, color="#e4e4e4", linewidth=0.6, zorder=0)
    if one.target is not None:
        ends = (height - 0.34, height + 0.34)
        axes.vlines(100 * one.target, *ends, color=TARGET, linewidth=2.2, zorder=2)
    if one.is_suppressed or one.index is None:
        return
    look = LOOKS[one.status]
    ends = (100 * one.low, 100 * one.high)
    axes.hlines(height, *ends, color=look["color"], linewidth=1.6, zorder=3)
    axes.vlines(ends, height - 0.13, height + 0.13, color=look["color"], linewidth=1.2, zorder=3)
    axes.plot(
        100 * one.index,
        height,
        markersize=6.8,
        markeredgewidth=1.2,
        zorder=4,
        **look,
    )


def _dress(axes: Axes, rows: list[Figure]) -> None:
    heights = list(range(len(rows) - 1, -1, -1))
    axes.set_yticks(
        heights, [phrases.shortened(one.label, LONGEST_LABEL) for one in rows], color=INK
    )
    axes.set_ylim(-0.6, max(len(rows) - 0.4, 0.6))
    axes.set_xlim(_left_end(rows), 100.8)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.tick_params(axis="x", colors=INK, length=3)
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    beside = axes.get_yaxis_transform()
    for height, one in zip(heights, rows, strict=True):
        words = phrases.interval(one)
        weight = "bold" if one.status is Status.NOT_MET else "normal"
        look: dict[str, Any] = {"va": "center_baseline", "color": INK, "fontweight": weight}
        axes.text(1.03, height, words, transform=beside, **look)
        status = gettext(phrases.STATUS_WORDS[one.status])
        axes.text(1.51, height, status, transform=beside, **look)


def _left_end(rows: list[Figure]) -> float:
    lows = [100 * one.low for one in rows if one.index is not None and not one.is_suppressed]
    lows += [100 * one.target for one in rows if one.target is not None]
    lowest = min(lows, default=80.0)
    return max(0.0, ROUND_TO * (lowest // ROUND_TO) - 1)


def _explain(corner: Axes, rows: list[Figure], interval: str) -> None:
    """The legend: only the symbols that occur, and what line and tick mean."""
    corner.set_axis_off()
    corner.set_xlim(0, 100)
    corner.set_ylim(0, 1)
    left = 0.5
    for status, look in LOOKS.items():
        if any(one.status is status for one in rows):
            corner.plot(left, 0.5, markersize=6.5, clip_on=False, **look)
            corner.text(
                left + 1.6,
                0.5,
                gettext(phrases.STATUS_WORDS[status]),
                va="center_baseline",
                fontsize=8,
            )
            left += 12.5
    corner.hlines(0.5, left, left + 4, color=INK, linewidth=1.6)
    corner.text(left + 5, 0.5, interval, va="center_baseline", fontsize=8)
    left += 7 + 1.06 * len(interval)
    corner.vlines(left, 0.1, 0.9, color=TARGET, linewidth=2.2)
    corner.text(left + 1.2, 0.5, gettext("mục tiêu"), va="center_baseline", fontsize=8)


def _in_words(rows: list[Figure]) -> str:
    sentence = [
        f"{one.label}: {phrases.reading(one)}, {gettext(phrases.STATUS_WORDS[one.status])}"
        for one in rows
    ]
    return (
        gettext("Biểu đồ chỉ số theo lĩnh vực so với mục tiêu.") + " " + "; ".join(sentence) + "."
    )


def funnel_chart(funnel: Funnel, named: Sequence[Dot], month: Month) -> Picture:
    """Draw agencies by number of ratings; `named` have their number in the text, from 1 on."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(WIDTH, FUNNEL_HEIGHT), facecolor="white")
        FigureCanvasAgg(canvas)
        axes = canvas.add_axes((0.075, 0.19, 0.905, 0.77))
        for level, style in FUNNEL_LINES:
            sizes, lows, highs = zip(*funnel.limits[level], strict=True)
            for line in (lows, highs):
                axes.plot(sizes, [100 * one for one in line], style, color=FAINT, linewidth=1)
        axes.axhline(100 * funnel.centre, color=LOOKS[Status.MET]["color"], linewidth=1)
        for dot in funnel.dots:
            _draw_dot(axes, dot, is_named=dot in named)
        for place, dot in enumerate(named, 1):
            at = (dot.rated, 100 * dot.share)
            axes.annotate(str(place), at, (5, 0), textcoords="offset points", va="center")
        _dress_funnel(axes, funnel)
        svg, png = _printed(canvas)
    title = gettext(
        "Tỷ lệ hài lòng (thô) và số phiếu của từng cơ quan, %(month)s (%%)",
        month=phrases.month_name(month),
    )
    words = gettext(
        "Biểu đồ phễu: %(dots)s cơ quan quanh tỷ lệ chung %(centre)s; %(outside)s nằm "
        "ngoài giới hạn 95%%, trong đó %(len)s ngoài giới hạn 99,8%%.",
        dots=len(funnel.dots),
        centre=phrases.percentage(funnel.centre),
        outside=len(funnel.outside),
        len=len([one for one in funnel.outside if is_far(one)]),
    )
    return Picture(svg, png, title, words)


def is_far(dot: Dot) -> bool:
    """Whether a unit is outside the widest control limits."""
    return dot.outside == FUNNEL_LINES[-1][0]


def _draw_dot(axes: Axes, dot: Dot, *, is_named: bool) -> None:
    look = LOOKS[Status.NOT_MET if dot.is_below else Status.MET]
    shape = {"marker": "v" if dot.is_below else "^", "color": look["color"], "markersize": 6}
    if not is_named:
        shape = {"marker": "o", "color": FAINT, "markerfacecolor": "white", "markersize": 3.6}
    axes.plot(dot.rated, 100 * dot.share, zorder=4 if is_named else 3, **shape)


def _dress_funnel(axes: Axes, funnel: Funnel) -> None:
    widest = max(dot.rated for dot in funnel.dots)
    axes.set_xscale("log")
    axes.set_xlim(LEAST_SHOWN * 0.94, widest * 1.15)
    axes.set_xticks([one for one in FUNNEL_TICKS if one <= widest * 1.1])
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.xaxis.set_minor_formatter(lambda *_: "")
    lowest = min(100 * min(dot.share for dot in funnel.dots), 80.0)
    axes.set_ylim(max(0.0, 2 * ROUND_TO * (lowest // (2 * ROUND_TO)) - 2), 102)
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.set_xlabel(
        gettext(
            "Số phiếu trả lời (thang tăng theo cấp số nhân); nét liền: giới hạn 95%, nét đứt: 99,8%"
        ),
        fontsize=8,
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
