"""Ballots for tests: stored in the pool or counted, and read back through the ballot box."""

import secrets
from collections import Counter

from sqlalchemy import insert, select, union

from survey import surveys
from survey.ballots import counting, storage
from survey.ballots.bursts import slot_of
from survey.ballots.contents import (
    Ballot,
    Current,
    Pooled,
    digest_of,
    pooled_row,
    replacing,
)
from survey.ballots.pool import forget_pool
from survey.db import table_of
from survey.indices import Breakdown
from survey.indices.line_counts import Stored
from survey.models.ballot import CountedBallot, Mode, PooledBallot
from survey.models.questionnaire import QuestionnaireKind
from survey.province.workdays import local_day
from tests.seeding import NOW

# What the shipped full questionnaire asks beside the overall question.
FACTORS = ("access", "procedure", "officials", "result", "feedback")


def keys(session):
    """Keys of all ballots, counted or not."""
    both = union(select(PooledBallot.key), select(CountedBallot.key))
    return [bytes(key) for key in session.scalars(both)]


def all_found(session):
    """Every ballot, counted or not: key → `storage.Found`."""
    return storage.find_many(session, keys(session))


def all_said(session):
    """The current answer of every ballot, except repudiated ones."""
    return [one.answer for one in all_found(session).values() if one.answer]


def put(session, cell, ratings, now=NOW, **more):
    """Store a new ballot in the pool; return its key.

    `more`: procedure, reasons, comment, flags, mode.
    """
    pooled = _fresh(_questions(session), cell, ratings, now, more)
    storage.put(session, pooled, more.get("comment", ""), None)
    return pooled.ballot.key


def put_many(session, cell, levels, now=NOW, **more):
    """Store new ballots of one cell in the pool at once; `levels` is overall rating → how many."""
    questions = _questions(session)
    rows = []
    for level, times in levels.items():
        for _ in range(times):
            pooled = _fresh(questions, cell, {"overall": level}, now, more)
            rows.append(pooled_row(session, pooled, ""))
    if rows:
        session.execute(insert(table_of(PooledBallot)), rows)
    forget_pool(session)


def _questions(session):
    return surveys.current(session, QuestionnaireKind.FULL, local_day(NOW))


def _fresh(questions, cell, ratings, now, more):
    ballot = Ballot(
        key=secrets.token_bytes(16),
        cell=cell,
        mode=more.get("mode", Mode.WEB),
        questions=questions,
        flags=frozenset(more.get("flags", ())),
    )
    current = Current(ratings, tuple(more.get("reasons", ())))
    return waiting(ballot, now, procedure=more.get("procedure", "1.012784"), current=current)


def waiting(ballot, now, *, procedure="1.012784", current=None):
    """A ballot in the form in which it enters the pool at an instant."""
    return Pooled(
        ballot=ballot,
        current=current,
        day=local_day(now),
        slot=slot_of(now),
        procedure_code=procedure,
    )


def rate(session, cell, levels, **more):
    """Store and count ballots of one cell; `levels` is overall rating → how many."""
    put_many(session, cell, levels, **more)
    count(session)


def count(session):
    """Count the ballots that wait in the pool, as the nightly job does."""
    counting.lock(session)
    return counting.count(session)


def levels(session, month="2026-05", question="overall"):
    """Rating → its number in the figures of a month, waiting ballots included."""
    found = Counter()
    for strata in Stored(session, month).rated(Breakdown.OVERALL, (question,)).values():
        for numbers in strata.values():
            found.update(dict(enumerate(numbers, start=1)))
    return +found


def replaced(*overall):
    """The digest that a version holds of earlier versions with these ratings in turn."""
    first, *later = overall
    version = Current({"overall": first})
    for rating in later:
        version = replacing(version, {"overall": rating}, ())
    return digest_of(version)
