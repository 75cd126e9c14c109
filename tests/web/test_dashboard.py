"""The dashboard of a month: the figures of `index show`, and no more said than is known."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from survey.invitations import register_finished
from survey.models.dossier import Dossier, Outcome, PhoneKind
from survey.models.organisation import Agency, Procedure
from survey.period import Month
from survey.reports.phrases import percent
from tests.conftest import unit_of_work
from tests.web.figures import HEALTH_OFFICE, JUSTICE_OFFICE, LAND_OFFICE, fill, fill_month
from tests.web.staff_accounts import signed_in

MONTH = Month("2026-05")
SMALL_OFFICE = "LOC-KH-SNV"
PAGE = f"/staff/dashboard?period={MONTH}"


def _words(html):
    """The text of a page, one line, without tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def _fill(app):
    with unit_of_work(app) as session:
        fill_month(session, MONTH)
        # A second small office: the two cover each other, so nothing larger has to be hidden.
        fill(session, MONTH, SMALL_OFFICE, "labour", finished=10, ratings={1: 4})


def test_the_page_shows_what_the_command_prints(app, runner):
    """Every index, interval and number of ratings is that of `index show`, in Vietnamese form."""
    _fill(app)
    text = _words(signed_in(app, "analyst").get(PAGE).text)
    for by in ("overall", "sector", "agency", "channel"):
        for one in runner("index", "show", "--period", MONTH, "--by", by, "--json").json:
            if one["rated"] < 5:
                assert f"{percent(one['index'])} ({percent(one['low'])}" not in text
                continue
            figure = f"{percent(one['index'])} ({percent(one['low'])}–{percent(one['high'])})"
            assert f"{one['label']} " in text
            assert f"{figure} · n = {one['rated']}" in text
    assert "714 hồ sơ kết thúc" in text
    assert "642 được mời 90%" in text
    assert "mục tiêu 90" in text
    assert "mục tiêu 95" in text
    assert "Mức 90 của giai đoạn đến 2025 vẫn phải giữ" in text


def test_an_open_month_leads_to_the_last_that_was_judged(app, runner):
    """A leader who arrives in an open month is one click from verdicts, if there are any."""
    _fill(app)
    with unit_of_work(app) as session:
        fill_month(session, Month("2026-06"))
    leader = signed_in(app, "leader")
    later = "/staff/dashboard?period=2026-06"
    assert "Xem kết luận gần nhất" not in leader.get(later).text
    runner("index", "close", "--period", MONTH, "--json")
    assert f'period={MONTH}">Xem kết luận gần nhất, tháng 05/2026' in leader.get(later).text


def test_an_open_month_is_judged_nowhere_and_a_closed_one_is(app, runner):
    """Before closing a month is provisional; after it lines are met, not met or uncertain."""
    _fill(app)
    analyst = signed_in(app, "analyst")
    before = _words(analyst.get(PAGE).text.partition("<footer")[0])
    assert "tạm tính" in before
    assert "▼ Chưa đạt" not in before
    assert runner("index", "close", "--period", MONTH, "--json").code == 0
    after = _words(analyst.get(PAGE).text.partition("<footer")[0])
    assert "tạm tính" not in after.lower()
    assert "−23,3 ▼ Chưa đạt" in after
    assert "● Đạt" in after


def test_worst_distance_first_and_few_answers_last_and_hidden(sqlite_app):
    """Agencies stand by their distance to the target; under five ratings nothing is shown."""
    _fill(sqlite_app)
    page = signed_in(sqlite_app, "leader").get(PAGE).text
    table = _words(page.partition("Theo cơ quan, đơn vị</h2>")[2].partition("</section>")[0])
    with unit_of_work(sqlite_app) as session:
        names = {
            code: session.query(Agency).filter_by(code=code).one().name
            for code in (LAND_OFFICE, HEALTH_OFFICE, JUSTICE_OFFICE)
        }
    places = [table.index(names[c]) for c in (LAND_OFFICE, HEALTH_OFFICE, JUSTICE_OFFICE)]
    assert places == sorted(places)
    assert "n ẩn" in table[places[2] :]
    assert "0,0 (" not in table[places[2] :]
    assert "không phải bảng xếp hạng" in table


def test_a_head_sees_the_own_agency_only(sqlite_app):
    """The agencies' table of a narrowed account holds its own tree, and the page says so."""
    _fill(sqlite_app)
    page = signed_in(sqlite_app, "agency_head", HEALTH_OFFICE).get(PAGE).text
    table = page.partition("Theo cơ quan, đơn vị</h2>")[2].partition("</section>")[0]
    assert "Sở Y tế" in table
    assert "Văn phòng Đăng ký đất đai" not in table
    assert "phạm vi của tài khoản" in page
    unplaced = signed_in(sqlite_app, "agency_head").get(PAGE).text
    assert "Chưa có hồ sơ của đơn vị trong phạm vi tài khoản" in unplaced
    narrow = signed_in(sqlite_app, "handler", sector="land").get(PAGE).text
    assert "Đất đai" in narrow
    assert "Tư pháp, hộ tịch" not in narrow


@pytest.mark.parametrize(
    ("period", "status", "sentence"),
    [
        ("2025-01", 200, "Chưa có hồ sơ nào kết thúc trong tháng 01/2025"),
        ("2999-01", 400, "chưa đến"),
        ("2026-13", 400, "Hãy viết dạng năm-tháng"),
        ("0001-01", 400, "Hãy viết dạng năm-tháng"),
        ("tháng năm", 400, "Hãy viết dạng năm-tháng"),
        ("", 200, "tháng 05/2026"),
    ],
)
def test_months_without_figures_say_so(sqlite_app, period, status, sentence):
    """An empty month, a future one and nonsense get their sentence; none chosen: the newest."""
    _fill(sqlite_app)
    answer = signed_in(sqlite_app, "leader").get(f"/staff/dashboard?period={period}")
    assert answer.status_code == status
    assert sentence in _words(answer.text)
    page = f"/staff/analysis?period={period}"
    assert signed_in(sqlite_app, "analyst").get(page).status_code == status


def test_before_the_first_import_the_page_says_what_is_missing(sqlite_app):
    """A new installation shows no empty tables but what will come."""
    page = signed_in(sqlite_app, "admin").get("/staff/dashboard").text
    assert "sau khi nhập tệp hồ sơ đầu tiên" in page


def test_who_was_not_asked_is_told_with_the_reason(app):
    """Each reason of the coverage ledger stands on the page in words, with its number."""
    with unit_of_work(app) as session:
        agency = session.query(Agency).filter_by(code=LAND_OFFICE).one()
        procedure = session.query(Procedure).filter_by(sector_code="land").first()
        finished = datetime(2026, 5, 12, 3, 0, tzinfo=UTC)
        dossiers = [
            Dossier(
                code=f"H32.12-260501-{number:04}",
                agency_id=agency.id,
                procedure_code=procedure.code,
                channel="counter",
                outcome=Outcome.GRANTED,
                received_at=finished - timedelta(days=9),
                received_has_time=True,
                finished_at=finished,
                finished_has_time=True,
                phone_kind=PhoneKind.MISSING,
            )
            for number in range(3)
        ]
        session.add_all(dossiers)
        session.flush()
        register_finished(session, dossiers, {}, finished)
    text = _words(signed_in(app, "leader").get(PAGE).text)
    assert "Hồ sơ không có số điện thoại 3" in text
