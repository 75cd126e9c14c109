"""The province's scoring rules as data, and the figures, verdicts and violations they produce."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

import analysis
from analysis import headline
from analysis.poststratify import collapse_lines
from survey.indices.figures import Figure
from survey.indices.line_counts import LineCounts, Ratings, summed
from survey.models.dossier import Lateness
from survey.models.questionnaire import SATISFIED_FROM
from survey.period import Month
from survey.province import province_of
from survey.province.targets import floor_rules

LATE_FLOOR = "late_agency_not_good"
INDEX_FLOOR = "index_not_good"
# The thresholds evaluated here, and the comparison that violates each.
OPERATORS = {LATE_FLOOR: ">=", INDEX_FLOOR: "<="}
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Floor:
    """A threshold from a document: an agency that violates it may not be rated "good"."""

    name: str
    # A percentage as the document writes it, a whole or a decimal number.
    percent: str
    # ">=" for lateness, "<=" for the index: reaching the threshold violates it.
    operator: str
    quote: str
    source: str

    @property
    def limit(self) -> Fraction:
        """The threshold as a share."""
        return Fraction(self.percent) / 100


@dataclass(frozen=True, slots=True)
class Rules:
    """The scoring rules of a month.

    `confidence` of the printed two-sided interval (a share), `verdict_from` (the fewest ratings for
    a verdict), and the thresholds in force.
    """

    confidence: float
    verdict_from: int
    floors: tuple[Floor, ...]

    @property
    def one_sided(self) -> float:
        """One-sided confidence of each bound: verdicts use the bounds of the printed interval."""
        return (1 + self.confidence) / 2


def rules_in_force(session: Session, month: Month) -> Rules:
    """The rules of the province in a month (YYYY-MM). Refused `no_province` without a province."""
    province = province_of(session)
    floors = tuple(
        Floor(rule.name, rule.value, rule.operator, rule.quote, rule.source)
        for rule in sorted(floor_rules(session, month), key=lambda rule: rule.name)
        if OPERATORS.get(rule.name) == rule.operator
    )
    return Rules(province.confidence_percent / 100, province.verdict_from, floors)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Post-strata of all lines, arrays of shape (lines, most strata); N = 0 means no stratum."""

    y: IntArray
    n: IntArray
    N: IntArray
    late: IntArray

    def of(self, lines: NDArray[np.bool_]) -> "_Cells":
        return _Cells(self.y[lines], self.n[lines], self.N[lines], self.late[lines])


def _cells(counts: Sequence[LineCounts]) -> _Cells:
    width = max(1, *(len(count.strata) for count in counts))
    y, n, N, late = (np.zeros((len(counts), width), dtype=np.int64) for _ in range(4))  # noqa: N806
    for row, count in enumerate(counts):
        for column, (stratum, (finished, ratings)) in enumerate(count.strata.items()):
            rated = sum(ratings)
            y[row, column], n[row, column] = _satisfied(ratings), rated
            N[row, column] = max(finished, rated)
            late[row, column] = stratum[2] == Lateness.LATE
    return _Cells(y, n, N, late)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Verdict of one line, whether it has too few ratings for one, and ratings still needed."""

    verdict: str
    few: bool
    needed: int | None


def figures(counts: Sequence[LineCounts], rules: Rules, *, provisional: bool) -> list[Figure]:
    """Compute the figure of every line. Without a target, or while provisional, no verdict."""
    if not counts:
        return []
    cells = _cells(counts)
    index = headline.anytime_lines if provisional else headline.headline_lines
    found = index(cells.y, cells.n, cells.N, cells.late, rules.confidence)
    bounds = zip(found.estimate.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    scored = _score(counts, cells, rules, provisional=provisional)
    return [
        _figure(count, limits, verdict, provisional=provisional)
        for count, limits, verdict in zip(counts, bounds, scored, strict=True)
    ]


def _score(
    counts: Sequence[LineCounts], cells: _Cells, rules: Rules, *, provisional: bool
) -> list[_Scored]:
    """Verdicts of all lines; lines with the same target are computed at once.

    While provisional no verdict is certain, because more dossiers will finish.
    """
    targets = [count.line.target.value if count.line.target else None for count in counts]
    rated, total = cells.n.sum(axis=1), cells.N.sum(axis=1)
    scored = [_Scored("uncertain", int(n) < rules.verdict_from, None) for n in rated]
    for target in {one for one in targets if one is not None}:
        chosen = np.array([one == target for one in targets]) & (total > 0)
        part, share = cells.of(chosen), (target.numerator, target.denominator)
        decided = headline.headline_verdicts(
            part.y, part.n, part.N, part.late, share, rules.one_sided
        )
        for place, line in enumerate(np.flatnonzero(chosen).tolist()):
            certain = {"met": bool(decided.secured[place]), "not_met": bool(decided.lost[place])}
            needed = decided.needed_n[place]
            sure = next((name for name, holds in certain.items() if holds and not provisional), "")
            scored[line] = _settle(
                (sure, str(decided.verdict[place])),
                (int(rated[line]), int(total[line])),
                None if np.isnan(needed) else int(needed),
                rules.verdict_from,
            )
    return scored


def _settle(
    words: tuple[str, str], counts: tuple[int, int], needed: int | None, verdict_from: int
) -> _Scored:
    """With enough ratings, the verdict of the Manski bounds if certain, else of the interval.

    Enough are `verdict_from` ratings, or one for every dossier; with fewer it is uncertain.
    """
    (sure, decided), (rated, total) = words, counts
    if not rated:
        return _Scored("uncertain", few=True, needed=None)
    enough = rated >= verdict_from or rated == total
    if enough and sure:
        return _Scored(sure, few=False, needed=None)
    if enough:
        return _Scored(decided, few=False, needed=None if needed is None else needed - rated)
    least = min(max(needed or 0, verdict_from), total)
    return _Scored("uncertain", few=True, needed=least - rated)


def _figure(
    count: LineCounts, bounds: tuple[float, float, float], scored: _Scored, *, provisional: bool
) -> Figure:
    line = count.line
    ratings = summed(ratings for _, ratings in count.strata.values())
    population = sum(max(finished, sum(rated)) for finished, rated in count.strata.values())
    rated, satisfied = sum(ratings), _satisfied(ratings)
    worst = analysis.missing_bounds(satisfied, rated, population) if population else (None, None)
    points = sum(level * number for level, number in enumerate(ratings, start=1))
    of_factors = sum(count.factors)
    has_verdict = line.target is not None and population and not provisional
    return Figure(
        key=line.key,
        label=line.label,
        finished=sum(finished for finished, _ in count.strata.values()),
        rated=rated,
        satisfied=satisfied,
        raw=satisfied / rated if rated else None,
        index=bounds[0] if rated else None,
        low=bounds[1],
        high=bounds[2],
        mean=points / rated if rated else None,
        response_rate=analysis.response_rate(rated, population),
        missing_low=worst[0],
        missing_high=worst[1],
        target=float(line.target.value) if line.target else None,
        verdict=scored.verdict if has_verdict else None,
        needed=scored.needed,
        provisional=provisional,
        target_source=f"{line.target.province}: {line.target.source}" if line.target else "",
        target_is_default=line.target.is_default if line.target else False,
        sipas=_satisfied(count.factors) / of_factors if of_factors else None,
        sipas_rated=of_factors,
        few=scored.few,
    )


def _satisfied(ratings: Ratings) -> int:
    return sum(ratings[SATISFIED_FROM - 1 :])


def nonresponse(count: LineCounts) -> analysis.Nonresponse:
    """Non-response over the strata of a line, with thin strata merged as for its index."""
    cells = _cells([count])
    merged = collapse_lines(cells.y, cells.n, cells.N, cells.late)
    return analysis.nonresponse(merged.y[0], merged.n[0], merged.N[0])


def floor_violations(counts: Sequence[LineCounts], rules: Rules) -> list[dict[str, Any]]:
    """Agencies that violate a threshold, with the quote from its document.

    `counts` are those of the overall question, by agency. Lateness is counted exactly on all
    dossiers. A low index is `proven` when its whole interval lies at or below the threshold, with
    enough ratings or one for every dossier; if only the estimate does, it is listed as not proven.
    """
    found = []
    for floor in rules.floors:
        touched = _late(counts, floor) if floor.name == LATE_FLOOR else _low(counts, floor, rules)
        for count, value, proven in touched:
            found.append(
                {
                    "agency": count.line.key,
                    "label": count.line.label,
                    "rule": floor.name,
                    "value": value,
                    "limit": float(floor.limit),
                    "operator": floor.operator,
                    "quote": floor.quote,
                    "source": floor.source,
                    "proven": proven,
                }
            )
    return sorted(found, key=lambda row: (row["agency"], row["rule"]))


def _late(counts: Sequence[LineCounts], floor: Floor) -> list[tuple[LineCounts, float, bool]]:
    """Agencies whose share of late dossiers is at or above the threshold."""
    touched = []
    for count in counts:
        finished = sum(number for number, _ in count.strata.values())
        late = sum(number for name, (number, _) in count.strata.items() if name[2] == Lateness.LATE)
        if analysis.is_late(late, finished, floor.limit.as_integer_ratio()):
            touched.append((count, late / finished, True))
    return touched


def _low(
    counts: Sequence[LineCounts], floor: Floor, rules: Rules
) -> list[tuple[LineCounts, float, bool]]:
    """Agencies whose index is at or below the threshold, and whether the interval proves it."""
    if not counts:
        return []
    cells, limit = _cells(counts), floor.limit
    ratio = limit.as_integer_ratio()
    decided = headline.floor_lines(cells.y, cells.n, cells.N, cells.late, ratio, rules.one_sided)
    scored = figures(counts, rules, provisional=False)
    totals = cells.N.sum(axis=1).tolist()
    touched = []
    for count, one, outcome, total in zip(counts, scored, decided.tolist(), totals, strict=True):
        if one.index is None:
            continue
        enough = one.rated >= rules.verdict_from or one.rated == total
        if outcome == "below_floor" and enough:
            touched.append((count, one.index, True))
        elif one.index <= limit:
            touched.append((count, one.index, False))
    return touched


def rules_row(rules: Rules) -> dict[str, Any]:
    """The rules in the form stored beside the figures they were applied to."""
    return asdict(rules)


def read_rules(row: dict[str, Any]) -> Rules:
    """Rules from a payload."""
    floors = tuple(Floor(**floor) for floor in row["floors"])
    return Rules(row["confidence"], row["verdict_from"], floors)
