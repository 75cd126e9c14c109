"""The rooms of messages, texts and the inbox in Chromium, for everybody and on every screen."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from survey.models.message import MessageState
from survey.province.workdays import local_day
from tests import clocks
from tests.browser.conftest import overflows
from tests.conftest import unit_of_work
from tests.features.test_delivery import fill
from tests.features.test_inbox import ASKED, text
from tests.messages.gateway import NOW
from tests.web.staff_accounts import PASSWORD, add_account
from tests.web.test_messages import put

pytestmark = pytest.mark.browser
FAULTY = "{đơn vị}: mời Ông/Bà xem bit.ly/abc & {đường dẫn} 😀"


@pytest.fixture
def enter(site, open_page):
    """`enter("admin", "phone")`: a window in which somebody of this role is signed in."""

    def go(role, size, **how):
        email, _ = add_account(site.app, role)
        page = open_page("/login", size, **how)
        page.fill("#email", email)
        page.fill("#password", PASSWORD)
        page.click("main button")
        expect(page.locator("body")).to_contain_text("Đăng xuất")
        return page

    return go


def prepare(app):
    """Messages in every state, a carrier that failed yesterday, and a text that waits."""
    put(app, 1)
    put(app, 2, state=MessageState.UNKNOWN, unknown_since=clocks.NOW - timedelta(hours=1))
    with unit_of_work(app) as session:
        back = (local_day(clocks.NOW) - local_day(NOW)).days
        for day in range(2, 30):
            fill(session, day - back, "098", 20, 19 + day % 2)
        fill(session, 1 - back, "098", 20, 4)
        text(session, 7, ASKED)


@pytest.mark.parametrize(("size", "dark"), [("small", False), ("desktop", True)])
def test_every_page_is_accessible_and_fits(site, enter, axe, size, dark):
    """No page breaks a rule of WCAG 2.2 AA or scrolls sideways, whatever it has to tell."""
    prepare(site.app)

    def look(page, words):
        expect(page.locator("main")).to_contain_text(re.compile(words))
        assert not overflows(page), words
        assert axe(page) == [], words

    page = enter("admin", size, dark=dark, javascript=True)
    for path, words in {
        "/staff/messages?dung=1": "ít tin đến máy hơn hẳn thường ngày: Viettel",
        "/staff/messages/delivery": "Có ngày thấp bất thường",
        "/staff/messages/unclear": "Coi là đã gửi",
        "/staff/messages/costs": "Vì sao có tin không gửi",
        "/staff/texts": "Mẫu có sẵn",
    }.items():
        page.goto(path)
        look(page, words)
    page.goto("/staff/messages/search")
    page.fill("#phone", "0900 000 001")
    page.click("main form button")
    look(page, "Số 09••••001")
    page.goto("/staff/texts/invitation")
    page.fill("#words", FAULTY)
    page.click("text=Lưu bản mới")
    look(page, "Chưa lưu")
    hotline = enter("handler", size, dark=dark, javascript=True)
    hotline.goto("/staff/inbox")
    look(hotline, "09••••007")
    hotline.click(".queue-code")
    hotline.fill("#reply", "Hồ sơ đã xong.")
    hotline.click("text=Xem trước tin nhắn")
    look(hotline, "1 tin")


def test_a_text_is_priced_while_it_is_typed(enter):
    """With scripts the counts follow the typing; without them the button does the same."""
    page = enter("analyst", "desktop", javascript=True)
    page.goto("/staff/texts/thanks")
    page.fill("#words", "{đơn vị} xin cảm ơn")
    expect(page.locator(".handset-sms").first).to_contain_text("xin cam on")
    expect(page.locator(".handset-sms").last).to_contain_text("xin cảm ơn")
    page.fill("#words", "{đơn vị} xin cảm ơn & chào")
    expect(page.locator(".refused")).to_have_text("&")


def test_a_text_is_priced_without_scripts(enter):
    """The button shows both phones and keeps what was typed."""
    page = enter("analyst", "phone")
    page.goto("/staff/texts/thanks")
    page.fill("#words", FAULTY)
    page.click("text=Xem thử")
    expect(page.locator(".refused")).to_have_count(2)
    expect(page.locator("#words")).to_have_value(FAULTY)
