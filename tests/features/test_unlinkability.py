"""A stolen database, without its key, shows neither who answered, nor what, nor when.

A thief takes the disk with ballots in the pool, after the night that counted them, or after several
nights: on PostgreSQL every page, with what was deleted from it (pageinspect).
"""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from survey.db import table_of, write_many
from survey.models.ballot import CountedBallot
from survey.models.case import Case
from survey.models.count import Count
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from tests.features.attacks import LIMIT, strongest, strongest_pair
from tests.features.moment import Moment
from tests.features.nights import lived
from tests.features.test_answers import TWO_WAY
from tests.seeding import NOW

# n1 … n5 of a row of counts.
FIGURES_BYTES = 20
BALLOT = {"ballot", "ballot_pool"}
CITIZENS = {"dossier", "coverage_entry", "invitation"}
# Living takes long: the promises about one database and one way of answering share what was stolen.
lives: dict[tuple[str, str], dict[str, Moment]] = {}


@pytest.fixture(params=["web", "sms"])
def life(request, engine, make_app, tmp_path):
    """What is stolen at three moments, once with answers on pages and once with answers by SMS; and
    `planted`: as the last, with leaks.
    """
    key = (engine, request.param)
    if key not in lives:
        app = make_app(**(TWO_WAY if request.param == "sms" else {}))
        lives[key] = lived(app, tmp_path, two_way=request.param == "sms", leak=plant)
    return lives[key]


@pytest.fixture(params=["pool", "night", "nights"])
def moment(request, life):
    """One of the moments."""
    return life[request.param]


def plant(session, given):
    """What a careless program would leave: ballots and cases in the order of answers, a row of the
    citizen that an answer changes, counts changed in their place.
    """
    for table, keys in (
        (CountedBallot, [one.key for one in given.values()]),
        (Case, [one.case for one in given.values() if one.case]),
    ):
        core = table_of(table)
        by = core.c.key if table is CountedBallot else core.c.code
        rows = {row[by.name]: dict(row) for row in session.execute(select(core)).mappings()}
        session.execute(delete(core))
        write_many(session, insert(core), [rows[key] for key in keys])
    answered = select(Dossier.id).where(Dossier.code.in_(given))
    session.execute(
        update(Invitation)
        .where(Invitation.dossier_id.in_(answered))
        .values(made_on=NOW.date() + timedelta(days=1))
    )
    session.execute(update(Count).values(n5=Count.n5 + 1))


def answered(moment):
    """Dossier code → whether its citizen answered; without those who wish to be called."""
    return {
        code: code in moment.given
        for code in moment.citizens.dossiers
        if not (code in moment.given and moment.given[code].is_called)
    }


def test_nothing_shows_who_answered(moment, report):
    """Neither a row of a dossier, its question or its message, nor how often and where their bytes
    lie on the disk, tells dossiers that were answered from others.
    """
    citizens, truth = moment.citizens, answered(moment)
    for features in (citizens.rows, citizens.places):
        best = strongest(features, truth)
        report(f"{len(features)} ways: {best}")
        assert best.strength < LIMIT, best


def test_nothing_pairs_an_answer_with_its_dossier(moment, report):
    """No two columns or places lay ballots, cases, acts or messages of dialogues beside the dossiers
    they are about.
    """
    citizens = moment.citizens.rows
    for name, side in moment.sides().items():
        for features in (side.rows, side.places):
            best = strongest_pair(citizens, features, side.dossiers)
            report(f"{len(citizens) * len(features)} ways to pair {name}: {best}")
            assert best.strength < LIMIT, (name, best)


@pytest.mark.parametrize("when", ["night", "nights"])
def test_no_row_lies_in_the_order_of_answers(life, report, when):
    """Once they are counted, ballots, cases, acts and messages of dialogues of all nights lie among
    each other, and nothing in their rows tells which answer came first.
    """
    moment = life[when]
    for name, side in moment.sides().items():
        best = strongest(side.rows, places(moment, side))
        report(f"{len(side.rows)} ways to order {name}: {best}")
        assert best.strength < LIMIT, (name, best)


@pytest.mark.parametrize("when", ["night", "nights"])
def test_what_was_deleted_keeps_no_order(life, report, when):
    """Nowhere on the disk do bytes of cases or acts lie in the order of answers, nor those of
    ballots and dialogues in that of the answers of one night.
    """
    moment = life[when]
    for name, side in moment.sides().items():
        if name in {"cases", "entries"}:
            truths = [places(moment, side)]
        else:
            truths = [places(moment, side, night) for night in (1, 2, 3)]
        best = max(strongest(side.places, truth) for truth in truths)
        report(f"{len(side.places)} ways to order bytes of {name}: {best}")
        assert best.strength < LIMIT, (name, best)


def places(moment, side, night=None):
    """Key of each row → the place of its answer among all; `night`: only of what was answered before
    it and never changed since.
    """
    found = {key: moment.given[code] for key, code in side.dossiers.items()}
    return {
        key: one.place
        for key, one in found.items()
        if night is None or night == one.first_night == one.night
    }


def test_the_place_of_a_count_shows_no_answer(life, report):
    """Neither the place of a cell's counts nor who wrote them tells when it was answered last, or
    whether it was in the last night.
    """
    for when in ("night", "nights"):
        moment = life[when]
        last = {one.cell: one.place for one in moment.given.values()}
        night = max(one.night for one in moment.given.values())
        moved = dict.fromkeys(last, 0) | {
            one.cell: 1 for one in moment.given.values() if one.night == night
        }
        best = max(strongest(moment.counts, truth) for truth in (last, moved))
        report(f"{len(moment.counts)} ways: {best}")
        assert best.strength < LIMIT, best


def test_no_older_figure_is_left(life, engine):
    """Nowhere in PostgreSQL's pages of counts does a figure of the night before stand, so one stolen
    disk does not show which cells were answered since.
    """
    if engine == "sqlite":
        # It overwrites what it deletes (secure_delete), so there is nothing to be read.
        assert life["nights"].disk.files["the file"].count(b"on_timeoverall") > 0
        return
    assert older_figures(life["nights"].disk) == 0
    assert older_figures(life["planted"].disk) > 0


def older_figures(disk):
    """Rows of counts behind whose beginning other figures stand as well."""
    columns = [column.name for column in Count.__table__.columns]
    rows = [{name: row[name] for name in columns} for row in disk.tables["count"]]
    found = [disk.behind("count", row, FIGURES_BYTES) for row in rows]
    assert all(found)
    return sum(len(figures) > 1 for figures in found)


def test_a_night_leaves_no_dead_row(life, engine):
    """On PostgreSQL the night's job takes every row that was replaced or counted off the pages."""
    tables = ("ballot_pool", "ballot", "ballot_aggregate", "count", "case", "conversation")
    for when in ("night", "nights"):
        dead = life[when].disk.dead
        assert {name: dead.get(name, 0) for name in (*tables, "audit_waiting")} == dict.fromkeys(
            (*tables, "audit_waiting"), 0
        )
        assert life[when].disk.files.get("ballot_pool", b"") == b""


def test_the_frame_does_not_move(life):
    """No answer and no night changes, moves or touches a row of the sampling frame."""
    frames = [life[when].disk.tables["frame"] for when in ("pool", "night", "nights")]
    assert frames[0] == frames[1] == frames[2] != []
