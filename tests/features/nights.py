"""Days on which citizens answer and nights in which their ballots are counted, with what is true of
each answer: when it was given, what it said, and which rows it wrote.

Citizens answer by a link or by SMS, in an order drawn at random; some change what they said, some
wish to be called. Who does what is drawn as well, so nothing but the answers leads to it.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.answers.conversation import receive
from survey.db import transaction
from survey.jobs.counting import count_ballots
from survey.models.case import Case, case_of
from survey.models.count import Cell
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry
from survey.models.message import Message, MessageKind
from survey.sms import outbox, receipts
from survey.sms.providers import DeliveryReceipt, InboundSms
from tests import ballots
from tests.features import answering
from tests.seeding import LINK, NOW, Wanted, ask_everybody, finish
from tests.sms.gateway import Gateway

PROCEDURES = ("1.012784", "2.000815")
DOSSIERS = 260
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CHANGED, COMMENTED, CALLED, HELPED = 0.2, 0.3, 0.06, 0.3
COMMENT = "Chờ lâu quá."


@dataclass
class Given:
    """What is true of one citizen's answer."""

    cell: Cell
    key: bytes
    # Its place among all first answers, from 0, and what it says now.
    place: int
    rating: int
    # Number of the night that counts it last.
    night: int
    is_called: bool
    case: str | None = None
    # Messages that left because of it.
    messages: set[str] = field(default_factory=set)


class Nights:
    """The days and nights of one province; `given` is phone → what is true of its answer."""

    def __init__(self, app: Flask, *, two_way: bool) -> None:
        """Everybody is asked."""
        self.app, self.two_way = app, two_way
        self.dice, self.gateway, self.texts = random.Random(7), Gateway(), 0
        self.given: dict[str, Given] = {}
        self.night, self.now = 1, NOW
        with app.app_context():
            with transaction() as session:
                ask_everybody(session)
                offices = [one.code for one in answering.agencies(session)]
                self.wanted = [
                    Wanted(number, self.dice.choice(offices), self.dice.choice(PROCEDURES))
                    for number in range(DOSSIERS)
                ]
                finish(session, self.wanted)
            self._send()
            with transaction() as session:
                query = select(Dossier.code, CoverageEntry).join_from(Dossier, CoverageEntry)
                self.cells = {code: entry.cell for code, entry in session.execute(query)}
        self.phones = {one.mobile: one.code for one in self.wanted}
        self.silent = self.dice.sample(sorted(self.phones), DOSSIERS)

    def day(self, number: int) -> None:
        """So many citizens answer, one after the other, and some of those before change theirs."""
        again = self.dice.sample(sorted(self.given), round(CHANGED * len(self.given)))
        fresh = [self.silent.pop() for _ in range(number)]
        with self.app.app_context():
            for phone in self.dice.sample([*fresh, *again], number + len(again)):
                self.now += MINUTE
                self._answer(phone)

    def count(self) -> None:
        """The job of the night; a new day begins."""
        with self.app.app_context():
            count_ballots(0, {}, self.now)
        self.night, self.now = self.night + 1, self.now + DAY

    def _answer(self, phone: str) -> None:
        with transaction() as session:
            before = _dialogue(session)
            keys = set(ballots.keys(session))
        rating, is_called = self.dice.randint(1, 5), self.dice.random() < CALLED
        said = self._text if self.two_way else self._submit
        said(phone, rating, is_called=is_called, comments=self.dice.random() < COMMENTED)
        with transaction() as session:
            fresh = set(ballots.keys(session)) - keys
            if fresh:
                cell, place = self.cells[self.phones[phone]], len(self.given)
                self.given[phone] = Given(cell, fresh.pop(), place, rating, 0, is_called=False)
            one = self.given[phone]
            one.rating, one.night = rating, self.night
            one.is_called = one.is_called or is_called
            one.messages |= _dialogue(session) - before
            one.case = session.scalar(case_of(session, one.key).with_only_columns(Case.code))

    def _submit(self, phone: str, rating: int, *, is_called: bool, comments: bool) -> None:
        token = LINK.search(self.asked[phone])[1]
        comment, contact = (COMMENT if comments else None), (is_called or None)
        with transaction() as session:
            said = Submission(overall=rating, comment=comment, contact=contact)
            answers.submit(session, token, said, self.now)

    def _text(self, phone: str, rating: int, *, is_called: bool, comments: bool) -> None:
        helped = self.dice.random() < HELPED
        texts = ("TG" * helped, f"{rating}", COMMENT * comments, "GOI" * is_called)
        for text in filter(None, texts):
            self.texts += 1
            with transaction() as session:
                receive(session, InboundSms("fake", f"E{self.texts}", phone, text), self.now)
            self._send()

    def _send(self) -> None:
        """What is due leaves, and arrives."""
        outbox.send_due(self.gateway, self.now)
        if not self.given:
            self.asked = {one.to_e164: one.text for one in self.gateway.taken}
        for sms in self.gateway.taken:
            name, attempt = f"G{sms.attempt_id[:20]}", sms.attempt_id
            arrived = DeliveryReceipt("fake", name, attempt, "delivered", "", "delivered")
            with transaction() as session:
                receipts.apply(session, self.now, arrived)
        self.gateway.taken.clear()


def _dialogue(session: Session) -> set[str]:
    """Ids of all messages of dialogues."""
    return set(session.scalars(select(Message.id).where(Message.kind == MessageKind.DIALOGUE)))
