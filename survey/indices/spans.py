"""Figures of several months together, from the counts of each month.

Months are strata: a post-stratum of a longer period is month × sector × channel × lateness, and
thin ones are merged as within a month. So a figure is neither a mean of the months nor a raw share:
a month with a higher response rate gets no more weight. A closed month counts with its snapshot,
an open one with its current counts.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from survey.disclosure import Breakdown
from survey.indices.answers import source_of
from survey.indices.closed import part_of
from survey.indices.line_counts import Finished, Rated, Ratings, Source, Stored, Stratum
from survey.models.snapshot import Snapshot
from survey.period import Month, Period


class Spanned:
    """A `Source` over several months; the sector in a stratum's name is prefixed by its month."""

    def __init__(self, parts: Mapping[Month, Source]) -> None:
        self.parts = parts
        # Each factor once, in the order of the months.
        asked = (factor for part in parts.values() for factor in part.factors)
        self.factors = list(dict.fromkeys(asked))

    def finished(self, by: Breakdown) -> Finished:
        """See `Source.finished`."""
        found: dict[str, dict[Stratum, int]] = {}
        for month, part in self.parts.items():
            for key, strata in part.finished(by).items():
                for stratum, number in strata.items():
                    found.setdefault(key, {})[_in_month(month, stratum)] = number
        return found

    def rated(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        """See `Source.rated`."""
        found: dict[str, dict[Stratum, Ratings]] = {}
        for month, part in self.parts.items():
            for key, strata in part.rated(by, questions).items():
                for stratum, ratings in strata.items():
                    found.setdefault(key, {})[_in_month(month, stratum)] = ratings
        return found


def _in_month(month: Month, stratum: Stratum) -> Stratum:
    sector, channel, lateness = stratum
    return f"{month} {sector}", channel, lateness


def spanned(session: Session, period: Period, closings: Mapping[Month, Snapshot]) -> Spanned:
    """The counts of a period; those of closed months come from their snapshots.

    Refused `snapshot_broken`.
    """
    parts: dict[Month, Source] = {}
    for month in period.months:
        if month in closings:
            parts[month] = part_of(session, closings[month], source_of)
        else:
            parts[month] = Stored(session, month)
    return Spanned(parts)
