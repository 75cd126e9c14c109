"""An upgrade takes away what moved or was kept with each answer, and loses nothing either way."""

import flask_migrate
from sqlalchemy import select, text, update

from survey.db import db, transaction
from survey.jobs import queue
from survey.models.count import OF_FRAME, RATED, Count, Frame
from survey.models.job import Job
from survey.models.message import Inbound, InboundEvent
from survey.responses.conversation import receive
from survey.sealing import unseal
from survey.sms.providers import InboundSms
from tests.features import answering
from tests.features.rated import fill
from tests.seeding import NOW

PHONE = "+84905000111"


def test_how_many_answered_is_what_their_ratings_say(app):
    """Taken back, the frame says again how many answered, where nobody did too."""
    with app.app_context():
        with transaction() as session:
            here, there = answering.agencies(session)[:2]
            fill(session, here, "2026-05", good=7, bad=2)
            fill(session, there, "2026-05", good=0, bad=0)
            places = {here.id: 9, there.id: 0}
        flask_migrate.downgrade(revision="0009")
        with db.engine.connect() as connection:
            told = connection.execute(text("SELECT agency_id, answered FROM frame"))
            assert {row.agency_id: row.answered for row in told} == places
        flask_migrate.upgrade()
        with transaction() as session:
            joined = select(Frame.agency_id, RATED).join(Count, OF_FRAME, isouter=True)
            assert dict(session.execute(joined).all()) == places


def test_texts_of_before_are_known_again(app):
    """Back and forth, a text that came before is not acted on again, whether it waits for a person
    or said nothing to one; before the upgrade each had its row.
    """
    texts = [InboundSms("fake", name, PHONE, name) for name in ("Cho toi hoi", "TC")]

    def waiting():
        with transaction() as session:
            for one in texts:
                receive(session, one, NOW)
            rows = session.scalars(select(Inbound)).all()
            events = len(session.scalars(select(InboundEvent.event_hash)).all())
            words = [unseal(session, "inbound.body", row.id, row.body_sealed) for row in rows]
            return words, [row.received_at for row in rows], events

    with app.app_context():
        assert waiting() == (["Cho toi hoi"], [NOW], 2)
        flask_migrate.downgrade(revision="0009")
        with db.engine.connect() as connection:
            silent = connection.scalars(text("SELECT phone_sealed IS NULL FROM inbound")).all()
            assert sorted(map(bool, silent)) == [False, True, True]
        flask_migrate.upgrade()
        words, moments, events = waiting()
        assert (words, moments, events) == (["Cho toi hoi"], [NOW], 3)


def test_jobs_of_before_forget_what_a_night_led_to(app):
    """What jobs kept of cases and alerts goes with the upgrade; what others kept stays."""
    with app.app_context():
        flask_migrate.downgrade(revision="0009")
        with transaction() as session:
            for kind in ("cases.file_away", "index.close"):
                queue.enqueue(session, kind, kind, {}, NOW)
                session.execute(update(Job).where(Job.kind == kind).values(result={"kept": kind}))
        flask_migrate.upgrade()
        with transaction() as session:
            kept = dict(session.execute(select(Job.kind, Job.result)).all())
        assert kept == {"cases.file_away": {}, "index.close": {"kept": "index.close"}}
