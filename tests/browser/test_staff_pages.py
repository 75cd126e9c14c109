"""Staff pages in Chromium without JavaScript: sizes, light and dark, and for everybody."""

import re

import pytest
from playwright.sync_api import expect

from survey import accounts
from survey.models.staff import RoleName
from survey.period import Month
from tests.browser.conftest import overflows
from tests.conftest import run_command, unit_of_work
from tests.web.figures import JUSTICE_OFFICE, LAND_OFFICE, fill, fill_month
from tests.web.staff_accounts import MADE_AT, PASSWORD, add_account

pytestmark = pytest.mark.browser
OPEN, CLOSED = Month("2026-05"), Month("2026-04")


@pytest.fixture
def enter(site, open_page):
    """`enter("admin", "/staff/…", "phone")`: a window in which this role is signed in."""

    def go(role, path, size="desktop", **how):
        with unit_of_work(site.app) as session:
            known = accounts.find(session, f"{role}.tinh.moi@tinh.vn") is not None
        email = f"{role}.tinh.moi@tinh.vn" if known else add_account(site.app, role)[0]
        page = open_page("/login", size, **how)
        page.fill("#email", email)
        page.fill("#password", PASSWORD)
        page.click("main button")
        expect(page.locator("body")).to_contain_text("Đăng xuất")
        page.goto(path)
        return page

    return go


@pytest.fixture
def months(site):
    """An open and a closed month with figures."""
    with unit_of_work(site.app) as session:
        for month in (OPEN, CLOSED):
            fill_month(session, month)
    assert run_command(site.app, "index", "close", "--period", CLOSED).code == 0


PAGES = {
    "analyst": [
        f"/staff/dashboard?period={CLOSED}",
        f"/staff/analysis?period={CLOSED}",
        f"/staff/analysis/integrity?period={CLOSED}",
        "/staff/alerts/control-charts",
        "/staff/alerts",
    ],
    "leader": [
        f"/staff/dashboard?period={OPEN}",
        "/staff/dashboard?period=2025-01",
        "/staff/formulas",
        "/staff/formulas/verdict",
        "/staff/accounts",
    ],
    "admin": ["/staff/accounts", "/staff/accounts/new", "/staff/settings"],
    "handler": ["/staff/password", "/staff/second-factor"],
}


@pytest.mark.parametrize(("size", "dark"), [("small", False), ("desktop", True)])
def test_pages_are_accessible_and_fit_every_screen(enter, months, axe, size, dark):
    """No staff page breaks a rule of WCAG 2.2 AA or scrolls sideways, from 320 px, day or night."""
    for role, paths in PAGES.items():
        page = enter(role, "/staff/password", size, dark=dark, javascript=True)
        for path in paths:
            page.goto(path)
            assert not overflows(page), path
            assert axe(page) == [], path


def test_a_long_address_fits_the_narrowest_screen(enter, site):
    """The page of an account holds even an address that no line could hold."""
    wanted = accounts.NewAccount("nguyen.thi.hoang.oanh@khanhhoa.gov.vn", RoleName.ANALYST)
    with unit_of_work(site.app) as session:
        staff, _ = accounts.add(session, MADE_AT, wanted)
        path = f"/staff/accounts/{staff.id}"
    assert not overflows(enter("admin", path, "small"))


def test_the_way_in_is_accessible(open_page, axe):
    """The sign-in page passes as well, with and without a fault."""
    page = open_page("/login", "small", javascript=True)
    assert axe(page) == []
    page.fill("#email", "ai@tinh.vn")
    page.fill("#password", "sai")
    page.click("main button")
    expect(page.locator("main")).to_contain_text("chưa đúng")
    expect(page.locator("#email")).to_have_value("ai@tinh.vn")
    assert axe(page) == []


def test_a_month_is_chosen_and_left_without_javascript(enter, months):
    """The period picker, the fold of a long table and signing out work without scripts."""
    page = enter("analyst", f"/staff/dashboard?period={OPEN}", "phone")
    expect(page.locator("main")).to_contain_text("tạm tính")
    page.select_option("#period", CLOSED)
    page.click(".picker button")
    expect(page).to_have_url(re.compile(f"period={CLOSED}"))
    expect(page.locator("main")).to_contain_text("Chưa đạt")
    page.click("text=Đăng xuất")
    expect(page).to_have_url(re.compile("/login$"))
    page.goto("/staff/dashboard")
    expect(page).to_have_url(re.compile("/login"))


def test_two_agencies_are_compared_without_javascript(site, enter, months, axe):
    """Two choices and one click show verdict and interval, the month stays, nothing scrolls
    sideways; the other month keeps the choice.
    """
    with unit_of_work(site.app) as session:
        fill(session, OPEN, JUSTICE_OFFICE, "land", finished=200, ratings={1: 5, 4: 95})
        fill(session, OPEN, JUSTICE_OFFICE, "justice", finished=20, ratings={4: 10})
    page = enter("analyst", f"/staff/analysis?period={OPEN}", "phone")
    page.select_option("#first", LAND_OFFICE)
    page.select_option("#second", JUSTICE_OFFICE)
    page.click("#pair button")
    expect(page).to_have_url(re.compile(f"period={OPEN}.*#pair$"))
    expect(page.locator("#pair")).to_contain_text("Khác biệt rõ")
    expect(page.locator("#pair")).to_contain_text("−28,3 điểm")
    assert not overflows(page)
    seen = page.url
    page.select_option("#period", CLOSED)
    page.click(".picker button")
    expect(page.locator("#first")).to_have_value(LAND_OFFICE)
    expect(page.locator("#pair")).to_contain_text("ẩn để bảo vệ người dân")
    page = enter("analyst", seen, "desktop", dark=True, javascript=True)
    assert axe(page) == []


def test_every_focus_is_seen(enter):
    """Keyboard users see where they are: each control shows a ring of at least three pixels."""
    page = enter("admin", "/staff/accounts/new", "desktop", javascript=True)
    for _ in range(12):
        page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 3
