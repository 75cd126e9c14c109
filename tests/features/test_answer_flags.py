"""Flags computed while answering: too fast, in a burst, the same everywhere; nothing is deleted."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from survey import answers, sealing
from survey.answers import Submission
from survey.answers.flags import forget_tallies, shown_at
from survey.models.count import Cell, Count, count_answers
from survey.models.organisation import Agency, Province
from survey.models.response import AnswerTally, Response
from tests.conftest import unit_of_work
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

SAME = dict.fromkeys(("access", "procedure", "officials", "result", "feedback"), 5)


@pytest.fixture
def tokens(transact, runner, environment):
    """Links of eleven citizens of one agency."""
    with transact() as session:
        ask_everybody(session)
        session.scalars(select(Province)).one().full_percent = 100  # asks all six questions
        finish(session, [Wanted(number) for number in range(1, 12)])
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    return list(links(Path(environment["SMS_CONSOLE_FILE"])).values())


def say(transact, token, now=NOW, **submission):
    """Answer through a link; the flags of the response."""
    with transact() as session:
        return answers.submit(session, token, Submission(**submission), now).response.flags


def test_a_tap_no_person_can_make_is_flagged(transact, tokens):
    """Within two seconds of drawing the form: flagged; later, unsigned or forged: not."""
    quick, slow, bare, forged = tokens[:4]
    with transact() as session:
        shown = {token: shown_at(session, token, NOW) for token in tokens}
    soon, later = NOW + timedelta(seconds=1), NOW + timedelta(seconds=5)
    assert say(transact, quick, soon, overall=4, shown=shown[quick]) == "too_fast"
    assert say(transact, slow, later, overall=4, shown=shown[slow]) == ""
    assert say(transact, bare, soon, overall=4) == ""
    for wrong in (shown[quick], "zz.1", "é", f"{shown[forged]}0"):
        assert say(transact, forged, soon, overall=4, shown=wrong) == ""


def test_the_same_rating_everywhere_is_flagged_until_it_is_changed(transact, tokens):
    """Six equal ratings are flagged; a version that differs takes the flag away again."""
    assert say(transact, tokens[0], overall=5, ratings=SAME) == "same_everywhere"
    assert say(transact, tokens[0], ratings={"result": 3}) == ""
    assert say(transact, tokens[1], overall=5, ratings={"result": 5}) == ""


def test_too_many_top_ratings_at_once_are_flagged_and_all_count(transact, tokens):
    """From the sixth answer of ten minutes on, a 5 is flagged, a 2 is not; every one is counted."""
    flags = [say(transact, token, overall=5) for token in tokens[:8]]
    assert flags == [""] * 5 + ["burst"] * 3
    assert say(transact, tokens[8], overall=2) == ""
    assert say(transact, tokens[9], NOW + timedelta(minutes=10), overall=5) == ""
    with transact() as session:
        query = select(func.sum(Count.n5), func.sum(Count.n2)).where(Count.question == "overall")
        assert tuple(session.execute(query).one()) == (9, 1)
        flagged = select(func.count()).select_from(Response).where(Response.flags != "")
        assert session.scalar(flagged) == 3


def test_a_busy_agency_is_not_suspected(transact, tokens):
    """Where hundreds answer in a month, eight of ten minutes are nothing unusual."""
    with transact() as session:
        _usually(session, "LOC-KH-W22366", 600)
    assert [say(transact, token, overall=5) for token in tokens[:8]] == [""] * 8


def _usually(session, code, answers):
    agency_id = session.scalar(select(Agency.id).where(Agency.code == code))
    cell = Cell(agency_id, "land", "2026-04", "post", "none")
    count_answers(session, {(cell, "1.012784", "overall", 4): answers})


def test_tallies_tell_no_rating_and_live_for_a_day(transact, tokens, runner):
    """A tally holds a hash of agency and ten minutes, its day and a number; the hourly job drops
    those of days that are over.
    """
    assert {column.name for column in AnswerTally.__table__.columns} == {"key", "day", "answers"}
    say(transact, tokens[0], overall=1)
    say(transact, tokens[1], NOW + timedelta(hours=15), overall=5)
    with transact() as session:
        forget_tallies(session, NOW + timedelta(hours=13))  # 23:00
        assert session.scalars(select(AnswerTally.answers)).all() == [1, 1]
        forget_tallies(session, NOW + timedelta(hours=15))
        assert session.scalars(select(AnswerTally.day)).all() == [date(2026, 5, 21)]
    later = NOW + timedelta(hours=38)
    assert runner("worker", "--once", "--now", later.isoformat()).code == 0
    with transact() as session:
        assert session.scalars(select(AnswerTally)).first() is None


def test_a_tally_cannot_be_asked_about_an_agency(transact, tokens, make_app):
    """Without the key nobody finds an agency's tally: under another it is another one."""
    other = make_app(DATA_KEY="YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE")
    say(transact, tokens[0], overall=4)
    say(transact, tokens[1], overall=4)
    with transact() as session:
        agency_id = session.scalar(select(Agency.id).where(Agency.code == "LOC-KH-W22366"))
        (tally,) = session.scalars(select(AnswerTally))
        slot = int(NOW.timestamp()) // 600
        key = sealing.tally_key(session, agency_id, slot)
        assert (tally.key, tally.answers) == (key, 2)
    with unit_of_work(other) as session:
        assert sealing.tally_key(session, agency_id, slot) != key
