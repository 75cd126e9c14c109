"""Revision of a month: changes since its closing, published once, in the next month's report.

The closing itself never changes. New figures are published only where at least LEAST_SHOWN answers
were added or changed: otherwise the difference of the two published tables would reveal the
ratings of fewer people (differencing attack).
"""

from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from survey.ballots.aggregates import briefs_now
from survey.disclosure import Breakdown, safe_to_publish
from survey.indices.closed import first, payload_of
from survey.indices.disclosure_control import suppressed_now, suppressed_payload
from survey.indices.figures import Figure, read_figure
from survey.indices.line_counts import OVERALL
from survey.indices.live import live
from survey.models.questionnaire import OVERALL as OVERALL_QUESTION
from survey.period import Month


def revision(session: Session, month: Month) -> dict[str, Any] | None:
    """Old and new figures of a closed month (YYYY-MM), overall and by sector, with the reasons.

    None for an open month and for one without changes. `late`: answers given after the closing;
    `changed`: answers changed after it; `dossiers`: finished dossiers imported after it. `lines`:
    key, label, moved (late and changed answers of the line), old and new index with rated and
    finished; `new` is None where it must not be published.
    """
    snapshot = first(session, month)
    if snapshot is None:
        return None
    closed, suppressed = (
        suppressed_payload(session, payload_of(snapshot)),
        suppressed_now(session, [month])[month],
    )
    late, changed = _moved(session, month)
    lines = []
    for by in (Breakdown.OVERALL, Breakdown.SECTOR):
        before = {row["key"]: read_figure(row) for row in closed["figures"][by]}
        now = live(session, month, by, OVERALL_QUESTION, provisional=False)
        moved = [late[one.key] + changed[one.key] for one in now]
        publishable = safe_to_publish(moved)
        for one, number, decided in zip(now, moved, publishable, strict=True):
            safe = decided and (by, one.key) not in suppressed
            lines.append(_line(before.get(one.key), one, number, decided=safe))
    found = [line for line in lines if line["moved"] or line["dossiers"]]
    if not found:
        return None
    return {
        "month": month,
        "snapshot": snapshot.id,
        "late": late[OVERALL],
        "changed": changed[OVERALL],
        "dossiers": lines[0]["dossiers"],
        "lines": found,
    }


def _line(before: Figure | None, now: Figure, moved: int, *, decided: bool) -> dict[str, Any]:
    # A line that the month's report suppressed stays so, after complementary suppression too.
    was_suppressed = before is not None and before.is_suppressed
    old = _numbers(before) if before and not was_suppressed else None
    return {
        "key": now.key,
        "label": now.label,
        "moved": moved,
        "dossiers": now.finished - (before.finished if before else 0),
        "old": old,
        "new": _numbers(now) if decided and not was_suppressed else None,
    }


def _numbers(one: Figure) -> dict[str, Any]:
    return {"index": one.index, "rated": one.rated, "finished": one.finished}


def _moved(session: Session, month: Month) -> tuple[Counter[str], Counter[str]]:
    """By sector and overall: answers given, and answers changed, after the first closing."""
    sums = briefs_now(session, [month])[month]
    late, changed = sums.late, sums.changed
    for found in (late, changed):
        found[OVERALL] = sum(found.values())
    return late, changed
