"""All comparisons of one month together, from its current counts or from its closing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.nonresponse import Nonresponse
from survey.disclosure import Key
from survey.indices import Breakdown, payload_of
from survey.indices.disclosure_control import still_suppressed, suppressed_in
from survey.insights.changes import Change, changes
from survey.insights.drivers import Drivers, drivers, patterns_now, patterns_of
from survey.insights.funnel import Funnel, funnel
from survey.insights.outlook import (
    Outlook,
    Series,
    added_up,
    first_month,
    outlooks,
    series_now,
)
from survey.insights.readings import Reading, as_closed, as_it_stands
from survey.models.snapshot import Snapshot
from survey.period import Month
from survey.surveys import Pattern, names

COMPARED = (Breakdown.OVERALL, Breakdown.SECTOR, Breakdown.AGENCY)
DRIVER_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Overview:
    """All comparisons of a month: changes against the month before (empty where that was closed
    later), drivers over `driver_months` months, funnel of agencies, outlooks on the year's target,
    and non-response over the strata (None with too few ratings).
    """

    month: Month
    before: Month
    changes: Mapping[Breakdown, Sequence[Change]]
    drivers: Drivers
    driver_months: int
    funnel: Funnel | None
    outlooks: Sequence[Outlook]
    nonresponse: Nonresponse | None


def live(session: Session, month: Month) -> Overview:
    """The overview of a month (YYYY-MM) from current counts and answers."""
    suppressed = still_suppressed(session, _year_and_before(month))
    before, now = (as_it_stands(session, one, suppressed[one]) for one in (month.previous, month))
    return Overview(
        month=month,
        before=before.month,
        changes={by: changes(now, before, by) for by in COMPARED},
        drivers=drivers(patterns_now(session, _driver_months(month)), names(session)),
        driver_months=DRIVER_MONTHS,
        funnel=funnel(now),
        outlooks=_outlooks(now, series_now(session, month), suppressed),
        nonresponse=now.nonresponse(),
    )


def closed(session: Session, snapshot: Snapshot) -> Overview:
    """The overview of a closing, from its payload and earlier ones; later answers do not matter.

    Refused `snapshot_broken`.
    """
    month = snapshot.month
    payloads = _closings(session, snapshot)
    of_year = [of for of in _year_and_before(month) if of in payloads]
    suppressed = {of: suppressed_in(session, payloads[of]) for of in of_year}
    now, *earlier = (
        as_closed(payloads[of], suppressed[of]) for of in (month, month.previous) if of in payloads
    )
    with_patterns = [payloads[of] for of in _driver_months(month) if of in payloads]
    patterns: Counter[Pattern] = Counter()
    called: dict[str, str] = {}
    # From the newest month back, so that the latest name of each factor is used.
    for payload in with_patterns:
        patterns.update(patterns_of(payload))
        called = {**dict(payload["names"]), **called}
    return Overview(
        month=month,
        before=month.previous,
        changes={by: changes(now, before, by) for by in COMPARED for before in earlier},
        drivers=drivers(patterns, called),
        driver_months=len(with_patterns),
        funnel=funnel(now),
        outlooks=_outlooks(now, added_up(_sums(payloads)), suppressed),
        nonresponse=now.nonresponse(),
    )


def _driver_months(month: Month) -> list[Month]:
    return [month.plus(-before) for before in range(DRIVER_MONTHS)]


def _year_and_before(month: Month) -> list[Month]:
    """The months of a year up to `month`, and the month before `month`."""
    year = [Month.numbered(month.year, number) for number in range(1, month.number + 1)]
    return sorted({month.previous, *year})


def _outlooks(
    now: Reading, series: Series, suppressed: Mapping[Month, frozenset[Key]]
) -> list[Outlook]:
    """Outlooks of the lines that no month of the year suppresses.

    This prevents a differencing attack: the year less its other months would reveal that month.
    """
    of_year = [keys for month, keys in suppressed.items() if month.year == now.month.year]
    lines = [
        line
        for by in (Breakdown.OVERALL, Breakdown.SECTOR)
        for line in now.lines(by)
        if not any((by, line.key) in keys for keys in of_year)
    ]
    return outlooks(lines, series, now.month)


def _closings(session: Session, last: Snapshot) -> dict[Month, dict[str, Any]]:
    """Month → payload of the closings made up to `last`, two years back."""
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


def _sums(payloads: Mapping[Month, Mapping[str, Any]]) -> Iterator[tuple[str, Month, int, int]]:
    for month, payload in payloads.items():
        for row in payload["figures"][Breakdown.SECTOR]:
            yield row["key"], month, row["satisfied"], row["rated"]
