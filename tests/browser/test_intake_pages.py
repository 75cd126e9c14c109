"""The room of one-stop files in Chromium: the whole way without JavaScript, and for everybody."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import overflows
from tests.conftest import run_command
from tests.features.exports import DATA
from tests.web.staff_accounts import PASSWORD, add_account

pytestmark = pytest.mark.browser
ROOM = "/staff/intake"


@pytest.fixture
def enter(site, open_page):
    """`enter("phone", dark=True)`: a window on the room in which an analyst is signed in."""
    email, _ = add_account(site.app, "analyst")

    def go(size, **how):
        page = open_page("/login", size, **how)
        page.fill("#email", email)
        page.fill("#password", PASSWORD)
        page.click("main button")
        expect(page.locator("body")).to_contain_text("Đăng xuất")
        page.goto(ROOM)
        return page

    return go


def upload(page, path, day="2026-06-30"):
    """Choose a file and send the form."""
    page.goto(ROOM)
    page.set_input_files("#file", path)
    page.fill("#export_day", day)
    page.click("text=Kiểm tra tệp")


def test_a_clerk_brings_a_workbook_in_without_javascript(site, enter):
    """Upload, look, confirm; the page renews itself and ends with the error file to save."""
    page = enter("phone")
    upload(page, DATA / "messy_dossiers.xlsx")
    expect(page.locator("main")).to_contain_text("Kết quả kiểm tra thử")
    page.click("text=/^Nạp 115 hồ sơ/")
    expect(page.locator("progress")).to_have_count(1)
    run_command(site.app, "worker", "--once")
    page.wait_for_selector("text=Kết quả nạp")
    with page.expect_download() as saved:
        page.click("text=/^Tải tệp 7 dòng lỗi/")
    assert saved.value.suggested_filename == "messy_dossiers-loi.xlsx"


@pytest.mark.parametrize(("size", "dark"), [("small", False), ("desktop", True)])
def test_every_state_is_accessible_and_fits(site, enter, axe, tmp_path, size, dark):
    """Empty, refused, too big, tried, waiting and done: no violation, nothing beside the screen."""
    page = enter(size, dark=dark, javascript=True)

    def look(words):
        expect(page.locator("main")).to_contain_text(re.compile(words))
        assert not overflows(page), words
        assert axe(page) == [], words

    look("Chưa có tệp nào trong 24 giờ qua")
    broken = tmp_path / "hong.xlsx"
    broken.write_bytes((DATA / "messy_dossiers.xlsx").read_bytes()[:9000])
    upload(page, broken)
    look("hỏng hoặc tải về chưa trọn vẹn")
    assert page.evaluate("document.activeElement.id") == "file"
    with (tmp_path / "to.csv").open("wb") as big:
        big.truncate(70 * 1024 * 1024)
    upload(page, tmp_path / "to.csv")
    look("Tệp vượt giới hạn 60 MB")
    upload(page, DATA / "messy_dossiers.csv", "2022-03-31")
    look("dòng ghi ngày tiếp nhận sau 31/03/2022")
    page.click("text=/^Nạp .* hồ sơ/")
    look("Đang chờ đến lượt")
    run_command(site.app, "worker", "--once")
    page.reload()
    look("Kết quả nạp")
    page.goto(ROOM)
    look("Đã nạp")
