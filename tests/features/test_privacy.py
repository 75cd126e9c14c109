"""Personal data: erased by retention or on request, and masked on screens."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.cases import steps
from survey.cases.notices import Way
from survey.models.case import Case, CaseState
from survey.models.dossier import Dossier
from survey.models.message import Message
from survey.models.recipient import IndexUse, Recipient
from survey.privacy import retention
from survey.privacy.masking import mask_name, mask_text
from tests import ballots
from tests.conftest import Ran
from tests.features import answering
from tests.opened import put_case, the_case
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
ANGRY, CALM, SILENT = Wanted(1), Wanted(2), Wanted(3)
# The night in which reminders are parted from their dossiers, and the moment they may leave.
NIGHT, MORNING = datetime(2026, 5, 22, 18, tzinfo=UTC), datetime(2026, 5, 23, 1, tzinfo=UTC)


@pytest.fixture
def tokens(transact: Transact, runner: Runner, environment: dict[str, str]) -> dict[str, str]:
    """Two citizens answered, one of them badly and with a wish to be called; phone → token."""
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
    """Close the only case."""
    put_case(session, state=CaseState.CLOSED, closed_at=at, close_reason="resolved")


def reply_by_sms(session: Session) -> None:
    """Reply to the only case as a handler; the reply waits in the outbox."""
    staff, case = answering.add_staff(session), the_case(session).case
    steps.take(session, staff, case, NOW)
    steps.reply(session, staff, case, ("Chúng tôi xin lỗi.", Way.PLAIN), NOW)


def test_contact_data_live_ninety_days_and_counts_stay(
    transact: Transact, tokens: dict[str, str], runner: Callable[..., Ran]
) -> None:
    """Phones are erased 90 days after the finish, or after a case's closing, and counts stay."""
    after_the_reminder = NOW + timedelta(days=4)
    assert runner("messages", "send-due", "--now", after_the_reminder.isoformat()).code == 0
    with transact() as session:
        before = ballots.levels(session)
        close_case(session, NOW + timedelta(days=10))
        assert retention.erase_due(session, NOW + timedelta(days=89))["dossiers"] == 0
        erased = retention.erase_due(session, NOW + timedelta(days=91))
        assert (erased["dossiers"], erased["messages"], erased["cases"]) == (2, 2, 0)
        assert erased["reminders"] == 0
        assert retention.erase_due(session, NOW + timedelta(days=101))["cases"] == 1
        case = the_case(session)
        assert case.contact_sealed is case.contact_index is None
        assert ballots.levels(session) == before == {1: 1, 5: 1}
        for column in (Dossier.phone_sealed, Message.recipient_sealed):
            assert session.scalar(select(func.count()).where(column.is_not(None))) == 0


def test_comments_live_a_year_unless_their_case_is_open(
    transact: Transact, tokens: dict[str, str]
) -> None:
    """Comments are erased after a year, that of an open case after its closing."""
    later = datetime(2027, 6, 2, tzinfo=UTC)
    with transact() as session:
        assert retention.erase_due(session, later - timedelta(days=5))["comments"] == 0
        assert retention.erase_due(session, later)["comments"] == 1
        assert [one.comment for one in ballots.all_said(session)].count("Chậm quá.") == 1
        close_case(session, later)
        assert retention.erase_due(session, later)["comments"] == 1


def test_erasure_on_request(transact: Transact, runner: Runner, tokens: dict[str, str]) -> None:
    """`privacy erase` removes one number from every table; other numbers and the counts stay."""
    erased = runner("privacy", "erase", "--phone", ANGRY.mobile, "--json").json
    assert (erased["dossiers"], erased["messages"], erased["cases"]) == (1, 1, 1)
    with transact() as session:
        assert session.scalar(select(func.count()).where(Dossier.phone_sealed.is_not(None))) == 1
        assert session.scalar(select(Case.contact_sealed)) is None
    assert runner("index", "rebuild", "--check").code == 0
    assert runner("privacy", "erase", "--phone", "chín không năm").code == 2


def test_erasure_reaches_what_was_texted_about_a_case(
    transact: Transact, runner: Runner, tokens: dict[str, str]
) -> None:
    """Erasure on request removes a number from its case and cancels a reply that waits."""
    with transact() as session:
        reply_by_sms(session)
    erased = runner("privacy", "erase", "--phone", ANGRY.mobile, "--json").json
    assert (erased["messages"], erased["cancelled"], erased["cases"]) == (1, 2, 1)
    with transact() as session:
        gone = session.scalars(select(Message).where(Message.kind == "case_reply")).one()
        assert (gone.state, gone.recipient_sealed, gone.recipient_index) == (
            "cancelled",
            None,
            None,
        )
        assert the_case(session).case.contact is None


@pytest.mark.parametrize("nights", [0, 1])
def test_erasure_reaches_reminders(
    transact: Transact, runner: Runner, tokens: dict[str, str], nights: int
) -> None:
    """Erasure on request cancels a number's reminder, before or after it is unlinked from its
    dossier.
    """
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
        assert gone.recipient_sealed is gone.recipient_index is gone.body_sealed is None
    sent = runner("messages", "send-due", "--now", MORNING.isoformat(), "--json").json
    assert (sent["sent"], sent["waiting"]) == (0, 0)


def test_whom_a_reminder_went_to_is_known_for_a_week(
    transact: Transact, runner: Runner, tokens: dict[str, str]
) -> None:
    """The recipient's hash of a sent reminder is stored while it counts for the cap, and is then
    erased.
    """
    with transact() as session:
        finish(session, [SILENT])
    for timestamp in (NOW, MORNING):
        runner("messages", "send-due", "--now", timestamp.isoformat())
    left = select(Message.recipient_index).where(
        Message.kind == "reminder", Message.state == "sent"
    )
    with transact() as session:
        assert retention.erase_due(session, MORNING + timedelta(days=7))["reminders"] == 0
        unlinked = Recipient.by_sms(SILENT.mobile).indexed_text(IndexUse.UNLINKED)
        mine = Message.recipient.hash_of(session, unlinked)
        assert session.scalars(left).all() == [mine]
        assert retention.erase_due(session, MORNING + timedelta(days=9))["reminders"] == 1
        assert session.scalars(left).all() == [None]


def test_masks() -> None:
    """Names are shown as initials, phone and identity numbers in a text are masked, other numbers
    are not.
    """
    assert mask_name("Nguyễn Văn An") == "N•• V•• A••"
    text = "Gọi 0905 123 456 hoặc +84905123456, CCCD 056099001234, hẹn 3 lần, ngày 12/05/2026"
    covered = "Gọi [số điện thoại] hoặc [số điện thoại], CCCD [số giấy tờ], hẹn 3 lần, "
    assert mask_text(text) == f"{covered}ngày 12/05/2026"
