"""A citizen's phone that replies by SMS."""

from datetime import timedelta
from itertools import count

from sqlalchemy import select

from survey.answers.conversation import receive
from survey.db import transaction
from survey.messages import outbox
from survey.messages.providers import InboundSms
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from survey.models.province import Province
from tests.messages.gateway import Gateway
from tests.seeding import NOW, Wanted, ask_everybody, finish

PHONE = "+84905000111"
LATER = NOW + timedelta(minutes=5)


class Phone:
    """A citizen's phone that the test controls."""

    def __init__(self, app):
        self.app, self.gateway, self.events = app, Gateway(), count()

    def asked(self, *numbers, now=NOW):
        """Finish dossiers of this phone and deliver their invitations; return their codes."""
        with self.app.app_context():
            with transaction() as session:
                ask_everybody(session)
                session.scalars(select(Province)).one().phone_gap_days = 0
                finish(session, [Wanted(number, phone=PHONE) for number in numbers], now)
            # Ten minutes lie between two messages to a phone, and a reminder may go first.
            for minutes in range(0, 11 * len(numbers) + 11, 11):
                outbox.send_due(self.gateway, now + timedelta(minutes=minutes))
            with transaction() as session:
                query = select(Dossier.code, Invitation.reply_code)
                pairs = query.join(Invitation, Invitation.dossier_id == Dossier.id)
                codes = dict(session.execute(pairs).all())
        self.gateway.taken.clear()
        return [codes[Wanted(number).code] for number in numbers]

    def writes(self, text, *, at=LATER, number=PHONE, event=None):
        """Send a text from the phone; return the reply."""
        name = f"E{next(self.events)}" if event is None else event
        with self.app.app_context():
            with transaction() as session:
                receive(session, InboundSms("fake", name, number, text), at)
            outbox.send_due(self.gateway, at)
        answers = self.gateway.texts
        self.gateway.taken.clear()
        return answers
