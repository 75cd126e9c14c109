"""Signs that figures may have been helped, beside each unit's score; they delete and prove nothing.

A person outside the unit decides what a sign means, so both shares are shown: with the flagged
answers and without them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from analysis.compare import adjust, fisher_less
from survey.models.count import Count, Frame
from survey.models.dossier import Lateness
from survey.models.invitation import CoverageEntry, Decision
from survey.models.organisation import Agency, alphabetical
from survey.models.questionnaire import SATISFIED_FROM, Question
from survey.models.response import Answer, Flag, Response
from survey.monitoring.standings import DISSATISFIED, RATED

# Share of false signs among those shown for late dossiers asked less.
FALSE_DISCOVERIES = 0.05
# Phones that keep dossiers from being asked about.
PHONE_SIGNS = (Decision.STAFF_PHONE, Decision.INTERMEDIARY)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many of the finished dossiers were asked about."""

    invited: int = 0
    finished: int = 0

    @property
    def share(self) -> float | None:
        """Share asked, a fraction; None without a dossier."""
        return self.invited / self.finished if self.finished else None


@dataclass(frozen=True, slots=True)
class Signs:
    """One agency in one month.

    `asked_less` is the one-sided Fisher p-value that late dossiers were asked about less than
    those on time, None without late ones; `is_asked_less` holds after Benjamini-Hochberg over
    all agencies. `flagged` counts responses by flag; shares are raw ratings 4–5, fractions.
    """

    key: str
    label: str
    late: Asked
    on_time: Asked
    asked_less: float | None
    is_asked_less: bool
    flagged: Mapping[str, int]
    rated: int
    satisfied: int
    flagged_rated: int
    flagged_satisfied: int
    phones: Mapping[str, int]

    @property
    def share(self) -> float | None:
        """Share of satisfied ratings, all of them."""
        return self.satisfied / self.rated if self.rated else None

    @property
    def share_without(self) -> float | None:
        """The same without responses that carry a flag."""
        left = self.rated - self.flagged_rated
        return (self.satisfied - self.flagged_satisfied) / left if left else None

    @property
    def is_notable(self) -> bool:
        """Whether a person should look: fewer late ones asked, bursts, or taps no person makes."""
        return self.is_asked_less or any(
            self.flagged.get(flag) for flag in (Flag.BURST, Flag.TOO_FAST)
        )


def signs(session: Session, month: str) -> list[Signs]:
    """The signs of every agency with finished dossiers in a month (YYYY-MM), notable ones first."""
    asked, ratings = _asked(session, month), _ratings(session, month)
    flagged, weights = _flagged(session, month)
    phones = _phones(session, month)
    labels = {row.id: row for row in session.execute(select(Agency.id, Agency.code, Agency.name))}
    agencies = sorted(asked)
    p_values = [_asked_less(asked[one]) for one in agencies]
    less = adjust(p_values, "BH", FALSE_DISCOVERIES).rejected
    found = [
        Signs(
            key=labels[agency].code,
            label=labels[agency].name,
            late=asked[agency][Lateness.LATE],
            on_time=asked[agency][Lateness.ON_TIME],
            asked_less=p_values[place],
            is_asked_less=place in less,
            flagged=flagged[agency],
            rated=ratings.get(agency, (0, 0))[0],
            satisfied=ratings.get(agency, (0, 0))[1],
            flagged_rated=weights[agency][0],
            flagged_satisfied=weights[agency][1],
            phones=phones[agency],
        )
        for place, agency in enumerate(agencies)
    ]
    return sorted(found, key=lambda one: (not one.is_notable, alphabetical(one.label)))


def _asked_less(asked: Mapping[str, Asked]) -> float | None:
    late, on_time = asked[Lateness.LATE], asked[Lateness.ON_TIME]
    if not late.finished or not on_time.finished:
        return None
    return fisher_less(late.invited, late.finished, on_time.invited, on_time.finished)


def _asked(session: Session, month: str) -> dict[int, dict[str, Asked]]:
    query = (
        select(Frame.agency_id, Frame.lateness, func.sum(Frame.invited), func.sum(Frame.finished))
        .where(Frame.month == month)
        .group_by(Frame.agency_id, Frame.lateness)
    )
    found: dict[int, dict[str, Asked]] = defaultdict(lambda: defaultdict(Asked))
    for agency, lateness, invited, finished in session.execute(query):
        if finished:
            found[agency][lateness] = Asked(int(invited), int(finished))
    return found


def _ratings(session: Session, month: str) -> dict[int, tuple[int, int]]:
    query = (
        select(Count.agency_id, func.sum(RATED), func.sum(RATED - DISSATISFIED))
        .where(Count.month == month, Count.question == Question.OVERALL)
        .group_by(Count.agency_id)
    )
    return {agency: (int(rated), int(good)) for agency, rated, good in session.execute(query)}


def _flagged(
    session: Session, month: str
) -> tuple[dict[int, Counter[str]], dict[int, tuple[int, int]]]:
    """Responses by flag, and how many flagged ones there are and how many of them are satisfied.

    The last version of an answer counts, as everywhere.
    """
    newest = (
        select(Answer.response_id, func.max(Answer.version).label("version"))
        .join(Response, Response.id == Answer.response_id)
        .where(Response.month == month, Response.flags != "")
        .group_by(Answer.response_id)
        .subquery()
    )
    good = func.sum(case((Answer.overall >= SATISFIED_FROM, 1), else_=0))
    query = (
        select(Response.agency_id, Response.flags, func.count(), good)
        .join(newest, newest.c.response_id == Response.id)
        .join(
            Answer,
            (Answer.response_id == newest.c.response_id) & (Answer.version == newest.c.version),
        )
        .group_by(Response.agency_id, Response.flags)
    )
    by_flag: dict[int, Counter[str]] = defaultdict(Counter)
    weights: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for agency, flags, number, satisfied in session.execute(query):
        for flag in flags.split(";"):
            by_flag[agency][flag] += number
        rated, before = weights[agency]
        weights[agency] = rated + number, before + int(satisfied)
    return by_flag, weights


def _phones(session: Session, month: str) -> dict[int, Counter[str]]:
    query = (
        select(CoverageEntry.agency_id, CoverageEntry.decision, func.count())
        .where(CoverageEntry.month == month, CoverageEntry.decision.in_(PHONE_SIGNS))
        .group_by(CoverageEntry.agency_id, CoverageEntry.decision)
    )
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for agency, decision, number in session.execute(query):
        found[agency][decision] = number
    return found
