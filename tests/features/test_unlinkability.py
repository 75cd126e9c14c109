"""A stolen database without its key shows neither who answered, nor what, nor when.

A thief takes the disk with ballots in the pool, after the night that counted them, or after several
nights; on PostgreSQL every page with its deleted bytes (pageinspect).
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from survey import answers
from survey.answers import Submission
from survey.bulk import write_many
from survey.db import table_of
from survey.models.ballot import CountedBallot
from survey.models.case import Case
from survey.models.count import Count
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from survey.models.message import Message
from tests import ballots
from tests.conftest import run_command, unit_of_work
from tests.features.attacks import LIMIT, strongest, strongest_pair
from tests.features.disk import places, steal
from tests.features.nights import lived
from tests.features.stolen import dump
from tests.features.test_answers import TWO_WAY
from tests.features.thefts import (
    BALLOTS,
    CASES,
    CITIZENS,
    DIALOGUES,
    ENTRIES,
    OF_ANSWERS,
    Theft,
)
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

# n1 … n5 of a row of counts.
FIGURES_BYTES = 20
CONTENT_BYTES, COMMENT_BYTES = 1024, 512
OF_BALLOTS = ("ballot", "ballot_pool")
ANSWERS_OF_A_PAGE = 120
# Messages are too many for new files every night: their pages keep what was deleted longer.
OF_MESSAGES = re.compile(r" in (pk_|ix_|uq_|TOAST of )?message")
# Living takes long: the promises about one database and one way of answering share what was stolen.
lives: dict[tuple[str, str], dict[str, Theft]] = {}


@pytest.fixture(params=["web", "sms"])
def life(request, engine, make_app, tmp_path):
    """The stolen disks of three moments, with answers on pages or by SMS, and `planted`: the last
    one with leaks.
    """
    key = (engine, request.param)
    if key not in lives:
        app = make_app(**(TWO_WAY if request.param == "sms" else {}))
        lives[key] = lived(app, tmp_path, two_way=request.param == "sms", leak=plant)
    return lives[key]


@pytest.fixture(params=["pool", "night", "nights"])
def theft(request, life):
    """One of the stolen disks."""
    return life[request.param]


def plant(session, given):
    """Add the leaks of a careless program: ballots, cases and messages in the order of answers, an
    invitation that an answer changes, counts that are updated in place.
    """
    for table, key, keys in (
        (CountedBallot, "key", [one.key for one in given.values()]),
        (Case, "code", [one.case for one in given.values() if one.case]),
        (Message, "id", [name for one in given.values() for name in sorted(one.messages)]),
    ):
        core = table_of(table)
        chosen = core.c[key].in_(keys)
        rows = session.execute(select(core).where(chosen)).mappings()
        known = {row[key]: dict(row) for row in rows}
        session.execute(delete(core).where(chosen))
        write_many(session, insert(core), [known[one] for one in keys])
    dossiers = select(Dossier.id).where(Dossier.code.in_(given))
    mark = update(Invitation).where(Invitation.dossier_id.in_(dossiers))
    session.execute(mark.values(made_on=NOW.date() + timedelta(days=1)))
    session.execute(update(Count).values(n5=Count.n5 + 1))


def answered(theft):
    """Dossier code → whether its citizen answered; without those who wish to be called."""
    given = theft.given
    codes = theft.kinds["dossier"].dossiers.values()
    return {code: code in given for code in codes if code not in given or not given[code].is_called}


def by_order(theft, kind, features, *, one_night=False):
    """The best guess of the order of answers; `one_night`: of those that one night counted and that
    did not change since.
    """
    found = {key: theft.given[code] for key, code in theft.kinds[kind].dossiers.items()}
    planted_effects = [{key: one.place for key, one in found.items()}]
    if one_night:
        planted_effects = [
            {key: one.place for key, one in found.items() if one.first_night == one.night == night}
            for night in range(1, 1 + max(one.night for one in theft.given.values()))
        ]
    return max(strongest(features, truth) for truth in planted_effects)


def check(report, tried):
    """Report the number of attacks and the best one, which may not be better than chance."""
    ways, attacks = zip(*tried, strict=True)
    best = max(attacks)
    report(f"{sum(ways)} ways; best {best}")
    assert best.strength < LIMIT, best


def test_nothing_shows_who_answered(theft, report):
    """No value of a dossier, invitation or message, and no number or place of their bytes on the
    disk, separates answered dossiers from others.
    """
    both = [theft.of_citizens(known) for known in (theft.rows, theft.places)]
    check(report, [(len(one), strongest(one, answered(theft))) for one in both])


def test_nothing_pairs_an_answer_with_its_dossier(theft, report):
    """No two columns or places sort ballots, cases, audit entries or messages of dialogues in the
    order of the dossiers they are about.
    """
    citizens, tried = theft.of_citizens(theft.rows), []
    for kind in OF_ANSWERS:
        features = {**theft.rows[kind], **theft.places[kind]}
        best = strongest_pair(citizens, features, theft.kinds[kind].dossiers)
        tried.append((len(citizens) * len(features), best))
    check(report, tried)


@pytest.mark.parametrize("when", ["night", "nights"])
def test_no_row_lies_in_the_order_of_answers(life, report, when):
    """After counting, ballots, cases and messages of all nights are mixed, and nothing in their
    rows shows the order of answers; nor do audit entries within a night.
    """
    theft, tried = life[when], []
    for kind, features in theft.rows.items():
        if kind in OF_ANSWERS:
            best = by_order(theft, kind, features, one_night=kind == ENTRIES)
            tried.append((len(features), best))
    check(report, tried)


@pytest.mark.parametrize("when", ["night", "nights"])
def test_what_was_deleted_keeps_no_order(life, report, when):
    """No bytes on the disk hold cases in the order of answers, nor ballots, audit entries and
    dialogues in the order of one night's answers, except PostgreSQL's pages of messages.
    """
    theft, tried = life[when], []
    for kind, known in theft.places.items():
        features = {name: one for name, one in known.items() if not OF_MESSAGES.search(name)}
        if kind in OF_ANSWERS:
            best = by_order(theft, kind, features, one_night=kind != CASES)
            tried.append((len(features), best))
    check(report, tried)


@pytest.mark.parametrize("when", ["night", "nights"])
def test_the_place_of_a_count_shows_no_answer(life, report, when):
    """Neither the place of a cell's counts nor their writing transaction shows when the cell was
    first or last answered, or whether on the last day.
    """
    theft = life[when]
    given = list(theft.given.values())
    first = {one.cell: one.place for one in reversed(given)}
    last, night = {one.cell: one.place for one in given}, max(one.night for one in given)
    moved = {cell: any((one.cell, one.night) == (cell, night) for one in given) for cell in last}
    best = max(strongest(theft.counts, truth) for truth in (first, last, moved))
    check(report, [(len(theft.counts), best)])


def test_no_older_figure_is_left(life, engine):
    """PostgreSQL's pages of counts hold no figure of the night before, so that one stolen disk does
    not show which cells were answered since.
    """
    if engine == "sqlite":
        # It overwrites what it deletes (secure_delete), so there is nothing to be read.
        assert life["nights"].disk.files["the file"].count(b"2026-05overall") > 0
        return
    assert older_figures(life["nights"].disk) == 0
    assert older_figures(life["planted"].disk) > 0


def older_figures(disk):
    """Number of count rows for which the pages also hold other figures."""
    columns = [column.name for column in Count.__table__.columns]
    rows = [{name: row[name] for name in columns} for row in disk.tables["count"]]
    found = [disk.behind("count", row, FIGURES_BYTES) for row in rows]
    assert all(found)
    return sum(len(figures) > 1 for figures in found)


def test_a_night_leaves_no_dead_row(life, engine):
    """On PostgreSQL the nightly job removes every replaced or counted row from the pages."""
    tables = ("ballot_pool", "ballot", "ballot_aggregate", "count", "case", "conversation")
    for when in ("night", "nights"):
        dead = life[when].disk.dead
        assert {name: dead.get(name, 0) for name in (*tables, "waiting_entry")} == dict.fromkeys(
            (*tables, "waiting_entry"), 0
        )
        assert life[when].disk.files.get("ballot_pool", b"") == b""


def test_the_frame_does_not_move(life):
    """No answer and no night changes, moves or rewrites a row of the sampling frame."""
    tidied = {"hints", "more_hints", "lp_off"}  # by PostgreSQL itself
    pool, night, nights = (
        [{name: row[name] for name in row.keys() - tidied} for row in theft.disk.tables["frame"]]
        for theft in (life["pool"], life["night"], life["nights"])
    )
    assert pool == night == nights != []


def test_nothing_shows_what_was_answered(theft, report):
    """No value or byte of a ballot separates a good rating from a bad one: all have one length,
    comments one of a few.
    """
    ratings = {one.key: one.rating for one in theft.given.values()}
    both = [known[BALLOTS] for known in (theft.rows, theft.places)]
    check(report, [(len(one), strongest(one, ratings)) for one in both])
    rows = theft.kinds[BALLOTS].rows
    assert {len(row["content_sealed"]) for row in rows} == {CONTENT_BYTES}
    comments = {len(row["comment_sealed"]) for row in rows if row["comment_sealed"]}
    assert comments == {COMMENT_BYTES}


def test_what_a_thief_of_the_same_day_learns(life, engine):
    """Until the night the pool shows the order of ballot keys, and on PostgreSQL the transaction
    shows the case that each opened; none of these rows leads to a dossier, except for wishes to be
    called.
    """
    theft, tables = life["pool"], life["pool"].disk.tables
    known = (theft.rows[BALLOTS], theft.places[BALLOTS])
    assert max(by_order(theft, BALLOTS, one) for one in known).strength > LIMIT
    beside = {"ballot_pool", "case", "waiting_entry", "inbound_event", "conversation"}
    if engine == "postgresql":
        wrote = {row["xmin"] for row in tables["ballot_pool"]}
        assert {name for name in tables for row in tables[name] if row["xmin"] in wrote} <= beside
    called = {one.case for one in theft.given.values() if one.is_called}
    for name in beside:
        for row in tables[name]:
            if row.get("code") not in called:
                assert {other for other, _ in theft.disk.web.reach(name, row)} == {name}


def test_a_wish_to_be_called_names_nobody(theft):
    """A case with a wish to be called holds no clear value of its dossier, so that a thief learns
    neither who complained nor whose answer it was.
    """
    called = {one.case for one in theft.given.values() if one.is_called}
    cases = [row for row in theft.disk.tables["case"] if row["code"] in called]
    assert len(cases) == len(called) > 0
    here = {long(value) for row in cases for value in row.values()}
    there = {
        long(row[name])
        for kind in CITIZENS
        for row in theft.kinds[kind].rows
        for name in row
        if name != "month"
    }
    assert not (here & there) - {None}


def test_the_attacks_find_what_is_planted(life, engine):
    """Each attack finds the leak planted for it, except where SQLite stores rows in the order of
    their random keys.
    """
    theft = life["planted"]
    assert strongest(theft.of_citizens(theft.rows), answered(theft)).strength > LIMIT
    kinds = (BALLOTS, CASES, DIALOGUES) if engine == "postgresql" else (DIALOGUES,)
    for kind in kinds:
        if theft.rows[kind]:
            assert by_order(theft, kind, theft.rows[kind]).strength > LIMIT, kind
            assert by_order(theft, kind, theft.places[kind]).strength > LIMIT, kind
    codes = theft.kinds["dossier"].dossiers.values()
    planted = {code: number for number, code in enumerate(codes)}
    pairs = theft.kinds[BALLOTS].dossiers
    features = {"planted": {key: planted[code] for key, code in pairs.items()}}
    assert strongest_pair({"dossier": planted}, features, pairs).strength > LIMIT


def test_no_value_stands_on_both_sides(theft):
    """No key, hash or ciphertext of a ballot is in any other table: dossiers, cases, audit log."""
    rows = [(name, row) for name, rows in theft.disk.tables.items() for row in rows]
    here = {long(value) for name, row in rows if name in OF_BALLOTS for value in row.values()}
    there = {long(value) for name, row in rows if name not in OF_BALLOTS for value in row.values()}
    assert len(here) > len(theft.given)
    assert not (here & there) - {None}


def long(value):
    """The values that are long enough to be a key; short ones (agency, month, rating) are in many
    rows.
    """
    return value if isinstance(value, str | bytes) and len(value) >= 16 else None


def test_an_answer_does_not_show_that_it_came_late(transact, runner, environment):
    """Once counted, equal answers before and after a closing have equal rows: few links are open at
    a closing, so the late ones would identify their authors.
    """
    early, late = Wanted(1), Wanted(2)
    asked = datetime(2026, 6, 14, 3, tzinfo=UTC)
    with transact() as session:
        ask_everybody(session)
        finish(session, [early, late], asked)
    assert runner("messages", "send-due", "--now", asked.isoformat()).code == 0
    tokens = links(Path(environment["SMS_CONSOLE_FILE"]))
    closing = asked + timedelta(days=1)
    with transact() as session:
        answers.submit(session, tokens[early.mobile], Submission(overall=4), asked)
    assert runner("index", "close", "--period", "2026-05", "--now", closing.isoformat()).code == 0
    with transact() as session:
        answers.submit(session, tokens[late.mobile], Submission(overall=4), closing)
    assert runner("ballots", "count", "--now", closing.isoformat()).code == 0
    with transact() as session:
        closings = [
            version.closing
            for found in ballots.all_found(session).values()
            for version in found.ballot.versions
        ]
        assert sorted(closings) == [0, 1]
        one, other = map(shape, dump(session)["ballot"])
    assert one == other


def shape(row):
    """A row without its place, with only the length of random or encrypted values."""
    return {
        name: len(value) if isinstance(value, bytes) else value
        for name, value in row.items()
        if name != "place"
    }


@pytest.mark.parametrize("counted", [False, True])
def test_a_copy_keeps_no_order(sqlite_app, sqlite_environment, tmp_path, counted):
    """The pages of a copied SQLite database do not show the order in which ballots were written,
    counted or not; those of the live file show that of the pool.
    """
    with unit_of_work(sqlite_app) as session:
        ask_everybody(session)
        finish(session, [Wanted(number) for number in range(ANSWERS_OF_A_PAGE)])
    sent = run_command(sqlite_app, "messages", "send-due", "--now", NOW.isoformat())
    assert sent.code == 0
    order = {}
    for token in links(Path(sqlite_environment["SMS_CONSOLE_FILE"])).values():
        with unit_of_work(sqlite_app) as session:
            order[answers.submit(session, token, Submission(overall=3), NOW).key] = len(order)
    keys = {key: key for key in order}
    live = steal(sqlite_app, tmp_path).files
    assert strongest(places(live, keys), order).strength > LIMIT
    if counted:
        assert run_command(sqlite_app, "ballots", "count", "--now", NOW.isoformat()).code == 0
    file = tmp_path / "night.backup"
    assert run_command(sqlite_app, "storage", "backup", str(file)).code == 0
    best = strongest(places({"the copy": file.read_bytes()}, keys), order)
    assert best.strength < LIMIT, best
    assert best.tried == ANSWERS_OF_A_PAGE
