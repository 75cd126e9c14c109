"""Cases with grave words are closed to the accused agency until the hotline releases them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from survey import audit, case_triggers
from survey.cases import access_control, archiving, queue, steps
from survey.cases.case_detail import case_detail
from survey.cases.notices import Way
from survey.cases.steps import Ending
from survey.errors import Invalid, NotFound, Refused
from survey.models.case import RECORD_BYTES, CaseRecord, CloseReason
from survey.models.organisation import Agency
from survey.models.staff import RoleName
from survey.period import Month
from tests import ballots
from tests.features import answering
from tests.features.answering import NOW, WISH

GRAVE = "Cán bộ đòi phong bì mới nhận hồ sơ"
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LETTER = ("Kính gửi Ông/Bà, chúng tôi đã xác minh.", Way.PAGE)


def of_agency(session, case):
    """Accounts of the agency of a case: its head and its own handler."""
    agency = session.get_one(Agency, case.record.agency_id)
    return [
        answering.add_staff(session, role, agency=agency)
        for role in (RoleName.AGENCY_HEAD, RoleName.HANDLER)
    ]


def sees(session, staff, code):
    """Whether lists, alerts and the page of a case all show it to an account, or none does."""
    cases = access_control.visible(session, staff)
    in_list = code in {one.code for one in cases}
    in_alert = code in {one.code for card in queue.case_groups(cases) for one in card.cases}
    counted = len(queue.in_views(session, cases, staff, NOW)[queue.View.ALL]) > 0
    try:
        in_page = bool(case_detail(session, staff, code, NOW))
    except NotFound:
        in_page = False
    assert len({in_list, in_alert, counted, in_page}) == 1
    return in_page


def change_comment(session, comment, *, overall=1, now=MONDAY):
    """Change the citizen's answer."""
    (key,) = ballots.keys(session)
    changed = answering.change(session, key, overall=overall, comment=comment)
    case_triggers.raise_for_answer(session, now, changed, None)


@pytest.mark.parametrize("contact", [None, WISH])
def test_grave_words_are_closed_to_the_agency(transact, contact):
    """No list, alert, count, page or step of the agency's accounts reaches the case; the hotline's
    handlers, of the province or a sector, see it.
    """
    with transact() as session:
        case = answering.raise_case(session, contact=contact, comment=GRAVE)
        accused = of_agency(session, case)
        sector = case.record.sector_code
        for staff in accused:
            assert not sees(session, staff, case.code)
            with pytest.raises(NotFound, match="no_case"):
                steps.claim(session, staff, case.code, case.revision)
        assert sees(session, answering.add_staff(session), case.code)
        assert sees(session, answering.add_staff(session, sector=sector), case.code)


def test_what_is_not_grave_is_shown_at_once(transact):
    """A bad rating in plain words or a wish to be called is visible to the agency at once."""
    with transact() as session:
        case = answering.raise_case(session, contact=WISH, comment="Chờ lâu quá")
        assert all(sees(session, staff, case.code) for staff in of_agency(session, case))


def test_the_hotline_of_the_province_releases_on_record(transact):
    """Only a handler of the whole province may release a case, once, with a reason that timeline
    and audit log hold and the agency cannot read.
    """
    with transact() as session:
        case = answering.raise_case(session, comment=GRAVE)
        hotline = answering.add_staff(session)
        of_sector = answering.add_staff(session, sector=case.record.sector_code)
        accused = of_agency(session, case)
        for staff in (of_sector, *accused):
            with pytest.raises(Refused, match="whole_province_only"):
                steps.release(session, staff, case, "Cần giải trình", MONDAY)
        for reason in ("", "  ", "x" * 301):
            with pytest.raises(Invalid, match="release_reason"):
                steps.release(session, hotline, case, reason, MONDAY)
        steps.release(session, hotline, case, " Cần đơn vị giải trình ", MONDAY)
        with pytest.raises(Refused, match="not_held"):
            steps.release(session, hotline, case, "Lần nữa", MONDAY)
        last = case.timeline[-1]
        assert (last.kind, last.text, last.staff_id) == (
            "released",
            "Cần đơn vị giải trình",
            hotline.id,
        )
        (act,) = audit.entries(session, action="case.released")
        assert (act.staff_id, act.subject) == (hotline.id, f"case:{case.code}")
        assert "Cần đơn vị giải trình" in str(act.detail)
        assert all(sees(session, staff, case.code) for staff in accused)
        shown = case_detail(session, accused[0], case.code, MONDAY)
        assert "Cần đơn vị giải trình" not in str([one.text for one in shown.timeline])


def test_a_case_that_grows_grave_is_closed_at_that_moment(transact):
    """Grave words added later close the case to the agency at once and unassign its handler; a
    handler of the hotline keeps the case.
    """
    with transact() as session:
        case = answering.raise_case(session, comment="Chờ lâu quá")
        head, handler = of_agency(session, case)
        steps.take(session, handler, case, MONDAY)
        assert sees(session, head, case.code)
        assert sees(session, handler, case.code)
        change_comment(session, GRAVE)
        assert not sees(session, head, case.code)
        assert not sees(session, handler, case.code)
        assert case.record.assignee_id is None
        hotline = answering.add_staff(session)
        unassigned = queue.in_views(
            session, access_control.visible(session, hotline), hotline, MONDAY
        )
        assert [one.code for one in unassigned[queue.View.UNASSIGNED]] == [case.code]
        steps.take(session, hotline, case, MONDAY)
        change_comment(session, f"{GRAVE}, tôi có ghi âm")
        assert case.record.assignee_id == hotline.id


def test_released_words_stay_released_and_new_ones_do_not(transact):
    """After a release a changed rating or reason changes nothing, and other grave words close the
    case to the agency again and reopen it.
    """
    with transact() as session:
        case = answering.raise_case(session, comment=GRAVE)
        hotline, (head, _) = answering.add_staff(session), of_agency(session, case)
        steps.take(session, hotline, case, MONDAY)
        steps.release(session, hotline, case, "Cần giải trình", MONDAY)
        steps.reply(session, hotline, case, LETTER, MONDAY)
        steps.close(session, hotline, case, Ending(CloseReason.RESOLVED), MONDAY)
        for comment in (GRAVE, "Tôi rút lời", GRAVE):
            change_comment(session, comment, overall=2)
            record = case.record
            assert (record.is_held, record.state) == (False, "closed")
        change_comment(session, f"{GRAVE}. Hôm qua lại bị dọa.")
        record = case.record
        assert (record.is_held, record.state) == (True, "reopened")
        assert not sees(session, head, case.code)
        kinds = [one.kind for one in case.timeline]
        assert kinds[-3:] == ["citizen_added", "held", "reopened"]


def test_a_held_case_stays_closed_to_the_agency_when_it_is_filed(transact):
    """A held case stays closed to the agency after it is replied to, closed and archived."""
    with transact() as session:
        case = answering.raise_case(session, comment=GRAVE)
        hotline, (head, handler) = answering.add_staff(session), of_agency(session, case)
        steps.take(session, hotline, case, MONDAY)
        steps.close(session, hotline, case, answering.ENDING, MONDAY)
        assert archiving.archive_due(session, MONDAY + timedelta(days=100)) == 1
        assert [
            one.code for one in access_control.archived(session, hotline, Month("2026-11"))
        ] == [case.code]
        for staff in (head, handler):
            assert access_control.archived(session, staff, Month("2026-11")) == []


def test_what_is_grave_stands_on_top(transact):
    """A grave case is listed before cases that are due sooner, until it is replied to or closed."""
    with transact() as session:
        hotline = answering.add_staff(session)
        overdue = answering.raise_case(session, NOW - timedelta(days=30)).code
        grave = answering.raise_case(session, comment=GRAVE)

        def order():
            page = queue.show_page(session, access_control.visible(session, hotline), 1, MONDAY)
            return [row.seen.code for row in page.rows]

        assert order() == [grave.code, overdue]
        free = queue.grave_and_free(access_control.visible(session, hotline))
        assert [one.code for one in free] == [grave.code]
        steps.take(session, hotline, grave, MONDAY)
        assert order() == [grave.code, overdue]
        assert queue.grave_and_free(access_control.visible(session, hotline)) == []
        steps.reply(session, hotline, grave, LETTER, MONDAY)
        assert order() == [overdue, grave.code]


def test_the_longest_standing_fits_its_length(transact):
    """The longest possible record of a case fits the one length that all encrypted records have."""
    names = CaseRecord.__dataclass_fields__
    with transact() as session:
        case = answering.raise_case(session, comment=GRAVE, contact=WISH)
        record = case.record
        longest = {
            "sector_code": max(answering.sectors(session), key=len),
            "state": "closed",
            "close_reason": max(CloseReason, key=len),
            "assignee_id": 2**31,
        }
        timestamps = {
            name: MONDAY.replace(microsecond=123456) for name in names if name.endswith("_at")
        }
        case.record = replace(record, **timestamps, **longest)
        assert len(case.record_sealed) > RECORD_BYTES
