"""Steps on cases: deadlines, access control, and what the citizen may do afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from survey import audit, case_triggers
from survey.cases import access_control, notices, queue, steps
from survey.cases.case_detail import case_detail
from survey.cases.deadlines import read_clocks
from survey.cases.notices import Way
from survey.cases.queue import View, case_groups, open_cases
from survey.cases.steps import Ending
from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.messages.text import deadline_words
from survey.models.case import CloseReason
from survey.models.message import Message
from survey.models.organisation import Agency, AgencyLevel
from survey.models.recipient import Recipient
from survey.models.staff import RoleName, Staff
from survey.province import calendar_of
from tests.clocks import NOW
from tests.features import answering
from tests.features.answering import WISH, prepare, texts
from tests.opened import opened, the_case

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LETTER = "Kính gửi Ông/Bà, chúng tôi đã nhắc nhở cán bộ và trả hồ sơ."


def test_from_taking_to_closing_every_step_is_on_record(transact, work):
    """Each step is in timeline and audit log (the opening after a counting), and closing the case
    ends its alert.
    """
    code, handler = prepare(transact, overall=1)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
    with work(handler, code) as (session, staff, case):
        steps.note(session, staff, case, "  Đã gọi bộ phận một cửa. ", MONDAY)
    with work(handler, code) as (session, staff, case):
        steps.reply(session, staff, case, (LETTER, Way.PAGE), MONDAY)
    with work(handler, code) as (session, staff, case):
        ending = Ending(CloseReason.RESOLVED, note="Đã gọi báo tin.")
        steps.close(session, staff, case, ending, MONDAY)
    with transact() as session:
        case = the_case(session)
        assert (case.state, case.reply, case.assignee_id) == ("closed", LETTER, handler)
        assert [(one.kind, one.text, one.staff_id) for one in case.events] == [
            ("opened", "", None),
            ("taken", "", handler),
            ("noted", "Đã gọi bộ phận một cửa.", handler),
            ("replied", LETTER, handler),
            ("noted", "Đã gọi báo tin.", handler),
            ("closed", "", handler),
        ]
        assert (case.events[-1].reason, case.events[-1].receiver) == ("resolved", "")
        kinds = [f"case.{kind}" for kind in ("taken", "noted", "replied", "noted", "closed")]
        acts = audit.entries(session, subject=f"case:{code}")
        assert [one.action for one in acts] == kinds
        audit.append_waiting(session)
        acts = audit.entries(session, subject=f"case:{code}")
        assert sorted(one.action for one in acts) == sorted([*kinds, "case.open"])
        assert audit.verify(session)[1]
        assert case_groups(open_cases(session)) == []
        # The next bad answer there begins a new alert.
        fresh = answering.raise_case(session).code
        assert [[one.code for one in card.cases] for card in case_groups(open_cases(session))] == [
            [fresh]
        ]


def test_an_alert_stays_open_until_its_last_case_is_closed(transact, work):
    """Closing one of two cases leaves their alert open."""
    code, handler = prepare(transact)
    with transact() as session:
        other = answering.raise_case(session).code
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        steps.close(session, staff, case, answering.ENDING, MONDAY)
        (card,) = case_groups(open_cases(session))
        assert [one.code for one in card.cases] == [other]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (lambda *a: steps.reply(*a[:3], (LETTER, Way.PAGE), a[3]), "take_first"),
        (lambda *a: steps.close(*a[:3], answering.ENDING, a[3]), "take_first"),
        (lambda *a: steps.note(*a[:3], "  ", a[3]), "note_empty"),
        (lambda *a: access_control.reveal(*a[:3], "gọi lại", a[3]), "no_contact_wished"),
    ],
)
def test_steps_out_of_place_are_refused(transact, work, step, code):
    """Replying or closing before taking, an empty note and revealing absent contact data are
    refused.
    """
    case_code, handler = prepare(transact)
    with (
        pytest.raises((Refused, Invalid)) as refusal,
        work(handler, case_code) as (session, staff, case),
    ):
        step(session, staff, case, MONDAY)
    assert refusal.value.code == code


def test_an_outdated_view_is_refused(transact):
    """A step on an outdated revision, changed by staff or citizen meanwhile, is refused."""
    code, handler = prepare(transact, overall=2)
    with transact() as session:
        case = the_case(session)
        seen = case.revision
        changed = answering.change(session, bytes.fromhex(case.ballot_key), overall=1)
        case_triggers.raise_for_answer(session, MONDAY, changed, None)
    with transact() as session, pytest.raises(Conflict, match="case_changed"):
        steps.claim(session, session.get_one(Staff, handler), code, seen)


def test_a_reply_is_texted_to_who_wished_a_call(transact, work):
    """A reply or a notice of it is queued as one message when the citizen wished a call."""
    code, handler = prepare(transact, contact=WISH, overall=1)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        plain = notices.compose(session, case, LETTER, Way.PLAIN, MONDAY)
        accented = notices.compose(session, case, LETTER, Way.ACCENTED, MONDAY)
        notice = notices.compose(session, case, LETTER, Way.NOTICE, MONDAY)
        assert (plain.encoding, accented.encoding, notice.segments) == ("gsm7", "ucs2", 1)
        assert plain.segments < accented.segments
        assert LETTER in accented.text
        for text, fault in (("dài " * 300, "reply_too_long_for_sms"), ("<b>", "sms_characters")):
            with pytest.raises(Invalid, match=fault):
                notices.compose(session, case, text, Way.PLAIN, MONDAY)
        steps.reply(session, staff, case, (LETTER, Way.PLAIN), MONDAY)
    with transact() as session:
        message = session.scalars(select(Message)).one()
        case = the_case(session)
        assert (message.kind, message.state) == ("case_reply", "ready")
        assert message.case_hash == Message.by_case.of(session, case.code)
        assert message.recipient == Recipient.by_sms(WISH.phone_e164)
        assert message.body == plain.text
        shown = case_detail(session, session.get_one(Staff, handler), code, MONDAY)
        assert shown.timeline[-1].kind == "message"


def test_without_a_mobile_no_text_goes_out(transact, work):
    """No message is sent to a landline or without a wish to be called."""
    landline = case_triggers.ContactWish("+842583822001", "", WISH.dossier_code)
    code, handler = prepare(transact, contact=landline, overall=1)
    with work(handler, code) as (session, staff, case):
        assert not notices.may_text(case)
        steps.take(session, staff, case, MONDAY)
        with pytest.raises(Refused, match="no_mobile_wished"):
            steps.reply(session, staff, case, (LETTER, Way.PLAIN), MONDAY)


def test_clocks_run_in_working_hours(transact, work):
    """A deadline counts working hours, for a wish to be called from its instant, else from the next
    day.
    """
    with transact() as session:
        wished = opened(session, answering.raise_case(session, contact=WISH))
        quiet = opened(session, answering.raise_case(session))
        # 8 hours from Friday 16:40, 7.5 a day: 20 minutes, Monday, then, since Tuesday 24 November
        # is a holiday, 10 minutes of Wednesday.
        assert wished.first_due_at == datetime(2026, 11, 25, 0, 40, tzinfo=UTC)
        # From Monday's opening: that day and half an hour; and five days.
        assert quiet.first_due_at == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
        assert quiet.due_at == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
        code, handler = quiet.code, answering.add_staff(session).id
    with work(handler, code) as (session, staff, case):
        late = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)

        def paces(entry):
            return tuple(one.pace for one in read_clocks(session, case.record, entry))

        assert paces(MONDAY) == ("running", "running")
        assert paces(late)[0] == "overdue"
        steps.take(session, staff, case, late)
        assert paces(late) == ("done_late", "running")
        assert paces(datetime(2026, 11, 30, 8, tzinfo=UTC))[1] == "soon"


@pytest.mark.parametrize("contact", [WISH, None])
def test_a_reply_is_put_off_once_and_in_time(transact, work, contact):
    """A deadline can be postponed once, before it ends and with a reason, by a third of its term; a
    citizen who wished a call is told.
    """
    code, handler = prepare(transact, contact=contact, overall=1)
    with work(handler, code) as (session, staff, case):
        with pytest.raises(Refused, match="take_first"):
            steps.postpone(session, staff, case, "Chờ xác minh", MONDAY)
        steps.take(session, staff, case, MONDAY)
        with pytest.raises(Invalid, match="postpone_reason"):
            steps.postpone(session, staff, case, " ", MONDAY)
        promised = case.record.due_at
        with pytest.raises(Refused, match="postpone_too_late"):
            steps.postpone(session, staff, case, "Chờ xác minh", promised)
        steps.postpone(session, staff, case, "Chờ xác minh", MONDAY)
        calendar = calendar_of(session)
        due_at = case.record.due_at
        assert calendar.working_hours_between(promised, due_at) == pytest.approx(12.5)
        with pytest.raises(Refused, match="already_postponed"):
            steps.postpone(session, staff, case, "Chờ tiếp", MONDAY)
        shown = case_detail(session, staff, code, MONDAY)
        assert shown.may_postpone_until is None
        newest = case.timeline[-1]
        assert (newest.kind, newest.text) == ("postponed", "Chờ xác minh")
        told = [deadline_words(due_at, "vi")] if contact else []
        assert [by for text in texts(session) for by in told if by in text] == told
        assert len(texts(session)) == len(told)
        steps.reply(session, staff, case, (LETTER, Way.PAGE), MONDAY)
        with pytest.raises(Refused, match="case_step"):
            steps.postpone(session, staff, case, "Chờ tiếp", MONDAY)


def test_sight_follows_agency_tree_and_sector(transact):
    """Handlers and agency heads see cases of their agency tree and sector, other roles none."""
    with transact() as session:
        here, there = answering.agencies(session, AgencyLevel.COMMUNE)[:2]
        one, other = answering.sectors(session)[:2]
        codes = {
            name: answering.raise_case(session, agency=agency, sector=sector).code
            for name, agency, sector in (("a", here, one), ("b", here, other), ("c", there, one))
        }

        def seen(role, agency=None, sector=""):
            staff = answering.add_staff(session, role, agency=agency, sector=sector)
            found = {one.code for one in access_control.visible(session, staff)}
            return {name for name, code in codes.items() if code in found}

        assert seen(RoleName.HANDLER) == {"a", "b", "c"}
        assert seen(RoleName.HANDLER, here) == {"a", "b"}
        assert seen(RoleName.HANDLER, here, one) == {"a"}
        assert seen(RoleName.HANDLER, sector=other) == {"b"}
        assert seen(RoleName.AGENCY_HEAD, there) == {"c"}
        assert seen(RoleName.AGENCY_HEAD) == set()
        for role in (RoleName.ANALYST, RoleName.LEADER, RoleName.ADMIN):
            assert seen(role) == set()
        stranger = answering.add_staff(session, RoleName.HANDLER, agency=there)
        with pytest.raises(NotFound, match="no_case"):
            steps.claim(session, stranger, codes["a"], 1)


def test_the_accused_agency_never_sees_who_complained(transact, work):
    """An agency head sees no phone, contact data or handlers' notes, and cannot reveal them."""
    code, handler = prepare(transact, contact=WISH, comment="Gọi tôi số 0905 000 111, chờ lâu")
    with work(handler, code) as (session, staff, case):
        steps.note(session, staff, case, "Bà Lan ở tổ 3 kể lại", MONDAY)
        access_control.reveal(session, staff, case, "Gọi lại bà Lan", MONDAY)
        agency = session.get_one(Agency, case.record.agency_id)
        head = answering.add_staff(session, RoleName.AGENCY_HEAD, agency=agency).id
    with work(head, code) as (session, staff, case):
        shown = case_detail(session, staff, code, MONDAY)
        assert shown.citizen is None
        assert not shown.may_text
        assert shown.timeline[0].is_day
        assert "0905" not in shown.comment
        assert "Lan" not in str([entry.text for entry in shown.timeline])
        with pytest.raises(Refused, match="handlers_only"):
            access_control.reveal(session, staff, case, "tò mò", MONDAY)
        with pytest.raises(Refused, match="handlers_only"):
            steps.take(session, staff, case, MONDAY)
        steps.note(session, staff, case, "Đơn vị giải trình", MONDAY)
    with transact() as session:
        texts = [one.text for one in the_case(session).events]
        assert "Đơn vị giải trình" in texts


def test_contact_is_masked_and_each_look_is_recorded(transact, work):
    """Contact data are masked until a reason is given; each look is recorded, at most 20 a day."""
    code, handler = prepare(transact, contact=WISH)
    with work(handler, code) as (session, staff, case):
        masked = access_control.masked_identity(staff, case)
        assert (masked.name, masked.dossier_code) == ("N•• V•• A••", "")
        assert "000" not in masked.phone
        with pytest.raises(Invalid, match="reveal_reason"):
            access_control.reveal(session, staff, case, "  ", MONDAY)
        whole = access_control.reveal(session, staff, case, "Gọi lại", MONDAY)
        assert (whole.phone, whole.name) == (WISH.phone_e164, WISH.name)
        assert whole.dossier_code == WISH.dossier_code
        for _ in range(19):
            access_control.reveal(session, staff, case, "Đối chiếu hồ sơ", MONDAY)
        with pytest.raises(Refused, match="reveal_quota"):
            access_control.reveal(session, staff, case, "Gọi lại", MONDAY)
        assert access_control.reveals_left(session, staff, MONDAY + timedelta(days=1)) == 20
        assert len(list(audit.entries(session, action="case.reveal"))) == 20
        assert [one.kind for one in case.timeline].count("revealed") == 20


def test_the_queue_counts_sorts_and_pages(transact):
    """Each view's count equals its list, soonest due is first, and a page holds 25 cases."""
    with transact() as session:
        handler = answering.add_staff(session)
        for _ in range(30):
            answering.raise_case(session, comment="Số tôi là 0905000111 " + "rất dài " * 30)
        urgent = answering.raise_case(session, NOW - timedelta(days=30), contact=WISH)
        mine = answering.raise_case(session, contact=WISH)
        steps.take(session, handler, mine, NOW)
        cases = access_control.visible(session, handler)
        found = queue.in_views(session, cases, handler, MONDAY)
        assert {view: len(chosen) for view, chosen in found.items()} == {
            View.MINE: 1,
            View.UNASSIGNED: 31,
            View.DUE_SOON: 0,
            View.OVERDUE: 1,
            View.REOPENED: 0,
            View.ALL: 32,
        }
        first = queue.show_page(session, found[View.ALL], 1, MONDAY)
        second = queue.show_page(session, found[View.ALL], 9, MONDAY)
        assert (len(first.rows), first.pages, first.total) == (25, 2, 32)
        assert (len(second.rows), second.number) == (7, 2)
        assert first.rows[0].seen.code == urgent.code
        assert first.rows[0].hours_left < 0
        assert len(first.rows[1].excerpt) <= 91
        assert "0905" not in first.rows[1].excerpt
        afternoon = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
        found = queue.in_views(session, cases, handler, afternoon)
        assert len(found[View.DUE_SOON]) == 30
