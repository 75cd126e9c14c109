"""`flask index`: show, close and rebuild the indices."""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from survey import indices
from survey.ballots import checking
from survey.ballots.checking import described
from survey.catalogues import _, gettext
from survey.cli.options import MonthOption, PeriodOption, common_options, emit
from survey.db import db, transaction
from survey.errors import Refused
from survey.formats import NONE, number
from survey.indices import Along, Breakdown, Figure, TimeSeries
from survey.jobs import counting
from survey.models.questionnaire import OVERALL
from survey.period import Month, Period
from survey.reports.phrases import level, percent
from survey.wording import words_for

# The columns that the contract names; the others are for pages and reports.
SHOWN = (
    *("key", "label", "finished", "rated", "satisfied", "raw", "index", "low", "high", "mean"),
    *("response_rate", "missing_low", "missing_high", "target", "verdict", "needed"),
    "provisional",
)
# Columns of a time series; suppressed figures are null, and `hidden` marks them.
POINT = (
    *("month", "agency", "agency_label", "sector", "sector_label", "finished", "rated"),
    *("satisfied", "index", "low", "high", "target", "verdict", "provisional", "hidden"),
)
WORDS = {"met": _("Đạt ●"), "uncertain": _("Chưa rõ ◐"), "not_met": _("Chưa đạt ▼")}
CHECK_FAILED = 1
NOTHING_FINISHED = _("Chưa có hồ sơ nào kết thúc trong kỳ này.")


@click.group(help=gettext("Chỉ số hài lòng: xem, chốt kỳ, tính lại."))
def command() -> None:
    """Group the commands on indices."""


@command.command(
    "show", help=gettext("Chỉ số của một kỳ theo lĩnh vực, cơ quan, thủ tục hoặc hình thức nộp.")
)
@click.option("--period", type=PeriodOption(), required=True)
@click.option("--by", type=click.Choice([by.value for by in Breakdown]), required=True)
@click.option(
    "--question", default=OVERALL, help=gettext("Mã câu hỏi, nếu không phải câu hỏi chung.")
)
@click.option("--revised", is_flag=True, help=gettext("Tính cả câu trả lời đến sau khi chốt kỳ."))
@common_options
def show(
    *, period: Period, by: str, question: str, revised: bool, now: datetime, as_json: bool
) -> None:
    """Print the figures of a period."""
    found = indices.show(db.session(), period, by, now, question=question, revised=revised)
    rows = [{name: getattr(row, name) for name in SHOWN} for row in found]
    emit(rows, as_json=as_json, text=_table(found))


@command.command(
    "course", help=gettext("Chỉ số qua các kỳ của từng cơ quan, lĩnh vực, theo số đếm hôm nay.")
)
@click.option("--from", "first", type=MonthOption(), required=True, help=gettext("Kỳ đầu."))
@click.option("--to", "last", type=MonthOption(), required=True, help=gettext("Kỳ cuối."))
@click.option(
    "--by",
    "along",
    type=click.Choice([along.value for along in Along]),
    default=Along.AGENCY_SECTOR.value,
    help=gettext("Từng lĩnh vực tại từng cơ quan, nếu không chọn khác."),
)
@click.option("--agency", default="", help=gettext("Chỉ cơ quan mang mã này."))
@click.option("--csv", "file", type=click.Path(path_type=Path), help=gettext("Ghi ra tệp csv này."))
@common_options
def course(  # noqa: PLR0913 - one argument an option
    *,
    first: Month,
    last: Month,
    along: str,
    agency: str,
    file: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    """Print the figures of many months; small cells are suppressed."""
    if file is not None and (file.is_dir() or not file.parent.is_dir()):
        raise click.BadParameter(gettext("Không ghi được %(file)s.", file=file), param_hint="--csv")
    session = db.session()
    found_series = indices.time_series(session, first, last, now, along=along, agency=agency)
    points = _points(found_series, indices.suppressed(session, found_series))
    if file is None:
        found = list(points)
        emit(
            found, as_json=as_json, text="\n".join(map(_point, found)) or gettext(NOTHING_FINISHED)
        )
        return
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, POINT, lineterminator="\n")
        writer.writeheader()
        rows = 0
        for rows, point in enumerate(points, start=1):  # noqa: B007 - the last number counts them
            writer.writerow(point)
    emit(
        {"file": str(file), "rows": rows},
        as_json=as_json,
        text=gettext("Đã ghi %(rows)s dòng vào %(file)s.", rows=number(rows), file=file),
    )


def _points(found: TimeSeries, suppressed: NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    """Months with dossiers, unit by unit."""
    for unit, month in np.argwhere(found.finished > 0).tolist():
        is_suppressed, here = bool(suppressed[unit, month]), (unit, month)
        decided = (
            {}
            if is_suppressed
            else {
                "rated": int(found.rated[here]),
                "satisfied": int(found.satisfied[here]),
                "index": _number(found.index[here]),
                "low": float(found.low[here]),
                "high": float(found.high[here]),
                "verdict": str(found.verdict[here]) or None,
            }
        )
        point = {
            **asdict(found.units[unit]),
            "month": found.months[month],
            "finished": int(found.finished[here]),
            **decided,
            "target": _number(found.target[here]),
            "provisional": bool(found.provisional[month]),
            "hidden": is_suppressed,
        }
        yield {name: point.get(name) for name in POINT}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _point(point: dict[str, Any]) -> str:
    """One line of text output."""
    name = " · ".join(filter(None, (point["agency_label"], point["sector_label"])))
    head = f"{point['month']} · " + (name or gettext("Toàn tỉnh"))
    if point["hidden"]:
        return gettext(
            "%(head)s: – · n ẩn · %(finished)s hồ sơ", head=head, finished=number(point["finished"])
        )
    share = _share(point["index"], point["low"], point["high"])
    words = _verdict(point["verdict"], is_provisional=point["provisional"])
    asked, goal = _asked(point["rated"], point["finished"]), _goal(point["target"])
    return f"{head}: {share} · {asked} · {goal} · {words}"


@command.command("close", help=gettext("Chốt số liệu của một kỳ (từ ngày 15 tháng sau)."))
@click.option("--period", type=MonthOption(), required=True)
@common_options
def close(*, period: Month, now: datetime, as_json: bool) -> None:
    """Store the snapshot of a month."""
    try:
        with transaction() as session:
            snapshot = counting.close(session, period, now)
            document = {
                "snapshot": snapshot.id,
                "digest": snapshot.digest,
                "formula": snapshot.formula,
            }
    except Refused as refused:
        if refused.code != "counts_differ":
            raise
        click.echo(words_for(refused), err=True)
        sys.exit(CHECK_FAILED)
    emit(
        document,
        as_json=as_json,
        text=gettext("Đã chốt kỳ %(period)s: %(digest)s", period=period, digest=document["digest"]),
    )


@command.command(
    "recompute",
    help=gettext("Tính lại một bản chốt từ các câu trả lời và so từng byte; khác thì mã 1."),
)
@click.option(
    "--snapshot", type=int, required=True, help=gettext("Số của bản chốt, như index close in ra.")
)
@common_options
def recompute(*, snapshot: int, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Recompute a snapshot from the answers."""
    found = indices.recompute(db.session(), snapshot)
    text = gettext(
        "Kỳ %(month)s, %(formula)s: khớp từng byte, %(digest)s",
        month=found.month,
        formula=found.formula,
        digest=found.digest,
    )
    if not found.ok:
        text = "\n".join(
            [
                gettext(
                    "Kỳ %(month)s, %(formula)s: KHÔNG khớp.",
                    month=found.month,
                    formula=found.formula,
                ),
                *found.differences,
            ]
        )
    emit({**asdict(found), "ok": found.ok}, as_json=as_json, text=text)
    if not found.ok:
        sys.exit(CHECK_FAILED)


@command.command(
    "rebuild", help=gettext("Tính lại số đếm từ các câu trả lời; --check chỉ so sánh.")
)
@click.option(
    "--check", "only_check", is_flag=True, help=gettext("Chỉ so sánh, thoát mã 1 nếu khác.")
)
@common_options
def rebuild(*, only_check: bool, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Compare the counts with the ballots, or rebuild them."""
    if not only_check:
        with transaction() as session:
            wrong = checking.rebuild(session)
        emit(
            {"corrected": wrong},
            as_json=as_json,
            text=gettext("Đã sửa %(count)s số đếm.", count=number(wrong)),
        )
        return
    differences = checking.check(db.session())
    document = {"differences": [asdict(difference) for difference in differences]}
    lines = [
        gettext("%(count)s số đếm khác với câu trả lời.", count=number(len(differences))),
        *map(described, differences),
    ]
    emit(document, as_json=as_json, text="\n".join(lines))
    if differences:
        sys.exit(CHECK_FAILED)


def _table(found: Sequence[Figure]) -> str:
    lines = []
    for row in found:
        share, goal = _share(row.index, row.low, row.high), _goal(row.target)
        words = _verdict(row.verdict, is_provisional=row.provisional)
        asked = _asked(row.rated, row.finished)
        lines.append(f"{gettext(row.label)}: {share} · {asked} · {goal} · {words}")
    return "\n".join(lines) or gettext(NOTHING_FINISHED)


def _share(index: float | None, low: float, high: float) -> str:
    return NONE if index is None else f"{percent(index)} ({percent(low)}–{percent(high)})"


def _asked(rated: int, finished: int) -> str:
    return f"n = {number(rated)}/{number(finished)}"


def _goal(target: float | None) -> str:
    return gettext("mục tiêu %(target)s", target=level(target))


def _verdict(verdict: str | None, *, is_provisional: bool) -> str:
    """A row of a closed month without a verdict has no target or no ratings."""
    if is_provisional:
        return gettext("tạm tính")
    return NONE if verdict is None else gettext(WORDS[verdict])
