"""What moved and what goes with it: periods and units compared, drivers, funnel, outlook.

Associations, not causes; where the data do not bear a sentence, the figure says so by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis import AnalysisError
from analysis.compare import Difference, adjust, fixed_mix
from analysis.drivers import (
    MINIMUM_RATINGS,
    lmg,
    moments,
    quadrants,
    share_limits,
    straight_lining,
)
from analysis.forecast import needed_share, trend
from analysis.rank import funnel_dispersion, funnel_limits
from survey.indices import Breakdown, previous_month
from survey.indices.tallies import Stored, Tally, lines_of, tallies
from survey.models.count import Count
from survey.models.dossier import Lateness
from survey.models.questionnaire import FACTORS, Question
from survey.models.response import Answer, Response
from survey.monitoring.standings import DISSATISFIED, RATED

CONFIDENCE = 0.95
# Fewer ratings than this are compared with nothing, and units below the second are not drawn.
FEW, FEWEST_DRAWN = 30, 5
FALSE_DISCOVERIES = 0.05
FUNNEL_LEVELS = (0.95, 0.998)
DRIVER_MONTHS, TREND_MONTHS = 12, 24
# Of the resampling: the same page twice shows the same limits.
SEED, REPEATS = 1, 100
LAST_MONTH = 12
# Late or not, within a sector: fine enough that a change of mix is no change of quality.
Mix = Mapping[tuple[str, bool], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Change:
    """One line in two months on the later one's mix; fractions, None where not comparable.

    `is_sure` holds after Benjamini-Hochberg over all lines; otherwise there are not enough
    grounds.
    """

    key: str
    label: str
    rated_before: int
    rated: int
    before: float | None
    now: float | None
    difference: float | None
    low: float | None
    high: float | None
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Driver:
    """A factor: its share of what the factors explain with limits, its share of 4–5, its place.

    `quadrant` is empty where the limits hold an even share: then nothing sets it apart.
    """

    factor: str
    share: float
    low: float
    high: float
    performance: float
    quadrant: str


@dataclass(frozen=True, slots=True)
class Drivers:
    """What goes with the overall rating; empty below `needed` complete questionnaires.

    `same_everywhere` is the share of questionnaires with one rating everywhere, which spreads
    importance evenly.
    """

    complete: int
    needed: int
    explained: float | None
    same_everywhere: float | None
    factors: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A unit of the funnel; `outside` is the level whose limits it lies beyond, below or above."""

    key: str
    label: str
    rated: int
    share: float
    outside: float | None
    is_below: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """Units against their number of ratings, with limits (level → (n, low, high) along the way)."""

    centre: float
    dispersion: float
    dots: tuple[Dot, ...]
    limits: Mapping[float, Sequence[tuple[int, float, float]]]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Will the year's target be reached? The arithmetic first, then a trend that may be too short.

    `needed` is the share needed in the months left, above 1 out of reach, None in December;
    `words` is likely, unlikely, open or too_short.
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


def changes(session: Session, month: str, before: str, by: Breakdown) -> list[Change]:
    """Every line of a month against an earlier one, greatest change first among the sure ones."""
    lines = lines_of(session, month, by, Stored(session, month))
    now_, then = (_mixes(session, one, by) for one in (month, before))
    pairs = [(line, now_.get(line.key, {}), then.get(line.key, {})) for line in lines]
    compared = [_compare(now, earlier) for _, now, earlier in pairs]
    p_values = [one.p_value if one else None for one in compared]
    sure = adjust(p_values, "BH", FALSE_DISCOVERIES).rejected
    found = [
        Change(
            key=line.key,
            label=line.label,
            rated_before=_rated(earlier),
            rated=_rated(now),
            before=one.index2 if one else None,
            now=one.index1 if one else None,
            difference=one.estimate if one else None,
            low=one.mover_low if one else None,
            high=one.mover_high if one else None,
            is_sure=place in sure,
        )
        for place, ((line, now, earlier), one) in enumerate(zip(pairs, compared, strict=True))
    ]
    return sorted(found, key=lambda one: (not one.is_sure, -abs(one.difference or 0), one.label))


def _mixes(session: Session, month: str, by: Breakdown) -> dict[str, Mix]:
    source = Stored(session, month)
    lines = lines_of(session, month, by, source)
    return {one.line.key: _mix(one) for one in tallies(source, lines, by, Question.OVERALL)}


def _mix(tally: Tally) -> Mix:
    """(sector, late) → finished, rated, satisfied."""
    found: dict[tuple[str, bool], tuple[int, int, int]] = {}
    for (sector, _channel, lateness), (finished, ratings) in tally.strata.items():
        key = (sector, lateness == Lateness.LATE)
        whole, rated, good = found.get(key, (0, 0, 0))
        found[key] = (whole + finished, rated + sum(ratings), good + ratings[3] + ratings[4])
    return found


def _rated(mix: Mix) -> int:
    return sum(rated for _, rated, _ in mix.values())


def _compare(now: Mix, before: Mix) -> Difference | None:
    """The difference on the later mix, over the strata with answers in both months."""
    if min(_rated(now), _rated(before)) < FEW:
        return None
    both = [key for key in sorted({*now} & {*before}) if now[key][1] and before[key][1]]
    base = [now[key][0] for key in both]
    if not sum(base):
        return None
    first, second = (
        ([mix[key][2] for key in both], [mix[key][1] for key in both]) for mix in (now, before)
    )
    return fixed_mix(first, second, base, CONFIDENCE)


def funnel(session: Session, month: str) -> Funnel | None:
    """Agencies against the province's share, with limits that chance draws.

    None without an agency, or where all or none are satisfied: then nobody stands out.
    """
    source = Stored(session, month)
    lines = lines_of(session, month, Breakdown.AGENCY, source)
    sums = [
        (one.line, _rated(mix), sum(good for _, _, good in mix.values()))
        for one in tallies(source, lines, Breakdown.AGENCY, Question.OVERALL)
        for mix in (_mix(one),)
    ]
    sums = [one for one in sums if one[1] >= FEWEST_DRAWN]
    y, n = [good for _, _, good in sums], [rated for _, rated, _ in sums]
    if not 0 < sum(y) < sum(n):
        return None
    centre = sum(y) / sum(n)
    dispersion = funnel_dispersion(y, n, centre)
    own = {level: funnel_limits(n, centre, level, dispersion) for level in FUNNEL_LEVELS}
    dots = []
    for place, (line, rated, good) in enumerate(sums):
        share = good / rated
        beyond = [
            level
            for level, limits in own.items()
            if not limits.low[place] <= share <= limits.high[place]
        ]
        outside = max(beyond) if beyond else None
        dots.append(Dot(line.key, line.label, rated, share, outside, share < centre))
    sizes = sorted({FEWEST_DRAWN + round((max(n) - FEWEST_DRAWN) * k / 40) for k in range(41)})
    limits = {}
    for level in FUNNEL_LEVELS:
        along = funnel_limits(sizes, centre, level, dispersion)
        limits[level] = list(zip(sizes, along.low.tolist(), along.high.tolist(), strict=True))
    dots.sort(key=lambda one: (-(one.outside or 0), one.share))
    return Funnel(centre, dispersion, tuple(dots), limits)


def drivers(session: Session, month: str) -> Drivers:
    """What goes with the overall rating in complete questionnaires of twelve months up to one."""
    months = [month]
    while len(months) < DRIVER_MONTHS:
        months.append(previous_month(months[-1]))
    patterns = _patterns(session, months)
    complete = int(sum(row[-1] for row in patterns))
    same = straight_lining(patterns) if patterns else None
    if complete < MINIMUM_RATINGS:
        return Drivers(complete, MINIMUM_RATINGS, None, same, ())
    try:
        found = lmg(moments(patterns))
    except AnalysisError:  # everybody gave the same overall rating
        return Drivers(complete, MINIMUM_RATINGS, None, same, ())
    shares, performance = found.share.tolist(), found.performance.tolist()
    limits = share_limits(patterns, CONFIDENCE, seed=SEED, repeats=REPEATS)
    columns = (FACTORS, shares, limits.low.tolist(), limits.high.tolist(), performance)
    places = quadrants(shares, performance)
    even = 1 / len(FACTORS)
    factors = [
        Driver(*one, quadrant="" if one[2] <= even <= one[3] else place)
        for one, place in zip(zip(*columns, strict=True), places, strict=True)
    ]
    factors.sort(key=lambda one: -one.share)
    return Drivers(complete, MINIMUM_RATINGS, found.r2, same, tuple(factors))


def _patterns(session: Session, months: Sequence[str]) -> list[list[int]]:
    """Rows of five factors, overall rating and count, from the last version of each answer."""
    newest = (
        select(Answer.response_id, func.max(Answer.version).label("version"))
        .join(Response, Response.id == Answer.response_id)
        .where(Response.month.in_(months))
        .group_by(Answer.response_id)
        .subquery()
    )
    ratings = [getattr(Answer, name) for name in (*FACTORS, Question.OVERALL)]
    query = (
        select(*ratings, func.count())
        .join(
            newest,
            (Answer.response_id == newest.c.response_id) & (Answer.version == newest.c.version),
        )
        .where(*(rating.is_not(None) for rating in ratings))
        .group_by(*ratings)
    )
    return [list(row) for row in session.execute(query)]


def outlooks(session: Session, month: str) -> list[Outlook]:
    """The province and each sector against the year's target, as far as `month` tells."""
    series = _series(session, month)
    months_left = LAST_MONTH - int(month[5:])
    found = []
    for by in (Breakdown.OVERALL, Breakdown.SECTOR):
        for line in lines_of(session, month, by, Stored(session, month)):
            own = series.get(line.key, {})
            if line.target is not None and _of_year(own, month)[1] >= FEW:
                target = float(line.target.value)
                found.append(_outlook((line.key, line.label), own, target, month, months_left))
    return found


def _series(session: Session, month: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Sector, or overall → month → satisfied and rated, of two years up to a month."""
    first = f"{int(month[:4]) - TREND_MONTHS // LAST_MONTH:04d}-{month[5:]}"
    query = (
        select(Count.sector_code, Count.month, func.sum(RATED - DISSATISFIED), func.sum(RATED))
        .where(Count.question == Question.OVERALL, Count.month > first, Count.month <= month)
        .group_by(Count.sector_code, Count.month)
    )
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for sector, of_month, good, rated in session.execute(query):
        for key in (sector, Breakdown.OVERALL.value):
            own = found.setdefault(key, {})
            y, n = own.get(of_month, (0, 0))
            own[of_month] = (y + int(good), n + int(rated))
    return found


def _of_year(series: Mapping[str, tuple[int, int]], month: str) -> tuple[int, int]:
    own = [pair for of_month, pair in series.items() if of_month[:4] == month[:4]]
    return sum(y for y, _ in own), sum(n for _, n in own)


def _outlook(
    name: tuple[str, str],
    series: Mapping[str, tuple[int, int]],
    target: float,
    month: str,
    months_left: int,
) -> Outlook:
    good, rated = _of_year(series, month)
    passed = int(month[5:])
    remaining = round(rated / passed * months_left)
    months = sorted(series)
    pairs = [series[one] for one in months]
    forecast = low = high = None
    words = "too_short"
    try:
        ahead = len(pairs) - 1 + months_left
        found = trend([y for y, _ in pairs], [n for _, n in pairs], ahead, target, CONFIDENCE)
    except AnalysisError:  # too few months, or all satisfied: there is no trend to speak of
        found = None
    if found is not None and found.outlook != words:
        forecast, low, high, words = found.forecast, found.low, found.high, found.outlook
    needed = needed_share(good, rated, remaining, target) if remaining else None
    return Outlook(*name, target, good / rated, rated, needed, forecast, low, high, words)
