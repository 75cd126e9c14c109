"""The page of alerts: what moved, since when, expected against seen; who closes it, who freezes."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from survey import indices, monitoring
from survey.models.control_chart import AlertKey, ControlChart, ControlRule, Signal
from survey.models.staff import Scope
from survey.monitoring.signals import raise_signal
from survey.period import Month
from tests.conftest import unit_of_work
from tests.features.answering import agencies
from tests.web.figures import LAND_OFFICE, fill_month
from tests.web.staff_accounts import post, signed_in

CHARTS = "/staff/alerts/control-charts"
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
BEFORE, MONTHS = Month("2026-03"), (Month("2026-04"), Month("2026-05"))


def raise_both(app):
    """A fall at one commune and lost messages in the province; the commune's code and name."""
    with unit_of_work(app) as session:
        here = agencies(session)[0]
        for place, figures in (
            (AlertKey(ControlRule.QUALITY_DROP, here.id, "general"), (0.08, 9, 20, 0.01)),
            (AlertKey(ControlRule.DELIVERY_DIP, None), (0.015, 24, 160, 0.00002)),
        ):
            expected, seen, out_of, chance = figures
            raise_signal(
                session,
                place,
                Signal(
                    since=date(2026, 6, 20),
                    until=date(2026, 6, 24),
                    expected=expected,
                    seen=seen,
                    out_of=out_of,
                    chance=chance,
                ),
                NOW,
            )
        return here.code, here.name


def test_an_alert_says_what_moved_and_how_sure(app):
    """Expected against seen, since when, and how often it is false; heads see their unit only."""
    code, name = raise_both(app)
    page = signed_in(app, "analyst").get("/staff/alerts").text
    for words in (
        name,
        "Mức hài lòng giảm",
        "45,0%",
        "8,0%",
        "9 trong 20 phiếu",
        "từ 20/06/2026 đến 24/06/2026",
        "khoảng 8 năm một lần",
        "Tin nhắn không đến nơi",
        "15,0%",
        "dưới 1/10.000",
        "không phải về chất lượng phục vụ",
    ):
        assert words in page
    head = signed_in(app, "agency_head", code).get("/staff/alerts").text
    assert "Mức hài lòng giảm" in head
    assert "Tin nhắn không đến nơi" not in head
    assert "Đóng cảnh báo" not in head


def test_an_analyst_closes_with_words(app):
    """Without words the page says so and the alert stays; with words it is gone, for others too."""
    raise_both(app)
    with unit_of_work(app) as session:
        (alert_id,) = [
            alert.id
            for alert in monitoring.open_alerts(session, Scope())
            if alert.record.key.rule == "quality_drop"
        ]
    path = f"/staff/alerts/{alert_id}/close"
    analyst = signed_in(app, "analyst")
    empty = post(analyst, path, page="/staff/alerts", words=" ")
    assert empty.status_code == 400
    assert "Hãy ghi kết quả xem xét" in empty.text
    leader = signed_in(app, "leader")
    assert post(leader, path, page="/staff/password", words="Đã xem").status_code == 403
    assert post(analyst, path, page="/staff/alerts", words="Đã kiểm tra").status_code == 303
    assert post(analyst, path, page="/staff/alerts", words="Lần nữa").status_code == 404
    assert "Mức hài lòng giảm" not in analyst.get("/staff/alerts").text


def test_an_analyst_freezes_what_is_usual(app, runner):
    """From closed months only; the page then shows each unit, and a leader may look, not act."""
    analyst = signed_in(app, "analyst")
    assert "Cần ít nhất hai kỳ" in analyst.get(CHARTS).text
    with unit_of_work(app) as session:
        for month in MONTHS:
            fill_month(session, month)
            indices.close(session, month, NOW)
    wrong = post(analyst, CHARTS, first="2026-05", last="2026-04")
    assert wrong.status_code == 400
    assert "Cần từ 2 đến 36 kỳ" in wrong.text
    assert post(analyst, CHARTS, first="2026-x", last="2026-05").status_code == 400
    assert post(analyst, CHARTS, first=MONTHS[0], last=MONTHS[1]).status_code == 303
    leader = signed_in(app, "leader")
    page = leader.get(CHARTS).text
    assert "tháng 04/2026 đến tháng 05/2026" in page
    assert "Chốt lại mức nền" not in page
    shown = runner("monitor", "show", "--json").json
    with unit_of_work(app) as session:
        charts = session.scalars(select(ControlChart)).all()
        assert len(shown) == len(charts) > 0
        for chart in charts:
            assert chart.agency.name in page


def test_an_analyst_freezes_one_agency_alone(app, runner):
    """The page offers it once all are frozen, marks who stands apart, and refuses with a reason;
    the command does the same.
    """
    analyst = signed_in(app, "analyst")
    with unit_of_work(app) as session:
        for month in (BEFORE, *MONTHS):
            fill_month(session, month)
            indices.close(session, month, NOW)
    assert 'name="agency"' not in analyst.get(CHARTS).text
    post(analyst, CHARTS, first=BEFORE, last=MONTHS[1])
    page = analyst.get(CHARTS).text
    assert "chốt riêng ngày" not in page
    assert ">Sở Y tế</option>" in page
    chosen = {"first": MONTHS[0], "last": MONTHS[1], "agency": LAND_OFFICE}
    assert post(analyst, CHARTS, **chosen).status_code == 303
    page = analyst.get(CHARTS).text
    assert page.count("chốt riêng ngày") == 1
    assert "Từ tháng 03/2026 đến tháng 05/2026" in page
    wrong = post(analyst, CHARTS, **{**chosen, "agency": "LOC-X"})
    assert wrong.status_code == 400
    assert "Không có cơ quan nào mang mã LOC-X" in wrong.text
    words = ("monitor", "set-baseline", "--from", BEFORE, "--to", MONTHS[1])
    assert runner(*words, "--agency", LAND_OFFICE, "--json").json["charts"] == 1
    refused = runner(*words, "--agency", "LOC-X")
    assert (refused.code, "LOC-X" in refused.err) == (2, True)


@pytest.mark.parametrize("last", [Month("2026-05"), Month("2026-06")])
def test_the_commands_freeze_and_list(app, runner, last):
    """`monitor freeze` makes charts or exits 2 with a sentence; `alerts list` tells of signals."""
    with unit_of_work(app) as session:
        for month in MONTHS:
            fill_month(session, month)
            indices.close(session, month, NOW)
    ran = runner("monitor", "set-baseline", "--from", MONTHS[0], "--to", last, "--json")
    if last == MONTHS[1]:
        assert ran.json["months"] == list(MONTHS)
        assert ran.json["charts"] > 0
    else:
        assert ran.code == 2
        assert "kỳ đã chốt số liệu" in ran.err
    code, _ = raise_both(app)
    listed = {one["rule"]: one for one in runner("alerts", "list", "--json").json}
    assert listed["quality_drop"]["agency"] == code
    assert listed["delivery_dip"]["agency"] is None
    assert listed["delivery_dip"]["seen"] == 24
    assert "24/160" in runner("alerts", "list").out
    with unit_of_work(app) as session:
        assert len(monitoring.open_alerts(session, Scope())) == 2
