"""Counting again from the ballots, as they stood before a closing: the second way to a snapshot.

Nothing here reads the stored counts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.aggregates import PATTERN
from survey.ballots.checking import ballots_of
from survey.ballots.contents import Ballot, Version
from survey.disclosure import Breakdown
from survey.indices.payload import COUNTED, Inputs, read_inputs
from survey.indices.tallies import OVERALL, Finished, Rated, Ratings, Stratum
from survey.models.organisation import Agency
from survey.models.questionnaire import HIGHEST_RATING, LOWEST_RATING, Question
from survey.period import Month

# Agency code, sector, channel, lateness, question, rating 1–5.
Place = tuple[str, str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Recount:
    """What counts at a closing: ratings by place, the answers in each cell, the ratings that
    complete questionnaires give together (in the order of PATTERN), and a SHA-256 over every
    version that was there, replaced ones by their digests.
    """

    ratings: Counter[Place]
    answered: Counter[tuple[str, str, str, str]]
    patterns: Counter[tuple[int, ...]]
    digest: str

    @property
    def pattern_rows(self) -> list[list[int]]:
        """Ratings of PATTERN and how often they were given together, in their order."""
        return [[*ratings, times] for ratings, times in sorted(self.patterns.items())]


def recount(session: Session, month: Month, closing: int) -> Recount:
    """Count the last version of each ballot of a month (YYYY-MM) before the closing `closing`.

    The digest covers no comment (retention erases those) and nothing that changes with a key.
    """
    codes = dict(session.execute(select(Agency.id, Agency.code)).all())
    ratings: Counter[Place] = Counter()
    answered: Counter[tuple[str, str, str, str]] = Counter()
    patterns: Counter[tuple[int, ...]] = Counter()
    digests = []
    for ballot in ballots_of(session, [month]):
        before = [one for one in ballot.versions if one.closing < closing]
        if not before:
            continue
        cell = ballot.cell
        place = (codes[cell.agency_id], cell.sector_code, cell.channel, cell.lateness)
        digests.append(_digest(ballot, place, before))
        answered[place] += 1
        given = before[-1].ratings
        for question, rating in given.items():
            ratings[(*place, question, rating)] += 1
        if all(question in given for question in PATTERN):
            patterns[tuple(given[question] for question in PATTERN)] += 1
    # Sorted, since ballots lie in no order.
    digest = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    return Recount(ratings, answered, patterns, digest)


def _digest(ballot: Ballot, place: Sequence[str], versions: Sequence[Version]) -> str:
    said = [
        [one.closing, sorted(one.ratings.items()), list(one.reasons), one.replaced]
        for one in versions
    ]
    return hashlib.sha256(json.dumps([ballot.key.hex(), *place, said]).encode()).hexdigest()


def source_of(payload: Mapping[str, Any]) -> "Recounted":
    """The counts that a closing kept: a `Source` that never changes."""
    counted = payload[COUNTED]
    rows = [[*row[:4], Question.OVERALL.value, *row[4:]] for row in counted["cells"]]
    ratings = {
        (*place, level): times
        for *place, n1, n2, n3, n4, n5 in (*rows, *counted.get("factors", ()))
        for level, times in enumerate((n1, n2, n3, n4, n5), start=LOWEST_RATING)
        if times
    }
    return Recounted(read_inputs(payload["inputs"]), ratings)


class Recounted:
    """A `Source` from ballots and stored inputs instead of the counts."""

    def __init__(self, inputs: Inputs, ratings: Mapping[Place, int]) -> None:
        self.inputs = inputs
        self.ratings = ratings

    def finished(self, by: Breakdown) -> Finished:
        """As `Source` says."""
        found: dict[str, dict[Stratum, int]] = {}
        if by is Breakdown.PROCEDURE:
            for procedure, channel, lateness, number in self.inputs.procedure_frame:
                if number:
                    found.setdefault(procedure, {})[("", channel, lateness)] = number
            return found
        for agency, sector, channel, lateness, number, *_ in self.inputs.frame:
            if number:
                strata = found.setdefault(_key(by, agency, sector, channel), {})
                stratum = (sector, channel, lateness)
                strata[stratum] = strata.get(stratum, 0) + number
        return found

    def rated(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        """As `Source` says."""
        if by is Breakdown.PROCEDURE:
            parts: Iterable[tuple[str, Stratum, str, Sequence[int]]] = (
                (row[0], ("", row[1], row[2]), row[3], row[4:])
                for row in self.inputs.procedure_counts
            )
        else:
            parts = (
                (
                    _key(by, agency, sector, channel),
                    (sector, channel, lateness),
                    question,
                    _one(rating, times),
                )
                for (agency, sector, channel, lateness, question, rating), times in (
                    self.ratings.items()
                )
            )
        found: dict[str, dict[Stratum, Ratings]] = {}
        for key, stratum, question, numbers in parts:
            if question in questions:
                strata = found.setdefault(key, {})
                so_far = strata.get(stratum, (0, 0, 0, 0, 0))
                n1, n2, n3, n4, n5 = (a + b for a, b in zip(so_far, numbers, strict=True))
                strata[stratum] = (n1, n2, n3, n4, n5)
        return found


def _key(by: Breakdown, agency: str, sector: str, channel: str) -> str:
    keys = {Breakdown.AGENCY: agency, Breakdown.SECTOR: sector, Breakdown.CHANNEL: channel}
    return keys.get(by, OVERALL)


def _one(rating: int, times: int) -> list[int]:
    return [times if level == rating else 0 for level in range(LOWEST_RATING, HIGHEST_RATING + 1)]
