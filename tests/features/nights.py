"""Days on which citizens answer and nights in which their ballots are counted, with the truth about
each answer: when it was given, what it said, and which rows it wrote.

Citizens answer by a link or by SMS in random order; some change their answer, some wish to be
called. Who does what is random too, so that nothing but the answers leads to it.
"""

import random
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.answers.conversation import receive
from survey.db import transaction
from survey.jobs.counting import count_and_clean
from survey.messages import outbox, receipts
from survey.messages.providers import DeliveryReceipt, InboundSms
from survey.models.audit import CitizenEntry
from survey.models.case import Case, case_of
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry
from survey.models.message import Conversation, Message, MessageKind
from tests import ballots
from tests.features import answering
from tests.features.disk import steal
from tests.features.thefts import Given, Theft
from tests.messages.gateway import Gateway
from tests.seeding import LINK, NOW, Wanted, ask_everybody, finish

PROCEDURES = ("1.012784", "2.000815")
DOSSIERS, ANSWERS = 330, (150, 60, 50)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CHANGED, COMMENTED, CALLED, HELPED = 0.2, 0.3, 0.06, 0.4
COMMENT = "Chờ lâu quá."


class Nights:
    """The days and nights of one province; `given` is dossier code → its answer."""

    def __init__(self, app: Flask, *, two_way: bool) -> None:
        """Ask every citizen."""
        self.app, self.two_way = app, two_way
        self.dice, self.gateway, self.texts = random.Random(7), Gateway(), 0
        self.given: dict[str, Given] = {}
        self.night, self.now = 1, NOW
        with app.app_context():
            with transaction() as session:
                ask_everybody(session)
                offices = [one.code for one in answering.agencies(session)]
                wanted = [
                    Wanted(number, self.dice.choice(offices), self.dice.choice(PROCEDURES))
                    for number in range(DOSSIERS)
                ]
                finish(session, wanted)
                # Here, since reading rows later would leave traces on them.
                query = select(Dossier.code, CoverageEntry).join_from(Dossier, CoverageEntry)
                self.cells = {code: entry.cell for code, entry in session.execute(query)}
            self._send()
        self.asked = {one.recipient.address: one.text for one in self.left}
        self.phones = {one.code: one.mobile for one in wanted}
        self.silent = self.dice.sample(sorted(self.phones), DOSSIERS)

    def day(self, number: int) -> None:
        """Let so many citizens answer one after the other, and some earlier ones change theirs."""
        again = self.dice.sample(sorted(self.given), round(CHANGED * len(self.given)))
        fresh = [self.silent.pop() for _ in range(number)]
        with self.app.app_context():
            for code in self.dice.sample([*fresh, *again], number + len(again)):
                self.now += MINUTE
                self._answer(code)
                # Soon, not at once: each time is long.
                if self.now.minute % 10 == 0:
                    self._send()
            self._send()

    def count(self) -> None:
        """Run the counting job of the night; a new day begins."""
        with self.app.app_context():
            count_and_clean(self.now)
        self.night, self.now = self.night + 1, self.now + DAY

    def stolen(self, folder: Path) -> Theft:
        """The disk as it is now."""
        with self.app.app_context(), transaction() as session:
            kept = {
                one.number: one.entry["subject"] for one in session.scalars(select(CitizenEntry))
            }
        entries = {
            number: subject.removeprefix("case:")
            for number, subject in kept.items()
            if subject.startswith("case:")
        }
        return Theft(steal(self.app, folder), deepcopy(self.given), entries)

    def _answer(self, code: str) -> None:
        with transaction() as session:
            keys = set(ballots.keys(session))
            before = _written(session)
        rating, is_called = self.dice.randint(1, 5), self.dice.random() < CALLED
        comments = code not in self.given and self.dice.random() < COMMENTED
        said = self._text if self.two_way else self._submit
        said(code, rating, is_called=is_called, comments=comments)
        with transaction() as session:
            if code not in self.given:
                (key,) = set(ballots.keys(session)) - keys
                place = len(self.given)
                self.given[code] = Given(self.cells[code], key, place, self.night)
            one = self.given[code]
            one.rating, one.night = rating, self.night
            one.is_called = one.is_called or is_called
            one.case = session.scalar(case_of(session, one.key).with_only_columns(Case.code))
            fresh = [now - then for now, then in zip(_written(session), before, strict=True)]
            one.messages, one.notes = one.messages | fresh[0], one.notes | fresh[1]

    def _submit(self, code: str, rating: int, *, is_called: bool, comments: bool) -> None:
        token = LINK.search(self.asked[self.phones[code]])[1]
        comment, contact = (COMMENT if comments else None), (is_called or None)
        with transaction() as session:
            said = Submission(overall=rating, comment=comment, contact=contact)
            answers.submit(session, token, said, self.now)

    def _text(self, code: str, rating: int, *, is_called: bool, comments: bool) -> None:
        helps = self.dice.random() < HELPED
        for text in ("TG" * helps, f"{rating}", COMMENT * comments, "GOI" * is_called):
            if text:
                self.texts += 1
                name, phone = f"E{self.texts}", self.phones[code]
                with transaction() as session:
                    receive(session, InboundSms("fake", name, phone, text), self.now)

    def _send(self) -> None:
        """Send the due messages and deliver them."""
        outbox.send_due(self.gateway, self.now)
        self.left, self.gateway.taken = self.gateway.taken, []
        with transaction() as session:
            for sms in self.left:
                name, attempt = f"G{sms.attempt_id[:20]}", sms.attempt_id
                arrived = DeliveryReceipt("fake", name, attempt, "delivered", "", "delivered")
                receipts.apply(session, self.now, arrived)


def _written(session: Session) -> tuple[set[Any], set[Any]]:
    """Keys of all messages of dialogues and of all notes on conversations."""
    dialogue = select(Message.id).where(Message.kind == MessageKind.DIALOGUE)
    notes = select(*Conversation.__mapper__.primary_key)
    return set(session.scalars(dialogue)), set(session.scalars(notes))


def lived(
    app: Flask, folder: Path, *, two_way: bool, leak: Callable[[Session, dict[str, Given]], None]
) -> dict[str, Theft]:
    """Three stolen disks: with all ballots in the `pool`, after the `night` that counted them, and
    after several `nights`; `planted` is the last one with a leak added.
    """
    nights, thefts = Nights(app, two_way=two_way), {}
    first, *others = ANSWERS
    nights.day(first)
    thefts["pool"] = nights.stolen(folder)
    nights.count()
    thefts["night"] = nights.stolen(folder)
    for number in others:
        nights.day(number)
        nights.count()
    thefts["nights"] = nights.stolen(folder)
    with app.app_context(), transaction() as session:
        leak(session, nights.given)
    thefts["planted"] = nights.stolen(folder)
    return thefts
