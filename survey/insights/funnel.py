"""Funnel plot: agencies whose share of satisfied ratings differs by more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.rank import funnel_dispersion, funnel_limits
from survey.indices import LEAST_SHOWN, Breakdown
from survey.insights.readings import Reading

FUNNEL_LEVELS = (0.95, 0.998)
# Points along each limit curve.
STEPS = 40


@dataclass(frozen=True, slots=True)
class Dot:
    """A unit of the funnel; `outside` is the highest level whose limits it exceeds, or None."""

    key: str
    label: str
    rated: int
    share: float
    outside: float | None
    is_below: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """Share by number of ratings for each unit, with limits: level → points (n, low, high)."""

    centre: float
    dispersion: float
    dots: tuple[Dot, ...]
    limits: Mapping[float, Sequence[tuple[int, float, float]]]

    @property
    def outside(self) -> tuple[Dot, ...]:
        """The units outside a limit, highest level first."""
        return tuple(one for one in self.dots if one.outside)


def funnel(reading: Reading) -> Funnel | None:
    """Agencies against the province's share, with the limits of random variation.

    None without an agency to plot, or where all or none are satisfied.
    """
    units = reading.units(Breakdown.AGENCY)
    # The centre includes suppressed units: it is published elsewhere and reveals none of them.
    good, rated = sum(one.satisfied for one in units), sum(one.rated for one in units)
    drawn = [one for one in units if one.is_published and one.rated >= LEAST_SHOWN]
    if not drawn or not 0 < good < rated:
        return None
    centre = good / rated
    n = [one.rated for one in drawn]
    dispersion = funnel_dispersion([one.satisfied for one in drawn], n, centre)
    own = {level: funnel_limits(n, centre, level, dispersion) for level in FUNNEL_LEVELS}
    dots = []
    for place, one in enumerate(drawn):
        share = one.satisfied / one.rated
        beyond = [
            level
            for level, limits in own.items()
            if not limits.low[place] <= share <= limits.high[place]
        ]
        outside = max(beyond) if beyond else None
        dots.append(Dot(one.key, one.label, one.rated, share, outside, share < centre))
    dots.sort(key=lambda one: (-(one.outside or 0), one.share))
    return Funnel(centre, dispersion, tuple(dots), _limits(max(n), centre, dispersion))


def _limits(
    widest: int, centre: float, dispersion: float
) -> dict[float, list[tuple[int, float, float]]]:
    room = widest - LEAST_SHOWN
    sizes = sorted({LEAST_SHOWN + round(room * k / STEPS) for k in range(STEPS + 1)})
    limits = {}
    for level in FUNNEL_LEVELS:
        along = funnel_limits(sizes, centre, level, dispersion)
        limits[level] = list(zip(sizes, along.low.tolist(), along.high.tolist(), strict=True))
    return limits
