"""Two agencies of one month on one mix of dossiers, and whether chance alone may set them apart."""

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
    """One agency: index on the common mix and the share of its dossiers that lie in it (0–1)."""

    key: str
    label: str
    rated: int
    index: float
    shared: float


@dataclass(frozen=True, slots=True)
class Pair:
    """First minus second with its interval (fractions); `is_clear` when that holds no zero.

    `by_sector`: what each sector contributes, the greatest first; empty where one sector holds all
    or where a contribution would reveal the ratings of fewer than five.
    """

    first: Side
    second: Side
    difference: float
    low: float
    high: float
    by_sector: tuple[tuple[str, float], ...]

    @property
    def is_clear(self) -> bool:
        """Whether there are grounds to say that the two differ."""
        return self.low > 0 or self.high < 0


def pair(session: Session, month: Month, first: str, second: str) -> Pair:
    """Compare two agencies (codes) in a month (YYYY-MM) as it stands now.

    Both are weighted by the dossiers of both together, over the sectors, late or not, in which both
    have ratings. Invalid `pair_same`, `pair_unknown`; Refused `pair_hidden`, `pair_apart`,
    `pair_few`.
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
    """The common strata, if both have ratings enough in them and may be published."""
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
    """Sector → points of the difference; they add up to it, so all may be published or none."""
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
