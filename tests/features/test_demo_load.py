"""`demo load`: what it refuses, its reproducibility, and the consistency of its figures."""

import json
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select, update

from survey.jobs import reports
from survey.models.case import CaseState
from survey.models.dossier import Dossier
from survey.models.extension import Extension
from survey.models.invitation import Invitation
from survey.models.job import Job, JobState
from survey.models.message import Message, MessageState
from survey.models.organisation import Agency
from survey.models.snapshot import Approval, Snapshot
from survey.models.stage import DossierStage
from survey.models.supplement import Supplement
from survey.period import Month
from survey.privacy.retention import erase_due
from survey.province.workdays import local_day
from tests import ballots
from tests.conftest import FIXED, files_in, run_command, running, unit_of_work
from tests.opened import opened_cases

NOW = "2026-07-20T10:00:00+07:00"
MONTHS = (Month("2026-05"), Month("2026-06"), Month("2026-07"))


def demo_environment(url, folder):
    """Settings of a demo on a separate database."""
    return {**FIXED, "DEMO": "1", "DATABASE_URL": url, **files_in(folder)}


def load(app, *more):
    """Load a small demo of three months."""
    words = ("demo", "load", "--dossiers", "900", "--months", "3", "--now", NOW, "--json")
    return run_command(app, *words, *more)


@pytest.fixture
def demo_app(make_app):
    """An empty demo with reference data."""
    return make_app(DEMO="1")


def test_the_figures_of_a_demo_agree(demo_app):
    """Ledger, counts, sampling frame and audit log agree, and the months due are closed."""
    told = load(demo_app).json
    assert told["dossiers"] == 900
    assert told["answers"] == 180
    assert told["months"] == 3
    assert told["snapshots"] == 2
    for month in MONTHS:
        verified = run_command(demo_app, "coverage", "verify", "--period", month)
        assert verified.code == 0
    assert run_command(demo_app, "index", "rebuild", "--check").code == 0
    assert run_command(demo_app, "audit", "verify").code == 0
    with unit_of_work(demo_app) as session:
        assert session.scalar(select(func.count()).select_from(Dossier)) == 900
        assert len(ballots.all_said(session)) == 180
        months = session.scalars(select(Snapshot.month).order_by(Snapshot.month))
        assert list(months) == list(MONTHS[:2])


def test_the_leader_of_a_demo_finds_reports(demo_app):
    """The worker builds reports of three closed months, newest first, and the newest is not
    approved yet.
    """
    load(demo_app, "--months", "6")
    reported = ["2026-06", "2026-05", "2026-04"]
    with unit_of_work(demo_app) as session:
        ordered = session.scalars(select(Job).where(Job.kind == reports.KIND).order_by(Job.id))
        assert [(job.payload["month"], job.state) for job in ordered] == [
            (month, JobState.WAITING) for month in reported
        ]
        approved = select(Snapshot.month, Approval).join(Approval).order_by(Snapshot.month)
        given = {month: one.approved_at for month, one in session.execute(approved)}
    assert list(given) == ["2026-04", "2026-05"]
    assert [local_day(timestamp).isoformat() for timestamp in given.values()] == [
        *("2026-05-18", "2026-06-16"),
    ]
    assert run_command(demo_app, "audit", "verify").code == 0


def test_a_demo_keeps_no_personal_data_past_its_term(demo_app):
    """In a fresh demo retention finds nothing to erase, and no message has its body."""
    load(demo_app, "--months", "7")
    with unit_of_work(demo_app) as session:
        erased = erase_due(session, datetime.fromisoformat(NOW).astimezone(UTC))
        assert not any(erased.values())
        bodies = select(func.count()).where(Message.body_sealed.is_not(None))
        assert session.scalar(bodies) == 0


def test_nothing_of_a_demo_waits_to_be_sent(demo_app):
    """Every past message of a demo is finished, so a worker that starts sends nothing."""
    load(demo_app)
    with unit_of_work(demo_app) as session:
        states = set(session.scalars(select(Message.state).distinct()))
        made = session.scalar(select(func.count()).select_from(Invitation))
        assert session.scalar(select(func.count()).select_from(Message)) == made
    assert states <= {
        *(MessageState.DELIVERED, MessageState.UNDELIVERED),
        *(MessageState.FAILED, MessageState.EXPIRED),
    }
    sent = run_command(demo_app, "messages", "send-due", "--now", NOW, "--json").json
    assert sent == {"sent": 0, "failed": 0, "unknown": 0, "waiting": 0}


def test_cases_stand_at_every_stage(demo_app):
    """A demo has waiting cases, cases in work, replied and mostly closed ones, each closed one with
    a text for the citizen, and grave ones are closed to the agency.
    """
    load(demo_app, "--dossiers", "4000", "--months", "2")
    with unit_of_work(demo_app) as session:
        cases = opened_cases(session)
        counted = Counter(one.state for one in cases)
        overdue = [
            one.state == CaseState.NEW and one.first_due_at < datetime.fromisoformat(NOW)
            for one in cases
        ]
    wanted = (CaseState.NEW, CaseState.IN_PROGRESS, CaseState.REPLIED, CaseState.CLOSED)
    assert set(counted) == set(wanted)
    assert counted[CaseState.CLOSED] > sum(counted.values()) / 2
    assert any(overdue)
    endings = [one.events[-1] for one in cases if one.state == CaseState.CLOSED]
    assert all(one.text for one in endings)
    assert len({one.reason for one in endings}) >= 4
    assert any(one.receiver for one in endings)
    assert any(one.is_held for one in cases)
    assert run_command(demo_app, "alerts", "list", "--json").json


def _figures(app):
    """All figures of the demo's months that a report could print."""
    closed = [
        json.dumps(
            run_command(
                app, "index", "show", "--period", month, "--by", by, "--now", NOW, "--json"
            ).json
        )
        for month in MONTHS
        for by in ("sector", "agency", "procedure", "channel")
    ]
    full = ("--by", "overall", "--question", "officials", "--now", NOW, "--json")
    factors = [run_command(app, "index", "show", "--period", m, *full).json for m in MONTHS]
    ledgers = [run_command(app, "coverage", "show", "--period", m, "--json").json for m in MONTHS]
    with unit_of_work(app) as session:
        codes = session.scalars(select(Dossier.code).order_by(Dossier.id)).all()
        states = sorted(
            (one.opened_at, one.agency_id, one.state, one.due_at) for one in opened_cases(session)
        )
        ways = _ways(session)
    return closed, factors, ledgers, codes, states, ways


def _ways(session):
    """Stages, supplements and extensions of the demo's dossiers, of which every kind occurs."""
    code = Dossier.code
    lists = (
        select(code, Dossier.stage, Dossier.first_due_at).where(Dossier.finished_at.is_(None)),
        select(code, DossierStage.stage, DossierStage.at).join_from(Dossier, DossierStage),
        select(code, Supplement.number, Supplement.asked_at).join_from(Dossier, Supplement),
        select(code, Extension.letter_at, Extension.new_due_at).join_from(Dossier, Extension),
    )
    found = [sorted(map(str, session.execute(query))) for query in lists]
    assert all(found)
    return found


def test_the_same_seed_gives_the_same_data(sqlite_copies, tmp_path):
    """Two databases filled with one seed have equal figures, stages, supplements and extensions;
    another seed gives others.
    """
    shown = []
    for seed in ("1", "1", "2"):
        folder = tmp_path / str(len(shown))
        folder.mkdir()
        with running(demo_environment(sqlite_copies.copy(folder), folder)) as app:
            assert load(app, "--seed", seed).code == 0
            shown.append(_figures(app))
    assert shown[0] == shown[1]
    assert shown[0] != shown[2]


@pytest.mark.parametrize(
    ("settings", "words", "sentence"),
    [
        ({"DEMO": "0"}, (), "DEMO=1"),
        ({}, ("--dossiers", "0"), "1.000.000"),
        ({}, ("--dossiers", "-5"), "1.000.000"),
        ({}, ("--months", "0"), "36"),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(make_app, settings, words, sentence):
    """Outside a demo, or with an impossible scale, the command exits 2, writes nothing and
    announces no demo.
    """
    app = make_app(**{"DEMO": "1", **settings})
    refused = load(app, *words)
    assert refused.code == 2
    assert sentence in refused.err
    assert "Đang tạo" not in refused.err
    assert not refused.out
    with unit_of_work(app) as session:
        assert session.scalar(select(Dossier.id).limit(1)) is None


def test_a_database_with_dossiers_is_left_alone(demo_app):
    """A second load exits 2 and changes nothing."""
    load(demo_app)
    again = load(demo_app)
    assert again.code == 2
    assert "đã có hồ sơ" in again.err
    with unit_of_work(demo_app) as session:
        assert session.scalar(select(func.count()).select_from(Dossier)) == 900


def test_a_province_without_working_agencies_is_refused(demo_app):
    """If no agency of the province exists any more, the command exits 2 and says what to choose."""
    with unit_of_work(demo_app) as session:
        session.execute(update(Agency).values(valid_from=None, valid_to=date(2020, 1, 1)))
    refused = load(demo_app)
    assert refused.code == 2
    assert "PROVINCE" in refused.err
