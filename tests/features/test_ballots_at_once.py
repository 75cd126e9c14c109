"""Concurrent citizens, staff and counting: nothing is lost, counted twice or deadlocked."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import permutations

from sqlalchemy import func, select

from survey import answers, indices, monitoring
from survey.ballots import checking
from survey.cases import steps
from survey.db import db
from survey.errors import Refused
from survey.jobs import counting
from survey.models.ballot import CountedBallot
from survey.models.case import Case
from survey.models.invitation import Invitation
from survey.models.staff import Staff
from survey.period import Month
from tests import ballots
from tests.conftest import unit_of_work
from tests.features import answering, rated
from tests.features.inviting import at_once, invite, say
from tests.opened import opened_cases
from tests.seeding import NOW

# Long enough for another thread to reach the lock it waits for.
A_WHILE = 0.5
MONTHS, CLOSED_AT = (Month("2025-09"), Month("2025-10")), datetime(2026, 4, 1, 2, 0, tzinfo=UTC)


def test_countings_at_once_count_each_ballot_once(app):
    """Of four concurrent countings one counts every ballot and the others find none."""
    for number, token in enumerate(invite(app, 12)):
        say(app, token, overall=number % 5 + 1)
    with unit_of_work(app) as session:
        before = ballots.levels(session)
        assert before.total() == 12

    def count_all():
        with unit_of_work(app) as session:
            return counting.count(session, NOW)

    assert sorted(at_once(*[count_all] * 4)) == [0, 0, 0, 12]
    with unit_of_work(app) as session:
        assert session.scalar(select(func.count()).select_from(CountedBallot)) == 12
        assert checking.check(session) == []
        assert ballots.levels(session) == before


def test_a_reader_never_sees_a_ballot_twice_or_not(app):
    """While answers are counted again and again, every page includes each of them exactly once."""
    tokens = invite(app, 8)
    for token in tokens:
        say(app, token, overall=4)
    seen, is_over = [], threading.Event()

    def read():
        while not is_over.is_set():
            with app.app_context():
                seen.append(ballots.levels(db.session()).total())

    def count_again():
        try:
            for number in range(12):
                with unit_of_work(app) as session:
                    counting.count(session, NOW)
                for token in tokens:
                    say(app, token, overall=number % 5 + 1)
        finally:
            is_over.set()

    at_once(read, count_again)
    assert set(seen) == {8}
    assert len(seen) > 12


def test_requests_of_one_link_at_once_leave_one_ballot(app):
    """Five concurrent requests of one link give one ballot with the answer of one of them and a
    digest of those replaced, as first answers and as changes.
    """
    (token,) = invite(app, 1)
    for is_first in (True, False):
        at_once(*(lambda number=number: say(app, token, overall=number) for number in range(1, 6)))
        with unit_of_work(app) as session:
            (found,) = ballots.all_found(session).values()
            last = found.answer.overall
            assert ballots.levels(session) == {last: 1}
            if is_first:
                orders = permutations({1, 2, 3, 4, 5} - {last})
                digests = {ballots.replaced(*order) for order in orders}
                assert found.pooled.current.replaced in digests
            counting.count(session, NOW)
        with unit_of_work(app) as session:
            assert ballots.levels(session) == {last: 1}
            assert checking.check(session) == []


def test_an_answer_and_a_disowning_at_once_leave_nothing(app):
    """A link that answers and repudiates at the same moment has no ballot, before counting and
    after.
    """
    for token in invite(app, 10):
        at_once(lambda token=token: _try(app, token), lambda token=token: _disown(app, token))
    with unit_of_work(app) as session:
        assert all(session.scalars(select(Invitation.is_repudiated)))
        assert ballots.levels(session) == {}
        counting.count(session, NOW)
        assert ballots.keys(session) == []


def _try(app, token):
    with suppress(Refused):
        say(app, token, overall=5)


def _disown(app, token):
    with unit_of_work(app) as session:
        answers.repudiate(session, token, NOW)


def test_a_bad_rating_and_a_wish_at_once_open_one_case(app):
    """A bad rating and a wish to be called, sent at the same moment, open one case."""
    tokens = invite(app, 8)
    for token in tokens:
        say(app, token, overall=5)
        at_once(
            lambda token=token: say(app, token, overall=1),
            lambda token=token: say(app, token, contact=True),
        )
    with unit_of_work(app) as session:
        cases = opened_cases(session)
        assert len(cases) == len({one.ballot_key for one in cases}) == len(tokens)
        assert all(one.contact_sealed for one in cases)
        assert ballots.levels(session) == {1: len(tokens)}


def test_staff_work_on_a_case_while_ballots_are_counted(app):
    """A step on a case and a counting, which both lock cases and audit log, do not deadlock."""
    with unit_of_work(app) as session:
        staff, code = answering.add_staff(session).id, answering.raise_case(session).code
    gate = threading.Barrier(2)

    def work():
        with unit_of_work(app) as session:
            revision = session.scalar(select(Case.revision).where(Case.code == code))
            case = steps.claim(session, session.get_one(Staff, staff), code, revision)
            gate.wait()
            time.sleep(A_WHILE)
            steps.take(session, session.get_one(Staff, staff), case, NOW)

    def count_then():
        gate.wait()
        with unit_of_work(app) as session:
            return counting.count(session, answering.NOW)

    assert at_once(work, count_then) == [None, 1]
    with unit_of_work(app) as session:
        (case,) = opened_cases(session)
        assert [one.kind for one in case.events] == ["opened", "taken"]


def test_limits_are_frozen_while_ballots_are_counted(app):
    """Setting a baseline, which reads the pool, and the counting, which reads the charts, do not
    deadlock.
    """
    with unit_of_work(app) as session:
        agencies = answering.agencies(session)[:3]
        for month in MONTHS:
            for agency in agencies:
                rated.fill(session, agency, month, 36, 4)
            indices.close(session, month, CLOSED_AT)
        answering.answer(session)
        first = agencies[0].code

    def freeze(code=""):
        with unit_of_work(app) as session:
            if code:
                return monitoring.set_agency_baseline(session, code, *MONTHS, CLOSED_AT).charts
            return monitoring.set_baseline(session, *MONTHS, CLOSED_AT).charts

    for code, charts in (("", 3), (first, 1)):
        gate = threading.Barrier(2)

        def freeze_then(gate=gate, code=code):
            gate.wait()
            return freeze(code)

        def count_slowly(gate=gate):
            with unit_of_work(app) as session:
                counting.counting.lock(session)
                gate.wait()
                time.sleep(A_WHILE)
                return counting.count(session, CLOSED_AT)

        assert at_once(freeze_then, count_slowly) == [charts, 0 if code else 1]
