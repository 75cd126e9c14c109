"""All that one month tells when it is compared: as it stands now, or as it was closed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.nonresponse import Nonresponse
from survey.indices import Breakdown, payload_of, previous_month
from survey.indices.payload import COUNTED
from survey.insights.changes import Change, changes
from survey.insights.drivers import Drivers, drivers, patterns_now, patterns_of
from survey.insights.funnel import Funnel, funnel
from survey.insights.outlook import (
    Outlook,
    added_up,
    first_month,
    outlooks,
    series_now,
)
from survey.insights.readings import Reading, as_closed, as_it_stands
from survey.models.snapshot import Snapshot

COMPARED = (Breakdown.OVERALL, Breakdown.SECTOR, Breakdown.AGENCY)
DRIVER_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Overview:
    """What changed against the month before (empty where that cannot be read), what goes with
    satisfaction in `driver_months` months, which units stand out, where the year leads, and how
    evenly the kinds of dossiers answered (None where too few did).
    """

    month: str
    before: str
    changes: Mapping[Breakdown, Sequence[Change]]
    drivers: Drivers
    driver_months: int
    funnel: Funnel | None
    outlooks: Sequence[Outlook]
    nonresponse: Nonresponse | None


def live(session: Session, month: str) -> Overview:
    """The overview of a month (YYYY-MM) from the counts and answers of today."""
    now, before = (as_it_stands(session, one) for one in (month, previous_month(month)))
    return Overview(
        month=month,
        before=before.month,
        changes={by: changes(now, before, by) for by in COMPARED},
        drivers=drivers(patterns_now(session, _driver_months(month))),
        driver_months=DRIVER_MONTHS,
        funnel=funnel(now),
        outlooks=_outlooks(now, series_now(session, month)),
        nonresponse=now.nonresponse(),
    )


def closed(session: Session, snapshot: Snapshot) -> Overview | None:
    """The overview of a closing, from it and those made before it: later answers change nothing.

    None for a closing that did not keep its counts yet. Refused `snapshot_broken`.
    """
    if COUNTED not in payload_of(snapshot):
        return None
    month = snapshot.month
    payloads = _closings(session, snapshot)
    counted = {of: one for of, one in payloads.items() if COUNTED in one}
    now, before = as_closed(payloads[month]), counted.get(previous_month(month))
    with_patterns = [counted[of] for of in _driver_months(month) if of in counted]
    patterns: Counter[tuple[int, ...]] = Counter()
    for payload in with_patterns:
        patterns.update(patterns_of(payload))
    return Overview(
        month=month,
        before=previous_month(month),
        changes={by: changes(now, as_closed(before), by) for by in COMPARED} if before else {},
        drivers=drivers(patterns),
        driver_months=len(with_patterns),
        funnel=funnel(now),
        outlooks=_outlooks(now, added_up(_sums(payloads))),
        nonresponse=now.nonresponse(),
    )


def _driver_months(month: str) -> list[str]:
    months = [month]
    while len(months) < DRIVER_MONTHS:
        months.append(previous_month(months[-1]))
    return months


def _outlooks(now: Reading, series: Mapping[str, Mapping[str, tuple[int, int]]]) -> list[Outlook]:
    lines = [*now.lines(Breakdown.OVERALL), *now.lines(Breakdown.SECTOR)]
    return outlooks(lines, series, now.month)


def _closings(session: Session, last: Snapshot) -> dict[str, dict[str, Any]]:
    """Month → payload of what was closed when `last` was, two years back."""
    query = (
        select(Snapshot)
        .where(
            Snapshot.number == 1,
            Snapshot.month >= first_month(last.month),
            Snapshot.month <= last.month,
            Snapshot.closed_at <= last.closed_at,
        )
        .order_by(Snapshot.month)
    )
    return {one.month: payload_of(one) for one in session.scalars(query)}


def _sums(payloads: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, int, int]]:
    for month, payload in payloads.items():
        for row in payload["figures"][Breakdown.SECTOR]:
            yield row["key"], month, row["satisfied"], row["rated"]
