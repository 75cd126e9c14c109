"""Simulate who answers an invitation and with what ratings, including the planted effects."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from survey.ballots.bursts import LEAST_BURST
from survey.demo import people
from survey.demo.comments import REVEALING, comment
from survey.demo.dossiers import DossierDraft
from survey.demo.scenario import PlantedEffects, Scenario, pick
from survey.demo.units import UnitRoles
from survey.models.ballot import Flag
from survey.models.dossier import Channel, Lateness, Outcome
from survey.models.invitation import Decision
from survey.models.province import Province
from survey.models.questionnaire import DISSATISFIED_UP_TO, SATISFIED_FROM
from survey.period import Month
from survey.province.workdays import Calendar, local_day

# Decisions taken after an invitation was made.
INVITED = frozenset({Decision.ASKED, Decision.PROVIDER_REFUSED, Decision.EXPIRED_UNSENT})
ANSWERED_SHARE = 0.2
SMALL_UNIT_ANSWERS = 8
SMALL_UNIT_RATINGS = (4, 4, 4, 4, 4, 4, 4, 1)
# Effect 8: citizens with late or refused dossiers answer less and rate worse.
ANSWERS_LESS: Mapping[str, float] = {
    Lateness.LATE: 0.55,
    Outcome.REFUSED: 0.4,
    Outcome.WITHDRAWN: 0.3,
}
JUDGES_WORSE: Mapping[str, float] = {
    Lateness.LATE: -0.2,
    Outcome.REFUSED: -0.22,
    Outcome.WITHDRAWN: -0.1,
}
# Chance of a rating of 4–5 per sector, before channel, lateness and the other effects.
SATISFIED = {
    "land": 0.865,
    "construction": 0.9,
    "business": 0.96,
    "justice": 1.08,
    "health": 0.94,
    "education": 0.97,
    "labour": 0.94,
    "transport": 0.93,
}
SATISFIED_ELSEWHERE = 0.92
# Effect 4.
ONLINE_GAIN, COUNTER_LOSS = 0.035, -0.025
TET_LOSS = -0.12
FALL_LOSS = -0.42
UNIT_SPREAD = 0.02
LEAST, MOST = 0.03, 0.995
# Shares of 5 among 4–5, and of 3, 2 and 1 among the other ratings.
DELIGHTED = 0.45
DISPLEASED = ((3, 0.46), (2, 0.34), (1, 0.2))
COMMENT_SHARE = {1: 0.55, 2: 0.45, 3: 0.25, 4: 0.07, 5: 0.08}
REASON_SHARE = 0.6
CALL_SHARE = {1: 0.16, 2: 0.1}
FACTOR_SHIFTS = (-1, 0, 0, 0, 1)
HOURS_TO_ANSWER = 1 / 16
RESTLESS = timedelta(minutes=2)
REVEALING_DAYS = 20
# Effect 6.
REACHED, REACHED_IN_SILENCE = 0.985, 0.06
# Effect 5.
BURST_ANSWERS, MOST_SATISFIED = 14, 5
# Effect 7: the targets of land, construction and investment, 2021–2025 and after.
FIRST_LEVEL, SECOND_LEVEL = 0.85, 0.9
LAST_MONTH_OF_FIRST_LEVEL = Month("2025-12")


@dataclass(slots=True)
class Asked:
    """An invitation that was sent: when, its expiry, whether it arrived, and its answer."""

    dossier: DossierDraft
    due: datetime
    sent: datetime
    expires: datetime
    is_full: bool
    reached: bool
    answered: datetime | None = None
    rating: int = 0
    factors: Mapping[str, int] = field(default_factory=dict)
    reasons: str = ""
    comment: str | None = None
    wants_call: bool = False
    # Flags of manipulation, joined by ";", as `survey.ballots.bursts` would have set them.
    flags: str = ""


class Citizens:
    """Simulates the invited citizens."""

    def __init__(
        self,
        scenario: Scenario,
        planted_effects: PlantedEffects,
        roles: UnitRoles,
        province: Province,
        calendar: Calendar,
    ) -> None:
        self.scenario, self.planted_effects, self.roles = scenario, planted_effects, roles
        self.province, self.calendar = province, calendar
        self.dice = scenario.dice("answers")
        self.moods = {
            unit.id: self.dice.gauss(0, UNIT_SPREAD)
            for unit in roles.units
            if unit is not roles.small
        }

    def ask(self, dossiers: Sequence[DossierDraft], factors: Sequence[str]) -> list[Asked]:
        """The invitations that were sent, in their order, some with an answer.

        `factors`: what the full questionnaire asks besides the overall question.
        """
        asked = [self._invite(one) for one in dossiers if one.decision in INVITED]
        for one in asked:
            one.answered = self._instant_of_answer(one)
        reachable = [one for one in asked if one.reached and one.answered]
        for one in asked:
            if not one.reached:
                one.answered = None
        self._silence_most(reachable)
        answered = [one for one in asked if one.answered]
        for one in answered:
            one.rating = self._rating(one)
        self._plant(answered)
        for one in answered:
            self._say(one, factors)
        self._burst(answered)
        self._reveal(answered)
        return asked

    def _invite(self, dossier: DossierDraft) -> Asked:
        finished = dossier.finished or self.scenario.now
        province, dice = self.province, self.dice
        due = finished + timedelta(minutes=province.invite_delay_minutes)
        window = (province.window_start, province.window_end)
        sent = self.calendar.next_send_time(due, *window) + timedelta(seconds=dice.randrange(300))
        silent = self.planted_effects.silence.holds(local_day(finished)) and people.is_silent(
            dossier.phone or ""
        )
        return Asked(
            dossier=dossier,
            due=due,
            sent=min(sent, self.scenario.now),
            expires=due + timedelta(days=province.link_days),
            is_full=dice.random() * 100 < province.full_percent,
            reached=dice.random() < (REACHED_IN_SILENCE if silent else REACHED)
            and dossier.decision is Decision.ASKED,
        )

    def _instant_of_answer(self, one: Asked) -> datetime | None:
        """When this citizen would answer; None if after the link's or the scenario's end."""
        instant = one.sent + RESTLESS + timedelta(hours=self.dice.expovariate(HOURS_TO_ANSWER))
        return instant if instant < min(one.expires, self.scenario.now) else None

    def _silence_most(self, reachable: list[Asked]) -> None:
        """Remove answers until response rate and the small unit's number of answers are exact."""
        drawn = [(self.dice.random() / self._readiness(one.dossier), one) for one in reachable]
        drawn.sort(key=lambda pair: pair[0])
        planted = [one for _, one in drawn if self._is_planted(one)]
        others = [one for _, one in drawn if not self._is_planted(one)]
        wanted = round(self.scenario.dossiers * ANSWERED_SHARE) - SMALL_UNIT_ANSWERS
        for one in planted[SMALL_UNIT_ANSWERS:] + others[max(wanted, 0) :]:
            one.answered = None

    def _is_planted(self, one: Asked) -> bool:
        cell = one.dossier.cell
        return (
            one.dossier.unit is self.roles.small
            and cell is not None
            and cell.month == self.planted_effects.small_month
        )

    def _readiness(self, dossier: DossierDraft) -> float:
        lateness = dossier.cell.lateness if dossier.cell else Lateness.NONE
        return ANSWERS_LESS.get(lateness, 1.0) * ANSWERS_LESS.get(dossier.outcome, 1.0)

    def _rating(self, one: Asked) -> int:
        is_satisfied = self.dice.random() < self._chance(one.dossier)
        return _rate(self.dice, is_satisfied=is_satisfied)

    def _chance(self, dossier: DossierDraft) -> float:
        """Probability that the citizen of a dossier is satisfied."""
        day = local_day(dossier.finished or self.scenario.now)
        sector = dossier.work.sector
        chance = SATISFIED.get(sector, SATISFIED_ELSEWHERE) + self.moods.get(dossier.unit.id, 0)
        lateness = dossier.cell.lateness if dossier.cell else Lateness.NONE
        chance += JUDGES_WORSE.get(lateness, 0) + JUDGES_WORSE.get(dossier.outcome, 0)
        chance += {Channel.ONLINE: ONLINE_GAIN, Channel.COUNTER: COUNTER_LOSS}.get(
            Channel(dossier.channel), 0
        )
        if self.planted_effects.tet and self.planted_effects.tet.holds(day):
            chance += TET_LOSS
        falling = dossier.unit is self.roles.falling and sector == "land"
        if falling and day >= self.planted_effects.fall_from:
            chance += FALL_LOSS
        return min(max(chance, LEAST), MOST)

    def _plant(self, answered: Sequence[Asked]) -> None:
        """Planted effects 2 and 7, which need exact shares."""
        planted = [one for one in answered if self._is_planted(one)]
        for one, rating in zip(planted, SMALL_UNIT_RATINGS, strict=False):
            one.rating = rating
        by_month: dict[Month, list[Asked]] = defaultdict(list)
        for one in answered:
            cell = one.dossier.cell
            if cell and cell.sector_code == self.planted_effects.crossing_sector:
                by_month[cell.month].append(one)
        for month, group in by_month.items():
            self.dice.shuffle(group)
            satisfied = round(len(group) * target_share(month))
            for place, one in enumerate(group):
                one.rating = _rate(self.dice, is_satisfied=place < satisfied)

    def _say(self, one: Asked, factors: Sequence[str]) -> None:
        """Set reasons, comment, factors and the callback request that go with a rating."""
        dice = self.dice
        words = comment(dice, one.rating)
        if dice.random() < COMMENT_SHARE[one.rating]:
            one.comment = words.text
        if dice.random() < REASON_SHARE:
            meant = words.factor if words.factor in factors else dice.choice(factors)
            named = {meant, dice.choice(factors)}
            one.reasons = ";".join(factor for factor in factors if factor in named)
        if one.is_full:
            shifted = {factor: one.rating + dice.choice(FACTOR_SHIFTS) for factor in factors}
            one.factors = {factor: min(max(value, 1), 5) for factor, value in shifted.items()}
        one.wants_call = dice.random() < CALL_SHARE.get(one.rating, 0)

    def _burst(self, answered: Sequence[Asked]) -> None:
        """Effect 5: at one counter somebody submits a dozen ratings within ten minutes."""
        for one in answered:
            ratings = {one.rating, *one.factors.values()}
            if one.factors and len(ratings) == 1:
                one.flags = Flag.SAME_EVERYWHERE
        group = [
            one
            for one in answered
            if one.dossier.cell
            and one.dossier.unit is self.roles.bursting
            and one.dossier.cell.month == self.planted_effects.burst_month
        ]
        size = min(BURST_ANSWERS, len(group) - 1)
        for one in group[:size]:
            one.rating, one.factors = MOST_SATISFIED, {}
            one.comment, one.reasons, one.wants_call = None, "", False
            one.flags = Flag.BURST if size >= LEAST_BURST else ""
        for one in group[size:][:1]:  # an honest one, or both indices could be 100 %
            one.rating = DISSATISFIED_UP_TO

    def _reveal(self, answered: Sequence[Asked]) -> None:
        """Effect 9: some of the latest bad answers contain a phone or id number."""
        since = self.scenario.now - timedelta(days=REVEALING_DAYS)
        recent = [
            one
            for one in answered
            if one.rating <= DISSATISFIED_UP_TO and one.answered and one.answered > since
        ]
        for one, words in zip(recent[::-1], REVEALING, strict=False):
            one.comment = words


def target_share(month: Month) -> float:
    """The target of investment in a month, as a fraction."""
    return FIRST_LEVEL if month <= LAST_MONTH_OF_FIRST_LEVEL else SECOND_LEVEL


def _rate(dice: random.Random, *, is_satisfied: bool) -> int:
    if is_satisfied:
        return 5 if dice.random() < DELIGHTED else SATISFIED_FROM
    return pick(dice, DISPLEASED)
