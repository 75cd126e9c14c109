"""Compare a month with an earlier one on the same mix of dossiers (direct standardisation)."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.compare import Difference, adjust, fixed_mix
from survey.indices import Breakdown
from survey.insights.readings import Mix, Reading, Unit

CONFIDENCE = 0.95
# Lines with fewer ratings than this are not compared.
FEW = 30
FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """One line in two months, weighted by the later month's mix; fractions, None if not comparable.

    Numbers of ratings are None where they must be suppressed. `is_sure`: the difference is
    significant after Benjamini-Hochberg over all lines.
    """

    key: str
    label: str
    rated_before: int | None
    rated: int | None
    before: float | None
    now: float | None
    difference: float | None
    low: float | None
    high: float | None
    is_sure: bool


def changes(now: Reading, before: Reading, by: Breakdown) -> list[Change]:
    """Compare every line of a month with an earlier one; significant and large changes first."""
    earlier = {one.key: one for one in before.units(by)}
    pairs = [(one, earlier.get(one.key, Unit(one.key, one.label, {}))) for one in now.units(by)]
    compared = [_compare(one, then) for one, then in pairs]
    p_values = [one.p_value if one else None for one in compared]
    sure = adjust(p_values, "BH", FALSE_DISCOVERIES).rejected
    found = [
        Change(
            key=one.key,
            label=one.label,
            rated_before=then.rated if then.is_published else None,
            rated=one.rated if one.is_published else None,
            before=compared.index2 if compared else None,
            now=compared.index1 if compared else None,
            difference=compared.estimate if compared else None,
            low=compared.mover_low if compared else None,
            high=compared.mover_high if compared else None,
            is_sure=place in sure,
        )
        for place, ((one, then), compared) in enumerate(zip(pairs, compared, strict=True))
    ]
    return sorted(found, key=lambda one: (not one.is_sure, -abs(one.difference or 0), one.label))


def _compare(now: Unit, before: Unit) -> Difference | None:
    """The difference on the later mix; None where one is suppressed or has too few ratings."""
    if not (now.is_published and before.is_published) or min(now.rated, before.rated) < FEW:
        return None
    both = common(now.mix, before.mix)
    return difference(now.mix, before.mix, [now.mix[key][0] for key in both], both)


def common(first: Mix, second: Mix) -> list[tuple[str, bool]]:
    """The strata with ratings on both sides."""
    return [key for key in sorted({*first} & {*second}) if first[key][1] and second[key][1]]


def difference(
    first: Mix, second: Mix, base: Sequence[int], strata: Sequence[tuple[str, bool]]
) -> Difference | None:
    """First minus second, strata weighted by their `base` dossiers; None without a dossier."""
    if not sum(base):
        return None
    one, other = (
        ([mix[key][2] for key in strata], [mix[key][1] for key in strata])
        for mix in (first, second)
    )
    return fixed_mix(one, other, base, CONFIDENCE)
