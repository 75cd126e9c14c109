"""Outlook: whether the year's target will be reached, by arithmetic and by a trend forecast."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis import AnalysisError
from analysis.forecast import needed_share, trend
from survey.ballots.pool import pool_of
from survey.indices.line_counts import OVERALL, Line
from survey.insights.changes import CONFIDENCE, FEW
from survey.models.count import RATED, Count
from survey.models.questionnaire import OVERALL as OVERALL_QUESTION
from survey.models.questionnaire import SATISFIED_FROM
from survey.monitoring.cumulative_counts import NOT_SATISFIED
from survey.period import MONTHS_OF_YEAR, Month

TREND_MONTHS = 24
# Sector, or overall → month → satisfied and rated.
Series = Mapping[str, Mapping[Month, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Outlook of one line on the year's target; forecast and limits are None for a short trend.

    `needed` is the share of satisfied ratings needed in the remaining months: above 1 the target is
    out of reach, None if no further ratings are expected, as in December. `words` is likely,
    unlikely, open or too_short.
    """

    key: str
    label: str
    target: float
    so_far: float
    rated: int
    needed: float | None
    forecast: float | None
    low: float | None
    high: float | None
    words: str


def outlooks(lines: Sequence[Line], series: Series, month: Month) -> list[Outlook]:
    """Outlook of each line on the year's target, by the data up to `month`; lines without a target
    or with too few ratings in the year are left out.
    """
    found = []
    for line in lines:
        own = series.get(line.key, {})
        if line.target is not None and _of_year(own, month)[1] >= FEW:
            found.append(_outlook(line, float(line.target.value), own, month))
    return found


def first_month(month: Month) -> str:
    """The first month (YYYY-MM) of a trend that ends with `month`."""
    return month.plus(1 - TREND_MONTHS)


def series_now(session: Session, month: Month) -> Series:
    """Current counts of the two years up to a month."""
    query = (
        select(Count.sector_code, Count.month, func.sum(RATED - NOT_SATISFIED), func.sum(RATED))
        .where(
            Count.question == OVERALL_QUESTION,
            Count.month >= first_month(month),
            Count.month <= month,
        )
        .group_by(Count.sector_code, Count.month)
    )
    rows = [(sector, at, int(y), int(n)) for sector, at, y, n in session.execute(query)]
    for cell, steps in pool_of(session).steps().items():
        if first_month(month) <= cell.month <= month:
            good = sum(steps[SATISFIED_FROM - 1 :])
            rows.append((cell.sector_code, cell.month, good, sum(steps)))
    return added_up(rows)


def added_up(rows: Iterable[tuple[str, Month, int, int]]) -> Series:
    """Series of each sector and of the province from rows (sector, month, satisfied, rated)."""
    found: dict[str, dict[Month, tuple[int, int]]] = {}
    for sector, of_month, good, rated in rows:
        for key in (sector, OVERALL):
            own = found.setdefault(key, {})
            y, n = own.get(of_month, (0, 0))
            own[of_month] = (y + good, n + rated)
    return found


def _of_year(series: Mapping[Month, tuple[int, int]], month: Month) -> tuple[int, int]:
    own = [pair for of_month, pair in series.items() if of_month.year == month.year]
    return sum(y for y, _ in own), sum(n for _, n in own)


def _outlook(
    line: Line, target: float, series: Mapping[Month, tuple[int, int]], month: Month
) -> Outlook:
    good, rated = _of_year(series, month)
    passed = month.number
    months_left = MONTHS_OF_YEAR - passed
    remaining = round(rated / passed * months_left)
    pairs = _month_by_month(series, month)
    forecast = low = high = None
    words = "too_short"
    try:
        ahead = len(pairs) - 1 + months_left
        found = trend([y for y, _ in pairs], [n for _, n in pairs], ahead, target, CONFIDENCE)
    except AnalysisError:  # Too few months, or all satisfied: no trend can be fitted.
        found = None
    if found is not None and found.outlook != words:
        forecast, low, high, words = found.forecast, found.low, found.high, found.outlook
    needed = needed_share(good, rated, remaining, target) if remaining else None
    return Outlook(
        *(line.key, line.label, target, good / rated, rated),
        *(needed, forecast, low, high, words),
    )


def _month_by_month(series: Mapping[Month, tuple[int, int]], month: Month) -> list[tuple[int, int]]:
    """Every month from the first with ratings to `month`, empty ones included as (0, 0)."""
    found, of_month = [], min(series)
    while of_month <= month:
        found.append(series.get(of_month, (0, 0)))
        of_month = of_month.following
    return found
