"""The citizen's pages in a real browser: without JavaScript, on small and large screens, by all."""

import gzip
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SIZES, overflows
from tests.conftest import unit_of_work
from tests.opened import reply_to
from tests.web.citizens import invite

pytestmark = pytest.mark.browser

LEVELS = ["Rất hài lòng", "Hài lòng", "Bình thường", "Không hài lòng", "Rất không hài lòng"]
TARGET = 56
TARGETS = """[...document.querySelectorAll("button, .tile, .button, footer a, header a")]
    .map(one => one.getBoundingClientRect().height)"""


@pytest.fixture
def token(site):
    with unit_of_work(site.app) as session:
        return invite(session)


@pytest.fixture
def paths(site):
    """One address for every screen a citizen can meet."""
    with unit_of_work(site.app) as session:
        fresh, answered, full = (
            invite(session),
            invite(session, longest=True),
            invite(session, kind="full", longest=True),
        )
        disowned = invite(session)
    client = site.app.test_client()
    client.post(f"/s/{answered}", data={"overall": "1", "comment": "Chờ lâu"})
    client.post(f"/s/{full}", data={"overall": "4", "access": "5"})
    client.post(f"/s/{disowned}/not-mine")
    with unit_of_work(site.app) as session:
        reply_to(session, "Kính gửi Ông/Bà.\n\nTrân trọng.")
    steps = [f"/s/{answered}?page={step}" for step in ("rate", "reasons", "contact", "thanks")]
    steps += [f"/s/{fresh}?page={step}" for step in ("not-mine", "stop", "stopped")]
    others = [f"/s/{fresh}", f"/s/{full}?page=reasons", f"/s/{full}?page=thanks&lang=en"]
    ends = [f"/s/{disowned}", "/s/nothing", "/", "/privacy", "/privacy?lang=en", "/nowhere"]
    return [*steps, *others, *ends]


def test_an_unhappy_citizen_walks_to_the_end_without_javascript(open_page, token):
    """Tap, reasons, comment, call-back, thanks; then the answer is changed on another device."""
    page = open_page(f"/s/{token}")
    page.get_by_role("button", name="Không hài lòng", exact=True).click()
    page.get_by_label("Công chức").check()
    page.get_by_label("Góp ý thêm").fill("Phải đi lại ba lần.")
    page.get_by_role("button", name="Gửi").click()
    page.get_by_label("Có, xin gọi số").check()
    page.get_by_role("button", name="Gửi").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cảm ơn Ông/Bà đã trả lời")
    expect(page.get_by_role("heading", name=re.compile("Phản ánh PA"))).to_be_visible()
    other = open_page(f"/s/{token}", "desktop")
    expect(other.get_by_text("Phải đi lại ba lần.")).to_be_visible()
    other.get_by_role("link", name="Đổi câu trả lời").click()
    expect(other.get_by_role("button", name=re.compile("^Không hài lòng"))).to_contain_text(
        "đã chọn"
    )
    other.get_by_role("button", name="Hài lòng", exact=True).click()
    expect(other.get_by_label("Công chức")).to_be_checked()
    expect(other.get_by_label("Góp ý thêm")).to_have_value("Phải đi lại ba lần.")


def test_what_was_typed_survives_an_error(open_page, token):
    """A wrong phone number comes back in the form with its reason, and focus is at the reason."""
    page = open_page(f"/s/{token}")
    page.get_by_role("button", name="Rất không hài lòng").click()
    page.get_by_role("link", name="Bỏ qua").click()
    page.get_by_label("Có, xin gọi số").check()
    page.get_by_label("Muốn gọi số khác").fill("0912 12")
    page.get_by_role("button", name="Gửi").click()
    expect(page).to_have_title(re.compile("^Lỗi: "))
    expect(page.locator("[role=alert]:focus")).to_contain_text("Xin ghi số di động")
    expect(page.get_by_label("Muốn gọi số khác")).to_have_value("0912 12")
    expect(page.get_by_label("Có, xin gọi số")).to_be_checked()
    page.get_by_label("Muốn gọi số khác").fill("0912 345 678")
    page.get_by_role("button", name="Gửi").click()
    expect(page.get_by_text("Đường dây nóng sẽ gọi lại")).to_be_visible()


def test_five_levels_fit_the_smallest_screen(open_page, site):
    """On 320 × 568, with the longest names, all five buttons are seen and large, in their order."""
    with unit_of_work(site.app) as session:
        token = invite(session, longest=True)
    for lang in ("", "?lang=en"):
        page = open_page(f"/s/{token}{lang}", "small")
        expect(page.get_by_role("button")).to_have_count(5)
        boxes = [button.bounding_box() for button in page.get_by_role("button").all()]
        assert len(boxes) == 5
        assert all(box["height"] >= TARGET and box["width"] >= TARGET for box in boxes)
        assert max(box["y"] + box["height"] for box in boxes) <= 568
    words = open_page(f"/s/{token}", "small").get_by_role("button").all_inner_texts()
    assert [word.strip() for word in words] == LEVELS


@pytest.mark.parametrize("size", list(SIZES))
def test_every_screen_is_open_to_all(open_page, paths, axe, size):
    """WCAG 2.2 AA without a violation, light and dark, large targets and no sideways scroll."""
    page = open_page(paths[0], size, javascript=True)
    for path in paths:
        page.emulate_media(color_scheme="light")
        page.goto(path)
        assert (path, axe(page), overflows(page)) == (path, [], False)
        assert (path, [one for one in page.evaluate(TARGETS) if one < TARGET]) == (path, [])
        page.emulate_media(color_scheme="dark")
        assert (path, pale(page)) == (path, [])


def pale(page):
    """Text whose contrast is too weak; all that dark colours can change."""
    found = Axe().run(page, options={"runOnly": {"type": "rule", "values": ["color-contrast"]}})
    return [node["html"] for rule in found.response["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize("dark", [False, True])
def test_errors_are_open_to_all(open_page, token, axe, dark):
    """The form with errors, and the page that could not send, break no rule either."""
    page = open_page(f"/s/{token}", dark=dark, javascript=True)
    page.get_by_role("button", name="Rất không hài lòng").click()
    page.get_by_label("Góp ý thêm").fill("dài " * 600)
    page.get_by_role("button", name="Gửi").click()
    expect(page).to_have_title(re.compile("^Lỗi: "))
    assert axe(page) == []


def test_one_request_is_the_whole_page(open_page, paths):
    """A screen loads nothing after its first answer, keeps no cookie, fits the first packets."""
    page = open_page(paths[0])
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path in paths:
        asked.clear()
        answer = page.goto(path)
        assert len(asked) == 1
        assert len(answer.body()) <= 14_000
        assert len(gzip.compress(answer.body())) <= 5_000
        assert answer.header_value("content-encoding") == "gzip"
    assert page.context.cookies() == []
