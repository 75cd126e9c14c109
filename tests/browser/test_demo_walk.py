"""The two-minute walk of one person through the whole loop, in a browser without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from survey import demo
from survey.models.staff import RoleName
from tests.browser.conftest import overflows

pytestmark = pytest.mark.browser
REPLY = "Đơn vị đã nhận lỗi và hẹn trả kết quả vào thứ Sáu."
PATHS = ("/demo", "/demo/phone", "/demo/phone?kind=text")


@pytest.fixture(name="demo")
def is_demo():
    """Let `site` run with DEMO=1."""
    return True


def test_one_person_walks_the_whole_loop(open_page):
    """From a finished dossier to the reply on the citizen's phone, with buttons and links alone."""
    citizen = open_page("/demo", "phone")
    citizen.get_by_role("button", name="Tạo một hồ sơ vừa giải quyết xong").click()
    expect(citizen).to_have_url(re.compile("/demo/phone$"))
    citizen.locator(".phone-sms a").first.click()
    expect(citizen).to_have_url(re.compile("/s/"))
    link = citizen.url
    citizen.get_by_role("button", name="Rất không hài lòng").click()
    expect(citizen.get_by_label("Góp ý thêm")).to_be_visible()

    handler = open_page("/demo", "desktop")
    handler.get_by_role("button", name="Vào với vai trò Tổng đài").click()
    handler.locator("a[href*='/staff/cases/PA']").first.click()
    handler.get_by_role("button", name="Nhận xử lý").click()
    handler.locator("#reply").fill(REPLY)
    handler.get_by_role("button", name="Gửi trả lời").click()
    expect(handler.locator("main")).to_contain_text("Đã trả lời")

    citizen.goto(link + "?page=thanks")
    expect(citizen.locator("main")).to_contain_text(REPLY)
    expect(citizen.get_by_role("button", name="đề nghị xem lại")).to_be_visible()

    head = open_page("/demo", "desktop")
    head.get_by_role("button", name="Vào với vai trò Đơn vị").click()
    expect(head.locator("body")).to_contain_text(demo.ROLE_LOGINS[RoleName.AGENCY_HEAD].name)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", ["small", "phone", "desktop"])
def test_role_logins_and_phone_fit_and_are_accessible(open_page, axe, path, size):
    """Doors and phone break no rule of WCAG 2.2 AA, light or dark, and never scroll sideways."""
    for dark in (False, True):
        page = open_page("/demo", size, dark=dark, javascript=True)
        page.get_by_role("button", name="Tạo một hồ sơ vừa giải quyết xong").click()
        page.wait_for_url("**/demo/phone")
        page.goto(path)
        for summary in page.locator("summary").all():
            summary.click()
        assert axe(page) == []
        assert not overflows(page)
