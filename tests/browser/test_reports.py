"""The room of reports and the report itself in a browser, without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from survey.period import Month
from survey.reports import build
from tests.browser.conftest import overflows
from tests.conftest import unit_of_work
from tests.features import report_data
from tests.features.report_data import MONTH, NOW
from tests.web.staff_accounts import add_account


@pytest.fixture
def prepared(site):
    """A closed month with counts, and an analyst who may build."""
    with unit_of_work(site.app) as session:
        report_data.province(session, MONTH)
        report_data.close(session, MONTH)
        report_data.count(session, Month("2026-11"), "LOC-KH-W22366", finished=9, ratings=[5])
    return add_account(site.app, "analyst")


@pytest.mark.parametrize(("size", "dark"), [("small", False), ("desktop", True)])
def test_the_room_of_reports_is_for_everybody(prepared, open_page, axe, size, dark):
    """Signing in, one click to build, a bar: no violation of WCAG, nothing beside the screen."""
    page = open_page("/login", size, dark=dark, javascript=True)
    email, password = prepared
    page.fill("[name=email]", email)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    expect(page.locator("body")).to_contain_text("Đăng xuất")
    page.goto("/staff/reports")
    assert axe(page) == []
    page.click("text=Lập báo cáo >> nth=-1")
    expect(page.locator("progress")).to_have_count(1)
    assert axe(page) == []
    assert not overflows(page)


@pytest.mark.parametrize("size", ["small", "desktop"])
def test_the_page_of_a_report_reads_well(site, prepared, open_page, axe, tmp_path, size):
    """The built page has no violation of WCAG, fits the screen and shows its charts."""
    with unit_of_work(site.app) as session:
        path = build.build(session, MONTH, ("html",), tmp_path, NOW).files[0]
    page = open_page("/healthz", size, javascript=True)
    page.goto(path.as_uri())
    assert axe(page) == []
    charts = page.locator("img[alt^='Biểu đồ']").all()
    assert charts
    assert all(one.evaluate("chart => chart.naturalWidth") > 0 for one in charts)
    assert not overflows(page)
    assert re.search(r"Báo cáo|Kết quả đo lường", page.title())
