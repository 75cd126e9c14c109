"""Dossiers of a demo: applicant, due date, result, and the decision about an invitation.

The reasons for not inviting follow the same rules as `survey.invitations`.
"""

import random
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from survey.demo import people
from survey.demo.scenario import PlantedEffects, Scenario, pick
from survey.demo.units import Unit, UnitRoles, Work
from survey.models.count import Cell
from survey.models.dossier import Channel, Lateness, Outcome, PhoneKind
from survey.models.invitation import Decision
from survey.models.province import Province
from survey.period import Month
from survey.province.workdays import LOCAL, OFFICE_HOURS, local_day

OPEN_SHARE = 0.02
OPEN_FOR_DAYS = 15
SMALL_UNIT_DOSSIERS = 26
# More dossiers are finished before Tết, and few after it.
HASTE, REST = 1.3, 0.55
NO_DUE_DATE = 0.02
LATE = {"land": 0.08, "construction": 0.07, "investment": 0.05}
LATE_ELSEWHERE = 0.025
LATE_AFTER_FALL = 0.6
LATE_AROUND_TET = 2.2
LATE_DAYS, EARLY_DAYS = 9, 4
CHANNELS = {
    "counter": ((Channel.COUNTER, 0.58), (Channel.ONLINE, 0.34), (Channel.POST, 0.06)),
    "online": ((Channel.COUNTER, 0.3), (Channel.ONLINE, 0.6), (Channel.POST, 0.07)),
}
ONLINE_SECTORS = frozenset({"business", "investment", "transport", "health"})
OUTCOMES = ((Outcome.GRANTED, 0.925), (Outcome.REFUSED, 0.06), (Outcome.WITHDRAWN, 0.015))
KINDS = (
    (PhoneKind.MOBILE, 0.857),
    (PhoneKind.MISSING, 0.08),
    (PhoneKind.INVALID, 0.02),
    (PhoneKind.LANDLINE, 0.04),
    (PhoneKind.FOREIGN, 0.003),
)
UNREACHABLE = {
    PhoneKind.MISSING: Decision.NO_PHONE,
    PhoneKind.INVALID: Decision.BAD_PHONE,
    PhoneKind.LANDLINE: Decision.LANDLINE,
    PhoneKind.FOREIGN: Decision.FOREIGN,
}
# Shares of phones of offices that file for others, of staff, and of returning citizens.
OFFICE_SHARE, STAFF_SHARE, AGAIN_SHARE = 0.05, 0.004, 0.11
DOSSIERS_OF_AN_OFFICE = 2000
STAFF_PHONES = 6
REMEMBERED = 900
# Dossiers imported more than 30 days after they were finished.
FORGOTTEN_SHARE = 0.006
OPT_OUT_SHARE = 0.012
REFUSED_SHARE, UNSENT_SHARE = 0.004, 0.003


@dataclass(slots=True)
class DossierDraft:
    """A dossier before it is written; times are aware datetimes."""

    code: str
    unit: Unit
    work: Work
    channel: str
    outcome: str
    received: datetime
    due: datetime | None
    finished: datetime | None
    phone: str | None
    kind: PhoneKind
    name: str
    decision: Decision = Decision.NO_PHONE
    cell: Cell | None = None


@dataclass(slots=True)
class PhoneBook:
    """Known phones: offices, staff, opt-outs with their day, and when each was last invited."""

    offices: list[str]
    staff: list[str]
    opted_out: dict[str, date] = field(default_factory=dict)
    asked: dict[str, date] = field(default_factory=dict)
    handed_in: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))


class Registry:
    """Draws the dossiers of a scenario in the order in which they were finished."""

    def __init__(
        self,
        scenario: Scenario,
        planted_effects: PlantedEffects,
        roles: UnitRoles,
        province: Province,
        workdays: Sequence[date],
    ) -> None:
        self.scenario, self.planted_effects, self.roles, self.province = (
            scenario,
            planted_effects,
            roles,
            province,
        )
        self.workdays = workdays
        self.dice = scenario.dice("dossiers")
        self.pools = {month: self._pool(month) for month in scenario.periods}
        self.numbers: dict[tuple[int, date], int] = defaultdict(int)
        fresh = people.mobiles(scenario.dice("phones"))
        offices = max(scenario.dossiers // DOSSIERS_OF_AN_OFFICE, 1)
        self.book = PhoneBook(
            [next(fresh) for _ in range(offices)], [next(fresh) for _ in range(STAFF_PHONES)]
        )
        self.fresh = fresh
        self.recent: deque[str] = deque(maxlen=REMEMBERED)

    def draw(self) -> list[DossierDraft]:
        """All dossiers: finished ones by time of finish, then those still in work."""
        unfinished = round(self.scenario.dossiers * OPEN_SHARE)
        places = self._places(self.scenario.dossiers - unfinished)
        found = [self._finished(day, unit) for day, unit in places]
        found += [self._unfinished() for _ in range(unfinished)]
        for draft in found:
            if draft.phone:
                self.book.handed_in[draft.phone].append(draft.received)
        for received in self.book.handed_in.values():
            received.sort()
        finished = sorted(
            (one for one in found if one.finished), key=lambda one: (one.finished, one.code)
        )
        for draft in finished:
            self._decide(draft)
        return finished + [one for one in found if one.finished is None]

    def _pool(self, month: Month) -> tuple[Sequence[Unit], Sequence[float]]:
        """Units that existed throughout a month (up to today) and their shares."""
        last = min(month.day_after - timedelta(days=1), self.scenario.today)
        working = [unit for unit in self.roles.units if unit.works_in(month.first_day, last)]
        return working, [unit.share for unit in working]

    def _places(self, count: int) -> Iterator[tuple[date, Unit]]:
        """Day of finish and unit of `count` dossiers; the small unit has a fixed number."""
        planted_effects, small = self.planted_effects, self.roles.small
        days = [day for day in self.workdays if Month.of(day) == planted_effects.small_month]
        fixed = min(SMALL_UNIT_DOSSIERS, count) if days else 0
        for _ in range(fixed):
            yield self.dice.choice(days), small
        weights = [self._pace(day) for day in self.workdays]
        for day in self.dice.choices(self.workdays, weights, k=count - fixed):
            working, shares = self.pools[Month.of(day)]
            unit = self.dice.choices(working, shares)[0]
            while unit is small and Month.of(day) == planted_effects.small_month:
                unit = self.dice.choices(working, shares)[0]
            yield day, unit

    def _pace(self, day: date) -> float:
        tet = self.planted_effects.tet
        if tet is None or not tet.holds(day):
            return 1
        return HASTE if day < tet.first + (tet.last - tet.first) / 2 else REST

    def _finished(self, day: date, unit: Unit) -> DossierDraft:
        dice = self.dice
        sector, (_, works) = pick_offer(dice, unit)
        work = dice.choice(works)
        place = bisect_left(self.workdays, day)
        late = dice.random() < self._lateness(day, unit, sector)
        shift = -dice.randint(1, LATE_DAYS) if late else dice.randint(0, EARLY_DAYS)
        due = self._workday(place + shift)
        received = self._workday(place + shift - work.days)
        received = min(received, day)
        finished = self._timestamp(day)
        draft = self._draft(unit, work, min(self._timestamp(received), finished), due)
        draft.finished = finished
        draft.outcome = pick(dice, OUTCOMES)
        return draft

    def _unfinished(self) -> DossierDraft:
        dice = self.dice
        place = len(self.workdays) - dice.randint(1, min(OPEN_FOR_DAYS, len(self.workdays)))
        working, shares = self.pools[self.scenario.periods[-1]]
        unit = dice.choices(working, shares)[0]
        _, (_, works) = pick_offer(dice, unit)
        work = dice.choice(works)
        received = self._timestamp(self.workdays[place])
        return self._draft(unit, work, received, self._workday(place + work.days))

    def _draft(self, unit: Unit, work: Work, received: datetime, due: date) -> DossierDraft:
        dice = self.dice
        if unit.valid_from and local_day(received) < unit.valid_from:
            received = self._timestamp(unit.valid_from, hour=7)
        has_due = dice.random() >= NO_DUE_DATE
        kind = pick(dice, KINDS)
        habit = "online" if work.sector in ONLINE_SECTORS else "counter"
        shares = (*CHANNELS[habit], (Channel.UNKNOWN, 0.02))
        return DossierDraft(
            code=self._code(unit, local_day(received)),
            unit=unit,
            work=work,
            channel=pick(dice, shares),
            outcome=Outcome.OPEN,
            received=received,
            due=datetime.combine(due, time(), LOCAL) if has_due else None,
            finished=None,
            phone=self._phone(kind),
            kind=kind,
            name=people.name(dice),
        )

    def _lateness(self, day: date, unit: Unit, sector: str) -> float:
        """Probability that a dossier is late."""
        planted_effects = self.planted_effects
        if unit is self.roles.falling and sector == "land" and day >= planted_effects.fall_from:
            return LATE_AFTER_FALL
        around_tet = planted_effects.tet is not None and planted_effects.tet.holds(day)
        return LATE.get(sector, LATE_ELSEWHERE) * (LATE_AROUND_TET if around_tet else 1)

    def _code(self, unit: Unit, day: date) -> str:
        self.numbers[unit.id, day] += 1
        number = self.numbers[unit.id, day]
        return f"{self.province.dossier_prefix}.{unit.number}-{day:%y%m%d}-{number:04d}"

    def _workday(self, place: int) -> date:
        """The working day at an index; beyond both ends extrapolated by the week."""
        last = len(self.workdays) - 1
        inside = min(max(place, 0), last)
        beyond = timedelta(days=round((place - inside) * 7 / 5))
        return self.workdays[inside] + beyond

    def _timestamp(self, day: date, hour: int | None = None) -> datetime:
        """A random time in office hours on a day."""
        opens, closes = self.dice.choice(OFFICE_HOURS)
        chosen = self.dice.randint(opens.hour + 1, closes.hour - 1) if hour is None else hour
        clock = time(chosen, self.dice.randrange(60), self.dice.randrange(60))
        return datetime.combine(day, clock, LOCAL)

    def _phone(self, kind: PhoneKind) -> str | None:
        dice = self.dice
        if kind is PhoneKind.MOBILE:
            return self._mobile()
        others = {PhoneKind.LANDLINE: people.landline, PhoneKind.FOREIGN: people.foreign}
        return others[kind](dice) if kind in others else None

    def _mobile(self) -> str:
        """A mobile number of an office, of staff, of a returning citizen, or a new one."""
        dice = self.dice
        chance = dice.random()
        if chance < OFFICE_SHARE:
            return dice.choice(self.book.offices)
        if chance < OFFICE_SHARE + STAFF_SHARE:
            return dice.choice(self.book.staff)
        if self.recent and chance < OFFICE_SHARE + STAFF_SHARE + AGAIN_SHARE:
            return dice.choice(self.recent)
        number = next(self.fresh)
        self.recent.append(number)
        return number

    def _decide(self, draft: DossierDraft) -> None:
        """Decide to invite, or store the first reason against it; call in the order of finish."""
        finished = draft.finished
        if finished is None:
            return
        day, unit, work = local_day(finished), draft.unit, draft.work
        draft.cell = Cell(unit.id, work.sector, Month.of(day), draft.channel, _lateness(draft))
        draft.decision = self._decision(draft, finished, day)
        if draft.decision is Decision.ASKED and draft.phone:
            chance = self.dice.random()
            self.book.asked[draft.phone] = day
            if chance < REFUSED_SHARE:
                draft.decision = Decision.PROVIDER_REFUSED
            elif chance < REFUSED_SHARE + UNSENT_SHARE:
                draft.decision = Decision.EXPIRED_UNSENT
            elif chance > 1 - OPT_OUT_SHARE and day < self.scenario.today - timedelta(days=2):
                self.book.opted_out[draft.phone] = day + timedelta(days=1)

    def _decision(self, draft: DossierDraft, finished: datetime, day: date) -> Decision:
        book, province, phone = self.book, self.province, draft.phone
        if draft.kind is not PhoneKind.MOBILE or phone is None:
            return UNREACHABLE[draft.kind]
        since = finished - timedelta(days=province.intermediary_days)
        near = sum(since < received <= finished for received in book.handed_in[phone])
        last = book.asked.get(phone)
        gap = timedelta(days=province.phone_gap_days)
        old = self.scenario.today - day > timedelta(days=province.max_age_days)
        reasons: Mapping[Decision, bool] = {
            Decision.OPTED_OUT: book.opted_out.get(phone, date.max) <= day,
            Decision.INTERMEDIARY: near > province.intermediary_over,
            Decision.ASKED_RECENTLY: last is not None and day - last < gap,
            Decision.STAFF_PHONE: phone in book.staff,
            Decision.TOO_OLD: old and self.dice.random() < FORGOTTEN_SHARE,
        }
        return next((reason for reason, holds in reasons.items() if holds), Decision.ASKED)


def pick_offer(dice: random.Random, unit: Unit) -> tuple[str, tuple[float, Sequence[Work]]]:
    """A sector of a unit, drawn by its share."""
    return pick(dice, [(offer, offer[1][0]) for offer in unit.offers.items()])


def _lateness(draft: DossierDraft) -> Lateness:
    """Compared by day, because the due date of demo dossiers has no time."""
    if draft.due is None or draft.finished is None:
        return Lateness.NONE
    late = local_day(draft.finished) > local_day(draft.due)
    return Lateness.LATE if late else Lateness.ON_TIME
