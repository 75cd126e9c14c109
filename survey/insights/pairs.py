"""Compare two agencies of one month on the same mix of dossiers (direct standardisation)."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy.orm import Session

from survey.errors import Invalid, Refused
from survey.indices import LEAST_SHOWN, Breakdown
from survey.indices.disclosure_control import still_suppressed
from survey.insights.changes import FEW, common, difference
from survey.insights.readings import Mix, Unit, as_it_stands
from survey.period import Month


@dataclass(frozen=True, slots=True)
class Side:
    """One agency: its index on the common mix, and the share (0–1) of its dossiers in that mix."""

    key: str
    label: str
    rated: int
    index: float
    shared: float


@dataclass(frozen=True, slots=True)
class Pair:
    """First minus second with its interval (fractions); `is_clear` if that excludes zero.

    `by_sector`: the contribution of each sector, the greatest first; empty where there is only one
    sector, or where a contribution would reveal the ratings of fewer than five people.
    """

    first: Side
    second: Side
    difference: float
    low: float
    high: float
    by_sector: tuple[tuple[str, float], ...]

    @property
    def is_clear(self) -> bool:
        """Whether the difference is significant."""
        return self.low > 0 or self.high < 0


def pair(session: Session, month: Month, first: str, second: str) -> Pair:
    """Compare two agencies (codes) in a month (YYYY-MM) by its current counts.

    Both are weighted by the dossiers of both together, over the strata (sector × late or not) in
    which both have ratings. Invalid `pair_same`, `pair_unknown`; Refused `pair_hidden` (a
    suppressed agency), `pair_apart` (no common stratum), `pair_few` (too few ratings).
    """
    reading = as_it_stands(session, month, still_suppressed(session, [month])[month])
    units = {one.key: one for one in reading.units(Breakdown.AGENCY)}
    if not {first, second} <= {*units}:
        raise Invalid("pair_unknown")
    if first == second:
        raise Invalid("pair_same")
    one, other = units[first], units[second]
    strata = _comparable(one, other)
    base = [one.mix[key][0] + other.mix[key][0] for key in strata]
    found = difference(one.mix, other.mix, base, strata)
    if found is None:
        raise Refused("pair_apart")
    sectors = {line.key: line.label for line in reading.lines(Breakdown.SECTOR)}
    shares = _by_sector(one.mix, other.mix, dict(zip(strata, base, strict=True)))
    return Pair(
        _side(one, found.index1, strata),
        _side(other, found.index2, strata),
        *(found.estimate, found.mover_low, found.mover_high),
        tuple((sectors[key], part) for key, part in shares),
    )


def _comparable(one: Unit, other: Unit) -> list[tuple[str, bool]]:
    """The common strata. Refused if an agency is suppressed or has too few ratings in them."""
    for unit in (one, other):
        if unit.rated >= FEW and not unit.is_published:
            raise Refused("pair_hidden", unit.label)
    strata = common(one.mix, other.mix)
    if not strata and min(one.rated, other.rated) >= FEW:
        raise Refused("pair_apart")
    for unit in (one, other):
        if sum(unit.mix[key][1] for key in strata) < FEW:
            raise Refused("pair_few", unit.label)
    return strata


def _side(unit: Unit, index: float, strata: list[tuple[str, bool]]) -> Side:
    whole = sum(finished for finished, _, _ in unit.mix.values())
    within = sum(unit.mix[key][0] for key in strata)
    return Side(unit.key, unit.label, unit.rated, index, within / whole if whole else 0.0)


def _by_sector(
    first: Mix, second: Mix, base: dict[tuple[str, bool], int]
) -> list[tuple[str, float]]:
    """(sector, contribution to the difference); as they sum to it, all are published or none."""
    sectors = {sector for sector, _ in base}
    fewest = min(_rated(mix, sector) for mix in (first, second) for sector in sectors)
    if len(sectors) == 1 or fewest < LEAST_SHOWN:
        return []
    parts: dict[str, float] = defaultdict(float)
    for key, dossiers in base.items():
        (_, n1, y1), (_, n2, y2) = first[key], second[key]
        parts[key[0]] += dossiers / sum(base.values()) * (y1 / n1 - y2 / n2)
    return sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))


def _rated(mix: Mix, sector: str) -> int:
    return sum(number for (one, _late), (_, number, _) in mix.items() if one == sector)
