"""The coverage ledger: every finished dossier is asked, or not asked for one stated reason."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from survey import invitations
from survey.answers import answer_page
from survey.invitations.cells import cell_of, finished_instant, lateness
from survey.messages.outbox.queue import body_of
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation, StaffPhone
from survey.models.message import Message
from survey.models.organisation import Sector
from survey.models.province import DayKind, Province, SpecialDay
from survey.models.recipient import Recipient
from survey.period import Month
from tests.conftest import Ran
from tests.seeding import NOW, Wanted, finish

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
MONTH = Month("2026-05")
PHONE = "+84905123456"
DAY = timedelta(days=1)


def decisions(session: Session) -> dict[str, str]:
    """Dossier code → decision in the ledger."""
    query = select(Dossier.code, CoverageEntry.decision).join(
        CoverageEntry, CoverageEntry.dossier_id == Dossier.id
    )
    return dict(session.execute(query).all())


def decide(session: Session, *wanted: Wanted, now: datetime = NOW) -> list[str]:
    """Finish dossiers together; return their decisions in the order given."""
    finish(session, wanted, now)
    made = decisions(session)
    return [made[one.code] for one in wanted]


def rules(session: Session) -> Province:
    """The settings of the province."""
    return session.scalars(select(Province)).one()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "no_phone"),
        ("invalid", "bad_phone"),
        ("landline", "landline"),
        ("foreign", "foreign"),
    ],
)
def test_a_phone_that_cannot_get_a_text_is_a_reason(
    transact: Transact, kind: str, reason: str
) -> None:
    """Missing, unreadable, fixed-line and foreign numbers are separate reasons in the ledger."""
    with transact() as session:
        (dossier,) = finish(session, [Wanted(1)])
        session.execute(delete(Message))
        session.execute(delete(Invitation))
        session.execute(delete(CoverageEntry))
        dossier.phone_kind = kind
        dossier.phone = None
        session.flush()
        invitations.register_finished(session, [dossier], {}, NOW)
        assert decisions(session) == {dossier.code: reason}


def test_who_opted_out_is_not_asked(transact: Transact) -> None:
    """An opt-out takes precedence over every later reason."""
    with transact() as session:
        invitations.opt_out(session, Recipient.by_sms(PHONE), NOW)
        assert decide(session, Wanted(1, phone=PHONE)) == ["opted_out"]


def test_six_dossiers_in_ninety_days_make_an_intermediary(transact: Transact) -> None:
    """More than five dossiers of one phone make it an intermediary, which precedes
    `asked_recently`.
    """
    with transact() as session:
        six = [Wanted(number, phone=PHONE) for number in range(1, 7)]
        assert decide(session, *six) == ["intermediary"] * 6


def test_five_dossiers_are_still_a_citizen(transact: Transact) -> None:
    """Of five dossiers of one phone the first is asked about, the others are `asked_recently`."""
    with transact() as session:
        five = [Wanted(number, phone=PHONE) for number in range(1, 6)]
        assert decide(session, *five) == ["asked"] + ["asked_recently"] * 4


@pytest.mark.parametrize(
    ("gap", "days", "expected"),
    [(30, 29, "asked_recently"), (30, 30, "asked"), (0, 0, "asked")],
)
def test_the_gap_between_two_questions_to_one_phone(
    transact: Transact, gap: int, days: int, expected: str
) -> None:
    """`phone_gap_days` is counted in days, and 0 switches the gap off."""
    with transact() as session:
        rules(session).phone_gap_days = gap
        assert decide(session, Wanted(1, phone=PHONE)) == ["asked"]
        later = NOW + days * DAY
        second = Wanted(2, phone=PHONE, finished_at=later - timedelta(hours=1))
        assert decide(session, second, now=later) == [expected]


def test_staff_are_never_asked(transact: Transact) -> None:
    """A phone of staff who work on dossiers is not asked, with a reason of its own."""
    with transact() as session:
        session.add(StaffPhone(id="1", **StaffPhone.phone.columns(session, "1", PHONE)))
        session.flush()
        assert decide(session, Wanted(1, phone=PHONE)) == ["staff_phone"]


def test_what_was_finished_long_ago_is_not_asked(transact: Transact) -> None:
    """Dossiers finished more than 30 days ago are not asked about."""
    with transact() as session:
        old = Wanted(1, finished_at=NOW - 31 * DAY)
        fresh = Wanted(2, finished_at=NOW - 29 * DAY)
        assert decide(session, old, fresh) == ["too_old", "asked"]


def test_sampling_is_per_sector(transact: Transact) -> None:
    """A sector's sample share limits that sector only; the other sectors are asked in full."""
    with transact() as session:
        session.execute(update(Sector).where(Sector.code == "land").values(sample_percent=30))
        land = [Wanted(number) for number in range(1, 201)]
        other = [Wanted(number, procedure="2.000815") for number in range(201, 221)]
        made = decide(session, *land, *other)
        asked = made[:200].count("asked")
        assert set(made[:200]) == {"asked", "sampled_out"}
        assert 35 <= asked <= 85
        assert set(made[200:]) == {"asked"}


def test_some_get_the_full_questionnaire(transact: Transact) -> None:
    """The province sets the share of full questionnaires, and no stored row shows which link has
    one: the only full one of a cell would identify its answer.
    """
    with transact() as session:
        rules(session).full_percent = 50
        finish(session, [Wanted(number) for number in range(1, 101)])
        assert len(set(session.scalars(select(Invitation.questionnaire_id)))) == 1
        bodies = [body_of(message) for message in session.scalars(select(Message))]
        tokens = [body.partition("/s/")[2][:12] for body in bodies]
        asked = [answer_page(session, token, NOW).rates_factors for token in tokens]
    assert 25 <= asked.count(True) <= 75


def test_the_ledger_adds_up_and_a_gap_is_found(transact: Transact, runner: Runner) -> None:
    """`coverage show` counts every reason, and `verify` exits 1 when one entry is missing."""
    with transact() as session:
        finish(session, [Wanted(1), Wanted(2, finished_at=NOW - 40 * DAY), Wanted(3)])
    shown = runner("coverage", "show", "--period", MONTH, "--json").json
    assert shown == {"finished": 2, "invited": 2, "not_invited": {}}
    april = runner("coverage", "show", "--period", "2026-04", "--json").json
    assert april == {"finished": 1, "invited": 0, "not_invited": {"too_old": 1}}
    assert runner("coverage", "verify", "--period", MONTH).code == 0
    with transact() as session:
        session.execute(delete(Message))
        session.execute(delete(Invitation))
        one = session.scalars(select(CoverageEntry)).first()
        session.delete(one)
    assert {
        runner("coverage", "verify", "--period", month).code for month in (MONTH, "2026-04")
    } == {
        0,
        1,
    }


@pytest.mark.parametrize(
    ("finished", "due", "has_time", "expected"),
    [
        (
            datetime(2026, 5, 4, 9, 59, tzinfo=UTC),
            datetime(2026, 5, 4, 10, tzinfo=UTC),
            True,
            "on_time",
        ),
        (
            datetime(2026, 5, 4, 10, 1, tzinfo=UTC),
            datetime(2026, 5, 4, 10, tzinfo=UTC),
            True,
            "late",
        ),
        (
            datetime(2026, 5, 4, 10, 1, tzinfo=UTC),
            datetime(2026, 5, 4, 10, tzinfo=UTC),
            False,
            "on_time",
        ),
        (datetime(2026, 5, 4, 17, tzinfo=UTC), datetime(2026, 5, 4, 10, tzinfo=UTC), False, "late"),
        (datetime(2026, 5, 4, 10, tzinfo=UTC), None, False, "none"),
    ],
)
def test_lateness_by_day_unless_both_have_times(
    finished: datetime, due: datetime | None, *, has_time: bool, expected: str
) -> None:
    """Lateness is to the minute if finish and due date have times, else by local day; without a due
    date nothing is late.
    """
    dossier = Dossier(
        finished_at=finished, finished_has_time=True, due_at=due, due_has_time=has_time
    )
    assert lateness(dossier) == expected


def test_the_month_is_the_local_one() -> None:
    """A dossier finished at 00:30 on 1 June in Viet Nam counts in June."""
    dossier = Dossier(
        agency_id=1,
        channel="counter",
        finished_at=datetime(2026, 5, 31, 17, 30, tzinfo=UTC),
        finished_has_time=True,
    )
    assert cell_of(dossier, "land").month == "2026-06"


def test_a_day_without_time_counts_as_five_in_the_afternoon() -> None:
    """A finish with a day but no time is taken as 17:00 local time."""
    dossier = Dossier(finished_at=datetime(2026, 5, 3, 17, tzinfo=UTC), finished_has_time=False)
    assert finished_instant(dossier) == datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_when_the_question_leaves_and_until_when_it_is_open(
    transact: Transact, runner: Runner
) -> None:
    """An invitation leaves two hours after the finish, not at night or on a day off, and is open
    for 14 days.
    """
    evening = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)  # 19:30; two hours later is too late
    with transact() as session:
        session.add(SpecialDay(day=date(2026, 5, 21), kind=DayKind.EXTRA_OFF, note="QĐ"))
        finish(session, [Wanted(1, finished_at=evening)], now=evening)
        message = session.scalars(select(Message)).one()
        assert message.due_at == evening + timedelta(hours=2)
        expires = session.scalars(select(Invitation.expires_at)).one()
        assert expires == evening + timedelta(hours=2, days=14)

    def sent(timestamp: datetime) -> int:
        return int(
            runner("messages", "send-due", "--now", timestamp.isoformat(), "--json").json["sent"]
        )

    assert sent(evening + timedelta(hours=2, minutes=1)) == 0
    assert sent(datetime(2026, 5, 21, 3, tzinfo=UTC)) == 0
    assert sent(datetime(2026, 5, 22, 0, 59, tzinfo=UTC)) == 0
    assert sent(datetime(2026, 5, 22, 1, 1, tzinfo=UTC)) == 1
