"""Personal data: sealed in their place, erased on time or on request, movable to a new key."""

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import answers, invitations, sealing
from survey.answers import Submission
from survey.ballots import checking
from survey.db import db
from survey.errors import Refused
from survey.models.case import Case, CaseState, case_of
from survey.models.count import Count
from survey.models.dossier import Dossier
from survey.models.invitation import OptOut
from survey.models.message import Conversation, Message
from survey.models.organisation import Agency
from survey.models.procedure_count import (
    Group,
    ProcedureCount,
    move_procedure_counts,
    procedure_counts,
)
from survey.models.response import Answer, Response
from survey.models.watch import (
    Limits,
    Measure,
    Place,
    Progress,
    RateLimits,
    Signal,
    Sums,
    WatchChart,
    WatchRate,
    WatchRule,
)
from survey.monitoring.signals import extend, open_places, raise_signal
from survey.privacy import retention
from survey.privacy.masking import mask_name, mask_text
from tests.conftest import FIXED, Ran, run_command, unit_of_work
from tests.opened import put_case, the_case
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
# Sealed without the key's name, which would tell when an answer was given.
UNNAMED = {("answer", "closing_sealed"), ("response", "form_sealed")}
ANGRY, CALM, SILENT = Wanted(1), Wanted(2), Wanted(3)
# The night in which reminders are parted from their dossiers, and the moment they may leave.
NIGHT, MORNING = datetime(2026, 5, 22, 18, tzinfo=UTC), datetime(2026, 5, 23, 1, tzinfo=UTC)
GROUP = Group("2026-05", "1.012784", "counter", "on_time")
DIP = Place(WatchRule.RESPONSE_DIP, None)
TOLD = Signal(NOW.date(), NOW.date(), 0.1, 9, 20, 0.01)
NEW_KEY = base64.urlsafe_b64encode(b"another key of thirty-two bytes!").decode()


@pytest.fixture
def tokens(transact: Transact, runner: Runner, environment: dict[str, str]) -> dict[str, str]:
    """Two citizens answered: one badly, with a wish to be called; phone → token."""
    with transact() as session:
        ask_everybody(session)
        finish(session, [ANGRY, CALM])
    runner("messages", "send-due", "--now", NOW.isoformat())
    found = links(Path(environment["SMS_CONSOLE_FILE"]))
    with transact() as session:
        bad = Submission(overall=1, comment="Chậm quá.", contact=True)
        answers.submit(session, found[ANGRY.mobile], bad, NOW)
        good = Submission(overall=5, comment="Tốt lắm.")
        answers.submit(session, found[CALM.mobile], good, NOW)
    return found


def close_case(session: Session, at: datetime) -> None:
    """Close the one case."""
    put_case(session, state=CaseState.CLOSED, closed_at=at, close_reason="resolved")


def test_sealed_values_cannot_be_moved(transact: Transact) -> None:
    """A sealed value opens only for its own column and row, and only with a known key."""
    with transact() as session:
        sealed = sealing.seal(session, "dossier.phone", "A", "+84905123456")
        assert sealing.unseal(session, "dossier.phone", "A", sealed) == "+84905123456"
        for place, row in (("dossier.phone", "B"), ("dossier.name", "A")):
            with pytest.raises(Refused, match="sealed_value_broken"):
                sealing.unseal(session, place, row, sealed)
        with pytest.raises(Refused, match="sealed_with_unknown_key"):
            sealing.unseal(session, "dossier.phone", "A", b"nope" + sealed[4:])
        unnamed = sealing.seal_unnamed(session, "answer.closing", "A/1", 7, 2)
        assert sealing.unseal_unnamed(session, "answer.closing", "A/1", unnamed) == 7
        for row, value in (("A/2", unnamed), ("A/1", b"nope" + unnamed[4:]), ("A/1", b"")):
            with pytest.raises(Refused, match="sealed_value_broken"):
                sealing.unseal_unnamed(session, "answer.closing", row, value)
        assert sealing.seal(session, "dossier.phone", "A", "+84905123456") != sealed


def test_contact_data_live_ninety_days_and_counts_stay(
    transact: Transact, tokens: dict[str, str], runner: Callable[..., Ran]
) -> None:
    """Phones go 90 days after the finish, a case's 90 days after its closing; counts stay."""
    after_the_reminder = NOW + timedelta(days=4)
    assert runner("messages", "send-due", "--now", after_the_reminder.isoformat()).code == 0
    with transact() as session:
        before = session.scalar(select(func.sum(Count.n1 + Count.n5)))
        close_case(session, NOW + timedelta(days=10))
        assert retention.erase_due(session, NOW + timedelta(days=89))["dossiers"] == 0
        erased = retention.erase_due(session, NOW + timedelta(days=91))
        assert (erased["dossiers"], erased["messages"], erased["cases"]) == (2, 2, 0)
        assert erased["reminders"] == 0
        assert retention.erase_due(session, NOW + timedelta(days=101))["cases"] == 1
        case = the_case(session)
        assert case.contact_phone_sealed is case.contact_name_sealed is None
        assert case.contact_dossier_code is None
        assert session.scalar(select(func.sum(Count.n1 + Count.n5))) == before == 2
        for table in (Dossier, Message):
            left = select(func.count()).where(table.phone_sealed.is_not(None))
            assert session.scalar(left) == 0


def test_comments_live_a_year_unless_their_case_is_open(
    transact: Transact, tokens: dict[str, str]
) -> None:
    """After a year comments go; that of an open case stays until it is closed."""
    later = datetime(2027, 6, 2, tzinfo=UTC)
    with transact() as session:
        assert retention.erase_due(session, later - timedelta(days=5))["comments"] == 0
        assert retention.erase_due(session, later)["comments"] == 1
        assert session.scalars(select(Answer.comment)).all().count("Chậm quá.") == 1
        close_case(session, later)
        assert retention.erase_due(session, later)["comments"] == 1


def test_erasure_on_request(transact: Transact, runner: Runner, tokens: dict[str, str]) -> None:
    """`privacy erase` takes one number out of every table; others and the counts stay."""
    erased = runner("privacy", "erase", "--phone", ANGRY.mobile, "--json").json
    assert (erased["dossiers"], erased["messages"], erased["cases"]) == (1, 1, 1)
    with transact() as session:
        assert session.scalar(select(func.count()).where(Dossier.phone_sealed.is_not(None))) == 1
        assert session.scalar(select(Case.contact_phone_sealed)) is None
    assert runner("index", "rebuild", "--check").code == 0
    assert runner("privacy", "erase", "--phone", "chín không năm").code == 2


@pytest.mark.parametrize("nights", [0, 1])
def test_erasure_reaches_reminders(
    transact: Transact, runner: Runner, tokens: dict[str, str], nights: int
) -> None:
    """On request a number's reminder is never sent, parted from its dossier already or not."""
    with transact() as session:
        finish(session, [SILENT])
    runner("messages", "send-due", "--now", NOW.isoformat())
    for _ in range(nights):
        runner("messages", "send-due", "--now", NIGHT.isoformat())
    erased = runner("privacy", "erase", "--phone", SILENT.mobile, "--json").json
    assert (erased["dossiers"], erased["messages"], erased["cancelled"]) == (1, 1, 1)
    with transact() as session:
        query = select(Message).where(Message.reason == "erased")
        gone = session.scalars(query).one()
        assert gone.phone_sealed is gone.phone_index is gone.body_sealed is None
    sent = runner("messages", "send-due", "--now", MORNING.isoformat(), "--json").json
    assert (sent["sent"], sent["waiting"]) == (0, 0)


def test_whom_a_reminder_went_to_is_known_for_a_week(
    transact: Transact, runner: Runner, tokens: dict[str, str]
) -> None:
    """The hash of a reminder that left stays while it counts for the cap, and then goes."""
    with transact() as session:
        finish(session, [SILENT])
    for moment in (NOW, MORNING):
        runner("messages", "send-due", "--now", moment.isoformat())
    left = select(Message.phone_index).where(Message.kind == "reminder", Message.state == "sent")
    with transact() as session:
        assert retention.erase_due(session, MORNING + timedelta(days=7))["reminders"] == 0
        assert session.scalars(left).all() == [sealing.reminder_index(session, SILENT.mobile)]
        assert retention.erase_due(session, MORNING + timedelta(days=9))["reminders"] == 1
        assert session.scalars(left).all() == [None]


def test_parted_reminders_and_conversations_move_to_a_new_key(
    transact: Transact, make_app: Callable[..., Flask], runner: Runner, tokens: dict[str, str]
) -> None:
    """After `rekey` a waiting reminder leaves and counts, and who was helped is known."""
    with transact() as session:
        finish(session, [SILENT])
        for phone in (SILENT.mobile, "+84900009999"):  # of the second no dossier is known
            index = sealing.conversation_index(session, phone)
            session.add(Conversation(phone_index=index, helped_on=NOW))
    for moment in (NOW, NIGHT):
        runner("messages", "send-due", "--now", moment.isoformat())
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    with unit_of_work(both) as session:
        assert sealing.conversation_index(session, SILENT.mobile) not in _talks(session)
    moved = run_command(both, "privacy", "rekey", "--json").json
    assert moved["conversation.phone"] == 1
    assert run_command(both, "privacy", "rekey", "--json").json["conversation.phone"] == 0
    with unit_of_work(both) as session:
        assert sealing.conversation_index(session, SILENT.mobile) in _talks(session)
        waiting = session.scalars(select(Message).where(Message.state == "ready")).all()
        mine = sealing.reminder_index(session, SILENT.mobile)
        assert mine in {one.phone_index for one in waiting}
    morning = ("messages", "send-due", "--now", MORNING.isoformat(), "--json")
    assert run_command(both, *morning).json["sent"] == 1


def _talks(session: Session) -> set[bytes]:
    return set(session.scalars(select(Conversation.phone_index)))


def test_keys_rotate(
    transact: Transact, make_app: Callable[..., Flask], tokens: dict[str, str]
) -> None:
    """While the old key is listed links work; after `rekey` it can go, and opt-outs hold."""
    with transact() as session:
        invitations.opt_out(session, CALM.mobile, NOW)
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    with unit_of_work(both) as session:
        assert answers.answer_page(session, tokens[ANGRY.mobile], NOW).answer.overall == 1
    moved = run_command(both, "privacy", "rekey", "--json").json
    assert (moved["dossier.phone"], moved["case.phone"], moved["opt_out.phone"]) == (2, 1, 1)
    assert set(run_command(both, "privacy", "rekey", "--json").json.values()) == {0}
    alone = make_app(DATA_KEY=NEW_KEY)
    with unit_of_work(alone) as session:
        for dossier in session.scalars(select(Dossier)):
            phone = sealing.unseal(session, "dossier.phone", dossier.code, dossier.phone_sealed)
            assert dossier.phone_index == sealing.phone_index(session, phone)
        wish = session.scalars(select(OptOut)).one()
        assert wish.phone_index == sealing.phone_index(session, CALM.mobile)
        case = the_case(session)
        assert (case.state, [one.kind for one in case.events]) == ("new", ["opened"])
        assert session.scalars(case_of(session, case.response_id)).one().code == case.code


def test_nothing_keeps_the_old_key(
    transact: Transact,
    make_app: Callable[..., Flask],
    tokens: dict[str, str],
    runner: Runner,
) -> None:
    """Answers counted under the old key are changed under the new one; after `rekey` every sealed
    value of every table names the new key, or opens with it alone where an answer names none;
    counts agree, and the closed month is proven.
    """
    assert runner("index", "close", "--period", "2026-05", "--now", "2026-06-15").code == 0
    with transact() as session:
        _watch(session)
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    with unit_of_work(both) as session:
        answers.submit(session, tokens[CALM.mobile], Submission(overall=4), NOW)
        assert checking.check(session) == []
    assert run_command(both, "privacy", "rekey").code == 0
    alone = make_app(DATA_KEY=NEW_KEY)
    with unit_of_work(alone) as session:
        _check_keys(session)
        closings = [one.closing(session) for one in session.scalars(select(Answer))]
        assert sorted(closings) == [0, 0, 1]
        forms = [one.form(session) for one in session.scalars(select(Response))]
        assert [one.mode for one in forms] == ["web", "web"]
        assert checking.check(session) == []
        assert open_places(session) == {DIP}
        extend(session, DIP, TOLD)
    proven = run_command(alone, "index", "recompute", "--snapshot", "1", "--json")
    assert (proven.code, proven.json["ok"]) == (0, True)


@pytest.mark.parametrize("mended_by", ["answer", "rekey"])
def test_answers_counted_without_a_key_in_use_join_the_others(
    transact: Transact, make_app: Callable[..., Flask], tokens: dict[str, str], mended_by: str
) -> None:
    """Who forgets DATA_KEYS_OLD for a while has two rows of one group: they are counted together,
    and become one at the next answer or `rekey`.
    """
    with unit_of_work(make_app(DATA_KEY=NEW_KEY)) as session:
        move_procedure_counts(session, {GROUP: {("overall", 3): 1}})
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    rows = select(func.count()).select_from(ProcedureCount)
    with unit_of_work(both) as session:
        assert procedure_counts(session, GROUP.month) == {GROUP: {"overall": [1, 0, 1, 0, 1]}}
        assert session.scalar(rows) == 2
        if mended_by == "answer":
            move_procedure_counts(session, {GROUP: {("overall", 3): 1, ("overall", 5): -1}})
    if mended_by == "rekey":
        assert run_command(both, "privacy", "rekey").code == 0
    with unit_of_work(both) as session:
        counts = [1, 0, 2, 0, 0] if mended_by == "answer" else [1, 0, 1, 0, 1]
        assert procedure_counts(session, GROUP.month) == {GROUP: {"overall": counts}}
        assert session.scalar(rows) == 1


def _watch(session: Session) -> None:
    """A chart, a rate and an open alert."""
    frozen = {"first_month": "", "last_month": "", "frozen_on": NOW.date()}
    agency_id = session.scalars(select(Agency.id)).first()
    chart = WatchChart(agency_id=agency_id, sector_group="land", **frozen)
    chart.freeze(session, Limits(0.1, 0.1, 0.5, 8, 1, 60, 20, 0.1, 100))
    chart.keep(session, Progress())
    rate = WatchRate(measure=Measure.RESPONSE, batch_from=NOW.date(), **frozen)
    rate.freeze(session, RateLimits(0.1, 0.1, 0.1))
    rate.keep(session, Sums(3, 2))
    session.add_all([chart, rate])
    raise_signal(session, DIP, TOLD, NOW)


def _check_keys(session: Session) -> None:
    sealed, current = _sealed(session), sealing.keyring(session)[0].id
    assert {place for place, values in sealed.items() if values} >= {
        *UNNAMED,
        ("procedure_count", "counts_sealed"),
        ("snapshot", "payload_sealed"),
        ("watch_alert", "finding_sealed"),
        ("watch_chart", "limits_sealed"),
        ("watch_chart", "progress_sealed"),
        ("watch_rate", "limits_sealed"),
        ("watch_rate", "sums_sealed"),
    }
    for place, values in sealed.items():
        named = [value.startswith(current) for value in values]
        assert not any(named) if place in UNNAMED else all(named), place


def _sealed(session: Session) -> dict[tuple[str, str], list[bytes]]:
    """Table and column → every sealed value in it."""
    columns = [one for table in db.metadata.sorted_tables for one in table.columns]
    found = {
        (one.table.name, one.name): session.scalars(select(one).where(one.is_not(None))).all()
        for one in columns
        if one.name.endswith("sealed")
    }
    return {place: [bytes(value) for value in values] for place, values in found.items()}


def test_masks() -> None:
    """Names show initials; phone and paper numbers in a text are covered, others are not."""
    assert mask_name("Nguyễn Văn An") == "N•• V•• A••"
    text = "Gọi 0905 123 456 hoặc +84905123456, CCCD 056099001234, hẹn 3 lần, ngày 12/05/2026"
    covered = "Gọi [số điện thoại] hoặc [số điện thoại], CCCD [số giấy tờ], hẹn 3 lần, "
    assert mask_text(text) == f"{covered}ngày 12/05/2026"
