"""Two weeks in which eight small offices finish one dossier a day each: the hardest case to hide.

Citizens answer within hours by page or by SMS, handlers work on the cases, reminders leave.
Everything happens through the features, at its hour.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from flask import Flask
from sqlalchemy import select

from survey import answers
from survey.answers import Submission
from survey.answers.conversation import receive
from survey.cases import steps
from survey.cases.notices import Way
from survey.cases.steps import Ending
from survey.jobs.counting import count_and_clean
from survey.messages import outbox
from survey.messages.providers import InboundSms, OutgoingSms
from survey.models.case import Case, CloseReason
from survey.models.staff import Staff
from survey.province import calendar_of
from survey.province.workdays import LOCAL
from tests import ballots
from tests.conftest import unit_of_work
from tests.features import answering
from tests.messages.gateway import Gateway
from tests.seeding import LINK, Wanted, ask_everybody, finish

# 09:00 on a Monday in Viet Nam; no holiday lies ahead.
BEGIN = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
DAYS, OFFICES = 14, 8
END = BEGIN + timedelta(days=DAYS + 5)
ANSWERS, UNHAPPY = 0.65, 0.5
HOURS_TO_ANSWER = 5
HANDLED = ((0.5, 7.5), (3, 20), (1, 12))
Act = Callable[[datetime], None]


@dataclass
class Fortnight:
    """The two weeks: when each dossier's citizen `answered`, and the `author` of each ballot by the
    hexadecimal form of its key.
    """

    app: Flask
    two_way: bool
    dice: random.Random
    answered: dict[str, datetime] = field(default_factory=dict)
    author: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Plan the offices' days and the hours at which messages leave."""
        self.gateway, self.entered = Gateway(), 0
        self.ahead: list[tuple[datetime, int, Act]] = []
        self.owner: dict[str, str] = {}
        self.asked: set[str] = set()
        self.cases: set[str] = set()
        with unit_of_work(self.app) as session:
            ask_everybody(session)
            self.codes = [one.code for one in answering.agencies(session)[:OFFICES]]
            self.handler_id = answering.add_staff(session).id
            self.calendar = calendar_of(session)
        for day in range(DAYS):
            self._plan(BEGIN + timedelta(days=day), partial(self._finish, day))
        for hour in range((END - BEGIN).days * 24):
            self._plan(BEGIN + timedelta(hours=hour, minutes=5), self._send)

    def live(self) -> None:
        """Run all planned events in the order of time."""
        with self.app.app_context():
            while self.ahead:
                instant, _, act = heapq.heappop(self.ahead)
                act(instant)

    def _plan(self, instant: datetime, act: Act) -> None:
        if instant < END:
            heapq.heappush(self.ahead, (instant.astimezone(UTC), self.entered, act))
            self.entered += 1

    def _finish(self, day: int, now: datetime) -> None:
        """Finish one dossier at every office."""
        wanted = [
            Wanted(1 + day * OFFICES + place, code, finished_at=now - timedelta(minutes=30))
            for place, code in enumerate(self.codes)
        ]
        self.dice.shuffle(wanted)
        self.owner |= {one.mobile: one.code for one in wanted}
        with unit_of_work(self.app) as session:
            finish(session, wanted, now)

    def _send(self, now: datetime) -> None:
        """Send the due messages; citizens asked for the first time may answer some hours later."""
        outbox.send_due(self.gateway, now)
        if now.astimezone(LOCAL).hour == 1:
            count_and_clean(now)
        for sms in self.gateway.taken:
            if sms.recipient.address not in self.asked:
                self.asked.add(sms.recipient.address)
                if self.dice.random() < ANSWERS:
                    wait = timedelta(hours=self.dice.expovariate(1 / HOURS_TO_ANSWER))
                    self._plan(now + wait, partial(self._answer, sms))
        self.gateway.taken.clear()

    def _answer(self, sms: OutgoingSms, now: datetime) -> None:
        code = self.owner[sms.recipient.address]
        rating = self.dice.choice((1, 2) if self.dice.random() < UNHAPPY else (3, 4, 5))
        self.answered[code] = now
        with unit_of_work(self.app) as session:
            if self.two_way:
                text = InboundSms(
                    "fake", f"E{len(self.answered)}", sms.recipient.address, f"{rating}"
                )
                receive(session, text, now)
            else:
                link = LINK.search(sms.text)
                answers.submit(session, link[1] if link else "", Submission(rating), now)
            (fresh,) = {key.hex() for key in ballots.keys(session)} - set(self.author)
        self.author[fresh] = code
        outbox.send_due(self.gateway, now)
        self._handle(now)

    def _handle(self, now: datetime) -> None:
        """Take, reply to and close new cases, in working hours."""
        with unit_of_work(self.app) as session:
            fresh = set(session.scalars(select(Case.code))) - self.cases
        self.cases |= fresh
        acts = (
            steps.take,
            partial(_with, steps.reply, ("Đã nhắc nhở và xin lỗi Ông/Bà.", Way.PAGE)),
            partial(_with, steps.close, Ending(CloseReason.RESOLVED)),
        )
        for code in fresh:
            instant = now
            for act, (least, most) in zip(acts, HANDLED, strict=True):
                hours = self.dice.uniform(least, most)
                instant = self.calendar.add_working_hours(instant, hours)
                self._plan(instant, partial(self._work, code, act))

    def _work(self, code: str, act: Callable[..., None], now: datetime) -> None:
        with unit_of_work(self.app) as session:
            staff = session.get_one(Staff, self.handler_id)
            revision = session.scalar(select(Case.revision).where(Case.code == code)) or 0
            act(session, staff, steps.claim(session, staff, code, revision), now)


def _with(step: Callable[..., None], more: object, *held: object) -> None:
    """Take a step that wants something between the case and the time."""
    *case, now = held
    step(*case, more, now)
