"""Differencing attack: an outsider who subtracts all published figures finds no small line."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, milp
from sqlalchemy import select

from survey import indices, insights
from survey.errors import SurveyError
from survey.indices import Along, Breakdown
from survey.models.count import Cell, count_finished
from survey.models.organisation import Procedure
from survey.monitoring.integrity import signs
from survey.period import Month, spanning
from survey.reports import gather
from tests import ballots
from tests.features.answering import agencies

BEFORE, MONTH = MONTHS = (Month("2026-04"), Month("2026-05"))
OPEN = datetime(2026, 6, 2, 2, tzinfo=UTC)
LATER = datetime(2026, 6, 20, 2, tzinfo=UTC)
SECTORS = ("education", "justice", "land")
LEAST, PROCEDURES = 5, 2
# Month, agency, sector, channel, procedure: what an outsider knows to have dossiers.
AlertKey = tuple[str, str, str, str, str]
# Months, then the kind of a line and its codes.
Line = tuple[tuple[str, ...], str, *tuple[str, ...]]


def is_of(line: Line, place: AlertKey) -> bool:
    """Whether the ratings of a place count in a line."""
    month, agency, sector, channel, procedure = place
    months, kind, *codes = line
    parts = {
        "overall": [],
        "agency": [agency],
        "sector": [sector],
        "channel": [channel],
        "procedure": [procedure],
        "agency_sector": [agency, sector],
    }
    return month in months and (kind == "overall" or codes == parts[kind])


def handled(session) -> dict[str, list[str]]:
    """Sector → two procedures of it."""
    query = select(Procedure.sector_code, Procedure.code).order_by(Procedure.code)
    found: dict[str, list[str]] = {sector: [] for sector in SECTORS}
    for sector, code in session.execute(query):
        if sector in found and len(found[sector]) < PROCEDURES:
            found[sector].append(code)
    return found


def spread(session, seed: int) -> Counter[AlertKey]:
    """Two months of a few agencies with some sectors each, many of them with few ratings."""
    draw = random.Random(seed)
    found: Counter[AlertKey] = Counter()
    for month, agency in product(MONTHS, agencies(session)[: draw.randint(2, 5)]):
        for codes in handled(session).items():
            for channel, procedure in product(("counter", "online"), codes[1]):
                if draw.random() < 0.4:
                    rated = draw.choice((0, 1, 2, 3, 4, 6, 9, 14, 40, 60))
                    found[month, agency.code, codes[0], channel, procedure] = rated
    return found


def one_sector_each(session) -> Counter[AlertKey]:
    """Agencies with 3, 7 and 40 ratings, of which only the second one has a sector to itself."""
    few, own, many = (one.code for one in agencies(session)[:3])
    codes = handled(session)
    cells = ((few, "land", 3), (own, "justice", 7), (many, "land", 40))
    return Counter(
        {
            (month, agency, sector, "counter", codes[sector][0]): rated
            for month in MONTHS
            for agency, sector, rated in cells
        }
    )


def store(session, places: Mapping[AlertKey, int]) -> None:
    """Count the ratings of each place; the ballots of the last month wait to be counted."""
    ids = {one.code: one.id for one in agencies(session)}
    for of_month in MONTHS:
        ballots.count(session)
        for (month, agency, sector, channel, procedure), rated in places.items():
            if month == of_month:
                cell = Cell(ids[agency], sector, month, channel, "on_time")
                count_finished(session, {(cell, procedure): 90}, {cell: 90})
                ballots.put_many(session, cell, {4: rated}, procedure=procedure)


def decided(session, now: datetime) -> Iterable[tuple[Line, int]]:
    """Every number of ratings that staff can read: of each month page by page, and of both
    together.
    """
    for month in MONTHS:
        of_month = {
            by: [one for one in lines if not one.is_suppressed]
            for by, lines in indices.published_tables(session, month, now).items()
        }
        report = gather.gather(session, month, now)
        printed = (report.overall, *report.sectors)
        of_month[Breakdown.SECTOR] += [one for one in printed[1:] if not one.is_suppressed]
        of_month[Breakdown.AGENCY] += [one for one in report.agencies if not one.is_suppressed]
        for by, lines in of_month.items():
            for one in lines:
                yield line_of(month, by, one.key), one.rated
        for found in filter(None, (insights.live(session, month), report.overview)):
            yield from analysed(found)
        yield from compared(session, month)
        for one in signs(session, month):
            if one.is_published:
                yield ((month,), "agency", one.key), one.rated
    yield from over_time(session, now)
    yield from together(session, now)


def together(session, now: datetime) -> Iterable[tuple[Line, int]]:
    """The ratings published in the tables of both months together."""
    for by, lines in indices.published_tables(session, spanning(*MONTHS), now).items():
        for one in lines:
            if not one.is_suppressed:
                yield (MONTHS, *line_of(MONTH, by, one.key)[1:]), one.rated


def line_of(month: str, by: Breakdown, key: str) -> Line:
    """A line of one of the tables of a month."""
    return ((month,), by.value) if by is Breakdown.OVERALL else ((month,), by.value, key)


def analysed(found: insights.Overview) -> Iterable[tuple[Line, int]]:
    """The ratings published by the page of analysis, or by that section of a report."""
    for by, lines in found.changes.items():
        for one in lines:
            for month, rated in ((found.month, one.rated), (found.before, one.rated_before)):
                if rated is not None:
                    yield line_of(month, by, one.key), rated
    for dot in found.funnel.dots if found.funnel else ():
        yield ((found.month,), "agency", dot.key), dot.rated
    year = tuple(month for month in MONTHS if month <= found.month)
    for one in found.outlooks:
        kind = ("overall",) if one.key == "overall" else ("sector", one.key)
        yield (year, *kind), one.rated


def compared(session, month: str) -> Iterable[tuple[Line, int]]:
    """The ratings published by the comparison of any two agencies."""
    codes = [one.code for one in agencies(session)[:5]]
    for pair in product(codes, codes):
        try:
            found = insights.pair(session, month, *pair)
        except SurveyError:
            continue
        for side in (found.first, found.second):
            yield ((month,), "agency", side.key), side.rated


def over_time(session, now: datetime) -> Iterable[tuple[Line, int]]:
    """The ratings published by time series, of all agencies and of single ones."""
    codes = [one.code for one in agencies(session)[:5]]
    asked = [(along, "") for along in Along]
    asked += list(product((Along.AGENCY, Along.AGENCY_SECTOR), codes))
    for along, code in asked:
        found = indices.time_series(session, *MONTHS, now, along=along, agency=code)
        suppressed = indices.suppressed(session, found)
        for unit, month in np.argwhere((found.finished > 0) & ~suppressed).tolist():
            one = found.units[unit]
            codes_of = filter(None, (one.agency, one.sector))
            yield ((found.months[month],), along.value, *codes_of), int(found.rated[unit, month])


def bounds(
    line: Line, places: Mapping[AlertKey, int], known: Mapping[Line, int]
) -> tuple[int, int]:
    """The fewest and most ratings of a line in any data that fit all that is known (integer
    programming).
    """
    rows = [[float(is_of(one, place)) for place in places] for one in known]
    counts = [float(number) for number in known.values()]
    goal = np.array([float(is_of(line, place)) for place in places])
    fit = LinearConstraint(np.array(rows), counts, counts)
    least, most = (milp(sign * goal, constraints=fit, integrality=1) for sign in (1, -1))
    return round(least.fun), round(-most.fun)


def small(places: Mapping[AlertKey, int], kinds: Iterable[str]) -> Iterable[Line]:
    """The lines of 1–4 ratings."""
    for kind in kinds:
        place_of = {
            "agency": lambda place: (place[1],),
            "sector": lambda place: (place[2],),
            "channel": lambda place: (place[3],),
            "procedure": lambda place: (place[4],),
            "agency_sector": lambda place: place[1:3],
        }[kind]
        for month, *codes in {(place[0], *place_of(place)) for place in places}:
            line = ((month,), kind, *codes)
            if 0 < sum(n for place, n in places.items() if is_of(line, place)) < LEAST:
                yield line


@pytest.mark.parametrize("seed", [None, 1, 6, 11])
def test_no_small_line_can_be_worked_out(transact, seed):
    """All published figures of open and closed months leave at least five possible numbers for each
    small line of a table, and for a small sector at an agency unless the tables alone narrow it.
    """
    with transact() as session:
        places = one_sector_each(session) if seed is None else spread(session, seed)
        store(session, places)
        for now in (OPEN, LATER):
            known: dict[Line, int] = {}
            for line, number in decided(session, now):
                assert number == sum(n for place, n in places.items() if is_of(line, place)), line
                known[line] = number
            for line in small(places, ("agency", "sector", "channel", "procedure")):
                least, most = bounds(line, places, known)
                assert most - least >= LEAST, line
            tables = {line: n for line, n in known.items() if line[1] != Along.AGENCY_SECTOR}
            for line in small(places, (Along.AGENCY_SECTOR,)):
                least, most = bounds(line, places, known)
                assert most - least >= LEAST or (least, most) == bounds(line, places, tables), line
            ballots.count(session)
            for month in MONTHS:
                indices.close(session, month, LATER)
