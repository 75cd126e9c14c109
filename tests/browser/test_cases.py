"""The hotline's pages in a real browser: on both sizes and schemes, usable without script."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import overflows
from tests.conftest import unit_of_work
from tests.features import answering
from tests.features.answering import WISH
from tests.web.staff_accounts import PASSWORD, add_account


@pytest.fixture
def case_code(site):
    """A case with a wish to be called, and twenty others."""
    with unit_of_work(site.app) as session:
        for agency in answering.agencies(session)[:20]:
            answering.raise_case(session, agency=agency, comment="Chờ lâu " * 40)
        return answering.raise_case(session, contact=WISH, comment="Bị đe dọa").code


def sign_in(page):
    """Fill in the sign-in form that is shown."""
    page.get_by_label("Thư điện tử").fill(page.email)
    page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("button", name="Đăng xuất")).to_be_attached()


@pytest.fixture
def open_signed_in(site, open_page):
    """A window with a handler signed in, on any page."""
    email, _ = add_account(site.app, "handler")

    def open_one(path, size, **how):
        page = open_page(path, size, **how)
        page.email = email
        sign_in(page)
        return page

    return open_one


@pytest.mark.parametrize(("size", "dark"), [("phone", False), ("desktop", True)])
def test_pages_of_the_hotline_are_accessible(open_signed_in, axe, case_code, size, dark):
    """Queue, case and alerts break no rule of WCAG and do not scroll sideways."""
    page = open_signed_in("/staff/cases?view=all", size, dark=dark, javascript=True)
    for path in ("/staff/cases?view=all", "/staff/alerts", f"/staff/cases/{case_code}"):
        page.goto(path)
        assert axe(page) == []
        assert not overflows(page)
    page.get_by_role("button", name="Nhận xử lý").click()
    page.get_by_label("Trả lời bằng văn bản").fill("Kính gửi Ông/Bà, chúng tôi xin lỗi.")
    page.get_by_role("button", name="Xem trước tin nhắn").click()
    page.wait_for_url("**/preview")
    page.get_by_label("Chuyển cơ quan có thẩm quyền").check()
    assert axe(page) == []
    assert not overflows(page)


def test_a_phone_without_script_closes_a_case(open_signed_in, case_code):
    """Only the words of the chosen reason show, and they go to the citizen as they were worded."""
    page = open_signed_in(f"/staff/cases/{case_code}", "phone")
    page.get_by_role("button", name="Nhận xử lý").click()
    words = page.get_by_label("Lời thông báo cho người dân")
    visible = words.filter(visible=True)
    expect(visible).to_have_count(0)
    page.get_by_label("Không liên lạc được").check()
    expect(visible).to_have_count(1)
    page.get_by_label("Chuyển cơ quan có thẩm quyền").check()
    expect(visible).to_have_count(1)
    visible.fill("Chúng tôi đã chuyển thanh tra.")
    page.get_by_label("Chuyển đến cơ quan nào").fill("Thanh tra tỉnh")
    page.get_by_role("button", name="Đóng phản ánh").click()
    expect(page.locator(".step-closed")).to_contain_text("Chúng tôi đã chuyển thanh tra.")
    expect(page.locator(".step-closed")).to_contain_text("Thanh tra tỉnh")


def test_a_phone_without_script_works_a_case(open_signed_in, case_code):
    """From the queue to the number and the sent reply, with links and buttons alone."""
    page = open_signed_in("/staff/cases?view=unassigned", "phone")
    page.get_by_role("link", name=case_code).click()
    page.get_by_role("button", name="Nhận xử lý").click()
    page.get_by_text("Hiện số", exact=True).click()
    page.get_by_role("button", name="Hiện số và ghi vào nhật ký").click()
    expect(page.get_by_role("link", name="0905 000 111")).to_be_visible()
    page.get_by_label("Trả lời bằng văn bản").fill("Kính gửi Ông/Bà, chúng tôi xin lỗi.")
    page.get_by_role("button", name="Gửi trả lời").click()
    expect(page.get_by_role("status").get_by_text("Đã trả lời bằng văn bản.")).to_be_visible()
    expect(page.locator(".step-message")).to_be_visible()
