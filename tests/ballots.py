"""Ballots for tests: what citizens say, read through the box, and ballots put in and counted."""

import secrets

from sqlalchemy import select, union

from survey.ballots import box, counting
from survey.ballots.bursts import slot_of
from survey.ballots.contents import Ballot, Current, Pooled
from survey.models.ballot import CountedBallot, Mode, PooledBallot
from survey.models.questionnaire import Questionnaire
from survey.workdays import local_day
from tests.seeding import NOW


def keys(session):
    """Keys of all ballots, counted or not."""
    both = union(select(PooledBallot.key), select(CountedBallot.key))
    return [bytes(key) for key in session.scalars(both)]


def all_found(session):
    """Every ballot as it stands: key → `box.Found`."""
    return box.find_many(session, keys(session))


def all_said(session):
    """What every citizen says now; disowned ballots are left out."""
    return [one.said for one in all_found(session).values() if one.said]


def put(session, cell, ratings, now=NOW, **more):
    """A new ballot in the pool: its key. `more`: procedure, reasons, comment, flags, mode."""
    key = secrets.token_bytes(16)
    ballot = Ballot(
        key=key,
        cell=cell,
        mode=more.get("mode", Mode.WEB),
        questionnaire_id=session.scalars(select(Questionnaire.id)).first() or 1,
        flags=frozenset(more.get("flags", ())),
    )
    current = Current(ratings, tuple(more.get("reasons", ())))
    pooled = waiting(ballot, now, procedure=more.get("procedure", "1.012784"), current=current)
    box.put(session, pooled, more.get("comment", ""), None)
    return key


def waiting(ballot, now, *, procedure="1.012784", current=None):
    """A ballot as it comes into the pool at an instant."""
    return Pooled(
        ballot=ballot,
        current=current,
        day=local_day(now),
        slot=slot_of(now),
        procedure_code=procedure,
    )


def rate(session, cell, levels, **more):
    """Counted ballots of one cell: `levels` is overall rating → how many."""
    for level, times in levels.items():
        for _ in range(times):
            put(session, cell, {"overall": level}, **more)
    count(session)


def count(session):
    """Count what waits in the pool, as the job of the night does."""
    counting.lock(session)
    return counting.count(session)
