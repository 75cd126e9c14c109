"""The ballot box: one invitation has one ballot, which counts at once and exactly once."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from survey import answers
from survey.answers.conversation import receive
from survey.ballots import checking, storage
from survey.ballots.aggregates import store_aggregate, stored_aggregate
from survey.errors import Refused
from survey.indices import Breakdown
from survey.jobs import counting
from survey.messages import outbox
from survey.messages.providers import InboundSms
from survey.models.ballot import CountedBallot, PooledBallot, ballot_key
from survey.models.count import Count, Frame, ProcedureFrame
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.snapshot import Snapshot
from survey.period import Month
from tests import ballots
from tests.conftest import run_command, unit_of_work
from tests.features.exports import row, write_csv
from tests.features.inviting import invite, say
from tests.messages.gateway import Gateway
from tests.seeding import NOW, ask_everybody, links

MONTH, MINUTE = Month("2026-05"), timedelta(minutes=1)
CLOSING = datetime(2026, 6, 15, 3, tzinfo=UTC)
# The month of the imported register, and an hour at which messages may go out.
IMPORTED, IMPORTED_AT = Month("2026-03"), datetime(2026, 3, 20, 3, tzinfo=UTC)
ASKED, SECOND, THIRD = "+84905800001", "+84905800002", "+84905800003"
# What later files may say of a dossier that is finished: its phone twice, and all it is counted by.
CORRECTIONS = (
    {"phone": "0905800002"},
    {"phone": "0905800003"},
    {
        "phone": "0905800003",
        "agency": "UBND phường Bắc Nha Trang",
        "procedure": "2.000815",
        "returned": "20/03/2026 08:30",
        "channel": "Trực tuyến",
    },
)
KANNEL = {
    "SMS_PROVIDER": "kannel",
    "KANNEL_SEND_URL": "http://127.0.0.1:9/",
    "KANNEL_USERNAME": "u",
    "KANNEL_PASSWORD": "p",
    "KANNEL_WEBHOOK_SECRET": "s" * 32,
    "SMS_REPLY_NUMBER": "8099",
}


class Killed(Exception):
    """Ends a unit of work in its middle, like a killed process."""


def figures(runner, month=MONTH, now=NOW):
    """Dossiers, ratings, satisfied ones and their share of the province, from `index show`; of a
    procedure the ratings only.
    """
    shown = {}
    for by in Breakdown:
        words = ("--period", month, "--by", by, "--now", now.isoformat(), "--json")
        for line in runner("index", "show", *words).json:
            shown[by.value, line["key"]] = (
                line["finished"],
                line["rated"],
                line["satisfied"],
            )
    return shown


def import_file(app, folder, **changes):
    """Import a register with one finished dossier."""
    path = write_csv(folder / "register.csv", [row(1, **{"phone": "0905800001"} | changes)])
    ran = run_command(app, "intake", "import", path, "--now", IMPORTED_AT.isoformat(), "--json")
    assert (ran.code, ran.json["accepted"]) == (0, 1)


def the_ballot(app):
    """The only ballot, which the figures count once."""
    with unit_of_work(app) as session:
        (found,) = ballots.all_found(session).values()
        entry = session.scalars(select(CoverageEntry)).one()
        assert found.ballot.cell == entry.cell
        assert ballots.levels(session, IMPORTED) == {found.answer.overall: 1}
        assert checking.check(session) == []
        return found


def test_a_corrected_phone_votes_no_second_time_by_link(app, environment, tmp_path):
    """When a later file corrects a dossier's phone, the link sent before keeps its one ballot and
    the new phone gets no link.
    """
    with unit_of_work(app) as session:
        ask_everybody(session)
    import_file(app, tmp_path)
    tokens = set()
    for number, correction in enumerate(({}, *CORRECTIONS), start=1):
        if correction:
            import_file(app, tmp_path, **correction)
        run_command(app, "messages", "send-due", "--now", IMPORTED_AT.isoformat())
        found = links(Path(environment["SMS_CONSOLE_FILE"]))
        assert found.keys() == {ASKED}
        tokens.add(found[ASKED])
        say(app, found[ASKED], now=IMPORTED_AT, overall=number)
        assert the_ballot(app).answer.overall == number
        if number % 2:
            with unit_of_work(app) as session:
                assert counting.count(session, IMPORTED_AT) == 1
            assert the_ballot(app).answer.overall == number
    assert len(tokens) == 1


def test_a_corrected_phone_votes_no_second_time_by_reply(make_app, tmp_path):
    """When later files correct a dossier's phone twice, only the phone that was asked can rate by
    reply, with or without the code.
    """
    app, gateway = make_app(**KANNEL), Gateway()
    with unit_of_work(app) as session:
        ask_everybody(session)
    import_file(app, tmp_path)
    with app.app_context():
        outbox.send_due(gateway, IMPORTED_AT)
    assert [sms.recipient.address for sms in gateway.taken] == [ASKED]
    with unit_of_work(app) as session:
        (code,) = session.scalars(select(Invitation.reply_code))

    events = count()

    def write(number, words):
        with unit_of_work(app) as session:
            sms = InboundSms("fake", f"E{next(events)}", number, words)
            receive(session, sms, IMPORTED_AT + MINUTE)

    write(ASKED, f"1 {code}")
    for correction in CORRECTIONS:
        import_file(app, tmp_path, **correction)
        with app.app_context():
            outbox.send_due(gateway, IMPORTED_AT + MINUTE)
        for number in (SECOND, THIRD):
            for words in ("5", f"5 {code}", f"HL 5 {code}"):
                write(number, words)
        assert the_ballot(app).answer.overall == 1
        with unit_of_work(app) as session:
            counting.count(session, IMPORTED_AT)
        assert the_ballot(app).answer.overall == 1
    write(ASKED, "2")
    assert the_ballot(app).answer.overall == 2


def test_an_answer_counts_at_once(app, runner):
    """`index show` includes every answer, change and repudiation before counting and is unchanged
    after it; job and command count each ballot once.
    """
    tokens = invite(app, 6)
    for number, token in enumerate(tokens):
        say(app, token, overall=number % 5 + 1)
    say(app, tokens[0], overall=4)
    with unit_of_work(app) as session:
        answers.repudiate(session, tokens[1], NOW)
        assert session.scalars(select(Count)).first() is None
    before = figures(runner)
    assert before["overall", "overall"] == (6, 5, 3)
    assert before["procedure", "1.012784"] == (6, 5, 3)
    counted = runner("ballots", "count", "--json", "--now", NOW.isoformat())
    assert counted.code == 0
    assert counted.json == {"counted": 5}
    assert figures(runner) == before
    assert runner("ballots", "count", "--json", "--now", NOW.isoformat()).json == {"counted": 0}
    assert figures(runner) == before
    assert runner("index", "rebuild", "--check").code == 0


def test_a_closing_counts_what_waits(app, runner):
    """`index close` includes every answer given before it, counted or not, and none given after."""
    tokens = invite(app, 3)
    for token in tokens[:2]:
        say(app, token, overall=5)
    closed = runner("index", "close", "--period", MONTH, "--now", CLOSING.isoformat(), "--json")
    assert closed.code == 0
    say(app, tokens[2], overall=1)
    say(app, tokens[0], overall=2)
    for _ in range(2):
        assert figures(runner, now=CLOSING)["overall", "overall"] == (3, 2, 2)
        words = ("--period", MONTH, "--by", "overall", "--revised", "--json")
        (revised,) = runner("index", "show", *words, "--now", CLOSING.isoformat()).json
        assert (revised["rated"], revised["satisfied"]) == (3, 1)
        assert runner("index", "recompute", "--snapshot", "1").code == 0
        runner("ballots", "count", "--now", CLOSING.isoformat())


def test_a_counting_that_is_killed_counts_nothing(app, runner):
    """A counting that is killed changes nothing, and the next one counts each ballot once."""
    for number, token in enumerate(invite(app, 6)):
        say(app, token, overall=number % 5 + 1)
    before = figures(runner)
    for _ in range(2):
        with suppress(Killed), unit_of_work(app) as session:
            assert counting.count(session, NOW) == 6
            assert session.scalars(select(PooledBallot.key)).all() == []
            raise Killed
        assert figures(runner) == before
    assert runner("ballots", "count", "--json", "--now", NOW.isoformat()).json == {"counted": 6}
    assert figures(runner) == before
    assert runner("index", "rebuild", "--check").code == 0


def test_a_link_cannot_grow(app):
    """A link may change its answer fifty times a day and is then refused, and its row keeps the
    length of an unchanged one, in the pool and counted.
    """
    busy, calm = invite(app, 2, asks_all=True)
    everything = dict.fromkeys(ballots.FACTORS, 3)
    for token in (busy, calm):
        say(app, token, overall=3, ratings=everything, reasons=ballots.FACTORS, comment="a")
    for round_ in range(2):
        for number in range(50):
            say(app, busy, overall=number % 2 + 1 + round_, comment="b" * (number + 1))
        with pytest.raises(Refused, match="too_many_changes"):
            say(app, busy, overall=5)
        say(app, busy, overall=2 + round_)  # what it says already is no change
        say(app, calm, overall=4 + round_)
        with unit_of_work(app) as session:
            assert storage.find(session, ballot_key(session, busy)).answer.overall == 2 + round_
            assert _lengths(session, PooledBallot) == [(1024, 512)] * 2
            counting.count(session, NOW)
        with unit_of_work(app) as session:
            assert _lengths(session, CountedBallot) == [(1024, 512)] * 2
            assert ballots.levels(session) == {2 + round_: 1, 4 + round_: 1}


def _lengths(session, table):
    columns = (func.length(table.content_sealed), func.length(table.comment_sealed))
    return [tuple(one) for one in session.execute(select(*columns))]


def test_a_change_after_counting_replaces_exactly_the_old_ratings(app):
    """A change after counting replaces the old ratings of every question and no other ballot's."""
    changed, kept = invite(app, 2, asks_all=True)
    four = dict.fromkeys(ballots.FACTORS, 4)
    say(app, changed, overall=2, ratings=four)
    say(app, kept, overall=4, ratings=four)

    def counted():
        with unit_of_work(app) as session:
            counting.count(session, NOW)
            assert checking.check(session) == []
            rows = session.scalars(select(Count)).all()
            assert len(rows) == 6
            return {one.question: (one.n1, one.n2, one.n3, one.n4, one.n5) for one in rows}

    first = counted()
    same = dict.fromkeys(ballots.FACTORS, (0, 0, 0, 2, 0))
    assert first == {**same, "overall": (0, 1, 0, 1, 0)}
    say(app, changed, overall=5, ratings={"result": 1})
    assert counted() == {**first, "overall": (0, 0, 0, 1, 1), "result": (1, 0, 0, 1, 0)}
    say(app, changed, comment="Đã xong.")
    assert counted() == {**first, "overall": (0, 0, 0, 1, 1), "result": (1, 0, 0, 1, 0)}


@pytest.mark.parametrize("counted", ["never", "once", "closed", "closed and changed"])
def test_a_disowned_ballot_counts_no_more_but_where_it_was_closed(app, runner, counted):
    """A repudiated ballot no longer counts, whether it waited or was counted; a closing that
    included it keeps its ratings and still verifies.
    """
    wrong, kept = invite(app, 2)
    say(app, wrong, overall=2, comment="Chờ lâu.")
    say(app, kept, overall=4)
    if counted == "once":
        runner("ballots", "count", "--now", NOW.isoformat())
    if counted.startswith("closed"):
        assert runner("index", "close", "--period", MONTH, "--now", CLOSING.isoformat()).code == 0
    if counted == "closed and changed":
        say(app, wrong, overall=5)
        runner("ballots", "count", "--now", NOW.isoformat())
        say(app, wrong, overall=1)
    left = {2: 1, 4: 1} if counted.startswith("closed") else {4: 1}
    for _ in range(2):
        with unit_of_work(app) as session:
            answers.repudiate(session, wrong, NOW)
        for _ in range(2):
            with unit_of_work(app) as session:
                assert ballots.levels(session) == left
                assert Counter(one.overall for one in ballots.all_said(session)) == left
                assert not any(one.comment for one in ballots.all_said(session))
                assert checking.check(session) == []
            runner("ballots", "count", "--now", NOW.isoformat())
        with pytest.raises(Refused, match="answering_closed"):
            say(app, wrong, overall=3)
    with unit_of_work(app) as session:
        assert len(ballots.keys(session)) == len(left)
    if counted.startswith("closed"):
        assert runner("index", "recompute", "--snapshot", "1").code == 0


def test_more_ratings_than_invitations_stop_a_closing(app, runner):
    """When a cell has more ratings than invitations, `index rebuild --check` and `index close` exit
    1 and name it, and nothing is closed while they do.
    """
    (token,) = invite(app, 1)
    say(app, token, overall=1)
    with unit_of_work(app) as session:
        cell = session.scalars(select(CoverageEntry)).one().cell
        stuffed = [ballots.put(session, cell, {"overall": 5}) for _ in range(2)]
        counting.count(session, NOW)
        (found,) = checking.check(session)
        assert (found.table, found.stored, found.computed) == ("rated", 3, 1)
    key = ["LOC-KH-W22366", *cell[1:]]
    place = "/".join(map(str, key))
    checked = runner("index", "rebuild", "--check", "--json")
    assert checked.code == 1
    (line,) = checked.json["differences"]
    assert (line["table"], line["key"]) == ("rated", key)
    assert place in runner("index", "rebuild", "--check").out
    close = ("index", "close", "--period", MONTH, "--now", CLOSING.isoformat())
    refused = runner(*close)
    assert refused.code == 1
    assert place in refused.err
    with unit_of_work(app) as session:
        assert session.scalars(select(Snapshot)).all() == []
        for key in stuffed:
            found = storage.find(session, key)
            storage.put(session, ballots.waiting(found.ballot, NOW), "", found)
    assert runner(*close).code == 0


def test_counts_that_are_no_recount_stop_a_closing(app, runner):
    """A count that differs from the recount of ballots stops check and closing until a rebuild."""
    (token,) = invite(app, 1)
    say(app, token, overall=1)
    with unit_of_work(app) as session:
        counting.count(session, NOW)
        session.execute(update(Count).values(n1=0))
    close = ("index", "close", "--period", MONTH, "--now", CLOSING.isoformat())
    for words in (("index", "rebuild", "--check"), close):
        ran = runner(*words)
        assert ran.code == 1
        assert "/overall/1: 0 ≠ 1" in ran.out + ran.err
    assert runner("index", "rebuild").code == 0
    assert runner(*close).code == 0


def add_late(session, month):
    """One more late answer in the stored sums of a month."""
    sums = stored_aggregate(session, month)
    sums.late["land"] += 1
    store_aggregate(session, month, sums)


FAULTS = {
    "a count": lambda session: session.execute(update(Count).values(n1=Count.n1 + 1)),
    "the frame": lambda session: session.execute(update(Frame).values(finished=7, invited=7)),
    "a cell of the frame": lambda session: session.execute(delete(Frame)),
    "a procedure's frame": lambda session: session.execute(
        update(ProcedureFrame).values(finished=7)
    ),
    "a procedure": lambda session: session.execute(delete(ProcedureFrame)),
    "sums of a month": lambda session: add_late(session, MONTH),
    "sums of no ballot": lambda session: add_late(session, Month("2026-01")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rebuild_mends_all_that_can_be_counted_again(app, runner, fault):
    """After `index rebuild` the check finds no difference, whichever stored number was wrong."""
    for token in invite(app, 2):
        say(app, token, overall=1)
    with unit_of_work(app) as session:
        counting.count(session, NOW)
        FAULTS[fault](session)
    assert runner("index", "rebuild", "--check").code == 1
    assert runner("index", "rebuild").code == 0
    assert runner("index", "rebuild", "--check").code == 0
