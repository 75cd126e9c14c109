"""Draws the pictures of docs/statistics.md from a fresh demo (`python -m deploy.draw_statistics`).

The same demo (seed, moment) gives the same pictures, so they change only when a formula does.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from flask import Flask
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from sqlalchemy.orm import Session

from survey import create_app, indices
from survey.db import db
from survey.indices import Figure, Status
from survey.indices.live import live
from survey.period import period_of
from survey.reports import gather
from survey.reports.charts import LOOKS, MM, STYLE, sector_chart
from survey.settings import from_env

FOLDER = Path(__file__).resolve().parent.parent / "docs"
NOW = "2026-11-21T10:00:00+07:00"
MONTH = "2026-10"
MONTHS = period_of("2025-11..2026-10").months
INK, BLUE, ORANGE, GREY = "#1a1a1a", "#1f5fa8", "#c2500a", "#8a8a8a"
RESOLUTION = 150
LONGEST = 34


def main() -> None:
    """Load a demo into a folder that goes away again, and draw."""
    with tempfile.TemporaryDirectory() as folder:
        database = {"DATABASE_URL": f"sqlite:///{folder}/demo.db", "DEMO": "1"}
        files = {"SMS_CONSOLE_FILE": f"{folder}/sms.jsonl"}
        app = create_app(from_env({**os.environ, **database, **files}))
        for words in ("db upgrade", "reference load", f"demo load --now {NOW}"):
            run(app, words.split())
        with app.app_context():
            draw_all(db.session())


def run(app: Flask, words: list[str]) -> None:
    """One command of the product; stop when it fails."""
    result = app.test_cli_runner().invoke(args=words)
    if result.exit_code:
        sys.exit(f"{' '.join(words)}: {result.output} {result.exception}")


def draw_all(session: Session) -> None:
    """All pictures, one file each."""
    month = gather.gather(session, MONTH, indices.first(session, MONTH).closed_at)  # type: ignore[union-attr]
    (FOLDER / "statistics-verdicts.png").write_bytes(sector_chart(month).png)
    shown = [one for one in month.sectors if not one.is_suppressed and one.index is not None]
    shown.sort(key=lambda one: one.rated)
    watched = {
        one.key: one
        for one in live(session, MONTH, indices.Breakdown.SECTOR, "overall", provisional=True)
    }
    save("raw", (165, 70), lambda axes: draw_raw(axes, shown))
    save("anytime", (165, 75), lambda axes: draw_anytime(axes, shown, watched))
    save("small", (165, 85), lambda axes: draw_small(axes, month.agencies, month.overall))
    wholes = [indices.show(session, one, "overall", month.origin.made_at)[0] for one in MONTHS]
    save("silent", (165, 75), lambda axes: draw_silent(axes, wholes))


def save(name: str, size: tuple[int, int], draw: Callable[[Axes], None]) -> None:
    """One picture of `size` millimetres."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(size[0] * MM, size[1] * MM), facecolor="white", layout="tight")
        FigureCanvasAgg(canvas)
        axes = canvas.add_subplot()
        draw(axes)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        path = FOLDER / f"statistics-{name}.png"
        canvas.savefig(path, dpi=RESOLUTION, metadata={"Software": None})


def names(axes: Axes, rows: list[Figure]) -> None:
    """One line of the picture a sector."""
    labels = [one.label if len(one.label) < LONGEST else one.label[:LONGEST] + "…" for one in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.tick_params(axis="y", length=0)


def draw_raw(axes: Axes, rows: list[Figure]) -> None:
    """Raw share and index of each sector, joined by the step from one to the other."""
    for place, one in enumerate(rows):
        raw, index = 100 * (one.raw or 0), 100 * (one.index or 0)
        axes.plot([raw, index], [place, place], color=GREY, linewidth=1.2, zorder=1)
        axes.plot(raw, place, "o", color="white", markeredgecolor=ORANGE, label="tỷ lệ thô")
        axes.plot(index, place, "o", color=BLUE, label="chỉ số (đã cân lại)")
    names(axes, rows)
    axes.set_xlabel("% hài lòng")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace(".", ","))
    legend(axes)


def draw_anytime(axes: Axes, rows: list[Figure], watched: dict[str, Figure]) -> None:
    """The interval of the closing inside the one that may be watched."""
    for place, one in enumerate(rows):
        live_one = watched[one.key]
        ends = (100 * live_one.low, 100 * live_one.high)
        axes.hlines(place, *ends, color=GREY, linewidth=5, alpha=0.45, label="khoảng tạm tính")
        ends = (100 * one.low, 100 * one.high)
        axes.hlines(place, *ends, color=BLUE, linewidth=2.2, label="khoảng tin cậy khi chốt")
        axes.plot(100 * (one.index or 0), place, "o", color=INK, markersize=3.5)
    names(axes, rows)
    axes.set_xlabel("chỉ số, %")
    legend(axes)


def draw_small(axes: Axes, agencies: tuple[Figure, ...], whole: Figure) -> None:
    """Index against number of ratings: units with few ratings own both ends."""
    for one in agencies:
        if one.is_suppressed or one.index is None:
            continue
        look = {**LOOKS[one.status], "markersize": 5, "alpha": 0.9}
        words = {Status.FEW: "ít mẫu", Status.MET: "đạt", Status.NOT_MET: "chưa đạt"}
        axes.plot(one.rated, 100 * one.index, **look, label=words.get(one.status, "chưa rõ"))
    axes.axhline(100 * (whole.index or 0), color=GREY, linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_xticks([5, 10, 20, 50], ["5", "10", "20", "50"])
    axes.minorticks_off()
    axes.set_xlabel("số phiếu của đơn vị (thang logarit)")
    axes.set_ylabel("chỉ số, %")
    legend(axes)


def draw_silent(axes: Axes, wholes: list[Figure]) -> None:
    """Index and interval month by month inside what the silent could have said."""
    places = list(range(len(wholes)))
    lows = [100 * (one.missing_low or 0) for one in wholes]
    highs = [100 * (one.missing_high or 0) for one in wholes]
    label = "giới hạn nếu kể cả người chưa trả lời"
    axes.fill_between(places, lows, highs, color=GREY, alpha=0.2, linewidth=0, label=label)
    for place, one in enumerate(wholes):
        ends = (100 * one.low, 100 * one.high)
        axes.vlines(place, *ends, color=BLUE, linewidth=3, label="khoảng tin cậy 95%")
        axes.plot(place, 100 * (one.index or 0), "o", color=INK, markersize=3.5, label="chỉ số")
    axes.set_xticks(places, [f"{month.number}/{month.year % 100}" for month in MONTHS])
    axes.set_ylim(0, 101)
    axes.set_ylabel("%")
    legend(axes)


def legend(axes: Axes) -> None:
    """Each label once, outside the data."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(
        once.values(),
        once.keys(),
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(once),
        frameon=False,
        fontsize=8,
    )


if __name__ == "__main__":
    main()
