"""Flags of suspicious answers: too fast, in a burst, all ratings equal; a flag deletes nothing."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from survey import answers
from survey.answers import Submission
from survey.answers.flags import shown_at
from survey.ballots import storage
from survey.ballots.aggregates import aggregate_now
from survey.ballots.bursts import with_bursts
from survey.ballots.contents import flags_of
from survey.ballots.pool import pool_of
from survey.models.ballot import CountedBallot, PooledBallot
from survey.models.count import Cell, add_counts
from survey.models.organisation import Agency
from survey.models.province import Province
from survey.period import Month
from tests import ballots
from tests.features.stolen import dump
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

SAME = dict.fromkeys(("access", "procedure", "officials", "result", "feedback"), 5)
MONTH = Month("2026-05")


@pytest.fixture
def tokens(transact, runner, environment):
    """The link tokens of eleven citizens of one agency."""
    with transact() as session:
        ask_everybody(session)
        session.scalars(select(Province)).one().full_percent = 100  # asks all six questions
        finish(session, [Wanted(number) for number in range(1, 12)])
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    return list(links(Path(environment["SMS_CONSOLE_FILE"])).values())


def say(transact, token, now=NOW, **submission):
    """Answer through a link; return the key of the ballot."""
    with transact() as session:
        return answers.submit(session, token, Submission(**submission), now).key


def flags(transact, *keys):
    """The current flags of some ballots, counted or waiting, as texts."""
    with transact() as session:
        waiting = {one.ballot.key: one for one in with_bursts(session, pool_of(session).ballots)}
        found = []
        for key in keys:
            if key in waiting:
                seen = flags_of(waiting[key].ballot, waiting[key].ratings)
            else:
                ballot = storage.find(session, key).ballot
                seen = flags_of(ballot, ballot.counted)
            found.append(";".join(sorted(seen)))
        return found


def count(transact):
    """Run the counting job; return the number of counted ballots."""
    with transact() as session:
        return ballots.count(session)


def test_a_tap_no_person_can_make_is_flagged(transact, tokens):
    """An answer within two seconds of drawing the form is flagged, a later one or one with a
    missing or forged signature is not, and a change does not remove the flag.
    """
    quick, slow, bare, *forged = tokens[:7]
    with transact() as session:
        shown = {token: shown_at(session, token, NOW) for token in tokens}
    soon, later = NOW + timedelta(seconds=1), NOW + timedelta(seconds=5)
    keys = [
        say(transact, quick, soon, overall=4, shown=shown[quick]),
        say(transact, slow, later, overall=4, shown=shown[slow]),
        say(transact, bare, soon, overall=4),
    ]
    assert flags(transact, *keys) == ["too_fast", "", ""]
    wrong = (shown[quick], "zz.1", "é", f"{shown[forged[3]]}0")
    others = [
        say(transact, token, soon, overall=4, shown=text)
        for token, text in zip(forged, wrong, strict=True)
    ]
    assert flags(transact, *others) == [""] * 4
    say(transact, quick, later, overall=2)
    assert flags(transact, *keys) == ["too_fast", "", ""]
    count(transact)
    assert flags(transact, *keys, *others) == ["too_fast", *[""] * 6]


def test_the_same_rating_everywhere_is_flagged_until_it_is_changed(transact, tokens):
    """Six equal ratings are flagged until a version with different ones replaces them, before
    counting and after.
    """
    keys = [
        say(transact, tokens[0], overall=5, ratings=SAME),
        say(transact, tokens[1], overall=5, ratings={"result": 5}),
        say(transact, tokens[2], overall=5, ratings=SAME),
    ]
    assert flags(transact, *keys) == ["same_everywhere", "", "same_everywhere"]
    say(transact, tokens[0], ratings={"result": 3})
    count(transact)
    assert flags(transact, *keys) == ["", "", "same_everywhere"]
    say(transact, tokens[2], ratings={"result": 3})
    assert flags(transact, *keys) == [""] * 3
    count(transact)
    assert flags(transact, *keys) == [""] * 3


def test_too_many_top_ratings_at_once_are_flagged_and_all_count(transact, tokens):
    """From six answers in ten minutes on, each rating of 5 among them is flagged as a burst, all
    ratings are counted, and counting changes no flag.
    """
    keys = [say(transact, token, overall=5) for token in tokens[:5]]
    assert flags(transact, *keys) == [""] * 5
    keys += [say(transact, token, overall=5) for token in tokens[5:8]]
    bad = say(transact, tokens[8], overall=2)
    later = say(transact, tokens[9], NOW + timedelta(minutes=10), overall=5)
    wanted = ["burst"] * 8 + [""] * 2
    assert flags(transact, *keys, bad, later) == wanted
    with transact() as session:
        waiting = aggregate_now(session, MONTH).flagged
        assert list(waiting.values()) == [8]
        assert ballots.levels(session) == {5: 9, 2: 1}
    assert count(transact) == 10
    assert flags(transact, *keys, bad, later) == wanted
    with transact() as session:
        assert aggregate_now(session, MONTH).flagged == waiting
        assert ballots.levels(session) == {5: 9, 2: 1}


def test_a_change_that_is_counted_apart_keeps_the_burst(transact, tokens):
    """A burst stays flagged when one of its answers changes later, and a change does not count as
    one more answer in its ten minutes.
    """
    keys = [say(transact, token, overall=5) for token in tokens[:6]]
    count(transact)
    say(transact, tokens[0], overall=2)
    assert flags(transact, *keys) == ["burst"] * 6
    others = [say(transact, token, overall=5) for token in tokens[6:11]]
    assert flags(transact, *others) == [""] * 5
    count(transact)
    assert flags(transact, *keys, *others) == ["burst"] * 6 + [""] * 5


def test_a_busy_agency_is_not_suspected(transact, tokens):
    """At an agency with hundreds of answers a month, eight in ten minutes are not flagged."""
    with transact() as session:
        _usually(session, "LOC-KH-W22366", 600)
    keys = [say(transact, token, overall=5) for token in tokens[:8]]
    assert flags(transact, *keys) == [""] * 8
    assert count(transact) == 8
    assert flags(transact, *keys) == [""] * 8


def _usually(session, code, times):
    agency_id = session.scalar(select(Agency.id).where(Agency.code == code))
    cell = Cell(agency_id, "land", Month("2026-04"), "post", "none")
    add_counts(session, {(cell, "overall", 4): times})


def test_the_ten_minutes_of_an_answer_stay_behind(transact, tokens):
    """A counted ballot holds neither the day nor the ten-minute slot of its answer, even decrypted:
    two given a day apart have equal content.
    """
    keys = [
        say(transact, tokens[0], overall=4),
        say(transact, tokens[1], NOW + timedelta(hours=26), overall=4),
    ]
    with transact() as session:
        first, second = (storage.find(session, key).pooled for key in keys)
        assert (first.day, first.slot) != (second.day, second.slot)
    count(transact)
    with transact() as session:
        assert session.scalars(select(PooledBallot.key)).all() == []
        held = [one.content for one in session.scalars(select(CountedBallot))]
    assert len(held) == 2
    assert held[0] == held[1]


def test_what_waits_tells_no_thief_its_agency_or_time(transact, tokens):
    """A row of the stolen pool shows a random key, the month and a ciphertext of fixed length."""
    say(transact, tokens[0], overall=1)
    say(transact, tokens[1], NOW + timedelta(hours=15), overall=5, ratings=SAME)
    with transact() as session:
        rows = dump(session)["ballot_pool"]
    names = {"key", "month", "content_sealed", "comment_sealed", "place"}
    assert {frozenset(row) for row in rows} == {frozenset(names)}
    assert {(row["month"], len(row["content_sealed"]), row["comment_sealed"]) for row in rows} == {
        (MONTH, 1024, None)
    }
