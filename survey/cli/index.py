"""`flask index`: show, close and rebuild the indices."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import click

from survey import indices
from survey.cli.options import Period, common_options, emit
from survey.db import db, transaction
from survey.indices import Breakdown, Figure
from survey.models.questionnaire import Question

# What the contract names; the rest is for pages and reports.
SHOWN = (
    *("key", "label", "finished", "rated", "satisfied", "raw", "index", "low", "high", "mean"),
    *("response_rate", "missing_low", "missing_high", "target", "verdict", "needed"),
    "provisional",
)
WORDS = {"met": "Đạt ●", "uncertain": "Chưa rõ ◐", "not_met": "Chưa đạt ▼", None: "tạm tính"}
QUESTIONS = [question.value for question in Question]
CHECK_FAILED = 1


@click.group(help="Chỉ số hài lòng: xem, chốt kỳ, tính lại.")
def command() -> None:
    """Group the commands on indices."""


@command.command(
    "show", help="Chỉ số của một kỳ theo lĩnh vực, cơ quan, thủ tục hoặc hình thức nộp."
)
@click.option("--period", type=Period(), required=True)
@click.option("--by", type=click.Choice([by.value for by in Breakdown]), required=True)
@click.option("--question", type=click.Choice(QUESTIONS), default=Question.OVERALL.value)
@click.option("--revised", is_flag=True, help="Tính cả câu trả lời đến sau khi chốt kỳ.")
@common_options
def show(
    *, period: str, by: str, question: str, revised: bool, now: datetime, as_json: bool
) -> None:
    """Print the figures of a month."""
    found = indices.show(db.session(), period, by, now, question=question, revised=revised)
    rows = [{name: getattr(row, name) for name in SHOWN} for row in found]
    emit(rows, as_json=as_json, text=_table(found))


@command.command("close", help="Chốt số liệu của một kỳ (từ ngày 15 tháng sau).")
@click.option("--period", type=Period(), required=True)
@common_options
def close(*, period: str, now: datetime, as_json: bool) -> None:
    """Store the snapshot of a month."""
    with transaction() as session:
        snapshot = indices.close(session, period, now)
        document = {
            "snapshot": snapshot.id,
            "digest": snapshot.digest,
            "formula": snapshot.formula,
        }
    emit(document, as_json=as_json, text=f"Đã chốt kỳ {period}: {document['digest']}")


@command.command(
    "recompute", help="Tính lại một bản chốt từ các câu trả lời và so từng byte; khác thì mã 1."
)
@click.option("--snapshot", type=int, required=True, help="Số của bản chốt, như index close in ra.")
@common_options
def recompute(*, snapshot: int, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Compute a snapshot again from the answers."""
    found = indices.recompute(db.session(), snapshot)
    text = f"Kỳ {found.month}, {found.formula}: khớp từng byte, {found.digest}"
    if not found.ok:
        text = "\n".join([f"Kỳ {found.month}, {found.formula}: KHÔNG khớp.", *found.differences])
    emit({**asdict(found), "ok": found.ok}, as_json=as_json, text=text)
    if not found.ok:
        sys.exit(CHECK_FAILED)


@command.command("rebuild", help="Tính lại số đếm từ các câu trả lời; --check chỉ so sánh.")
@click.option("--check", "only_check", is_flag=True, help="Chỉ so sánh, thoát mã 1 nếu khác.")
@common_options
def rebuild(*, only_check: bool, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Compare counts with the answers, or write them anew."""
    if not only_check:
        with transaction() as session:
            wrong = indices.rebuild(session)
        emit({"corrected": wrong}, as_json=as_json, text=f"Đã sửa {wrong} số đếm.")
        return
    differences = indices.check(db.session())
    document = {"differences": [asdict(difference) for difference in differences]}
    emit(document, as_json=as_json, text=f"{len(differences)} số đếm khác với câu trả lời.")
    if differences:
        sys.exit(CHECK_FAILED)


def _table(found: Sequence[Figure]) -> str:
    lines = []
    for row in found:
        share = (
            "–"
            if row.index is None
            else f"{row.index * 100:.1f} ({row.low * 100:.1f}–{row.high * 100:.1f})"
        )
        goal = "–" if row.target is None else f"{row.target * 100:.0f}"
        words = WORDS[row.verdict]
        lines.append(
            f"{row.label}: {share} · n = {row.rated}/{row.finished} · mục tiêu {goal} · {words}"
        )
    return "\n".join(lines) or "Chưa có hồ sơ nào kết thúc trong kỳ này."
