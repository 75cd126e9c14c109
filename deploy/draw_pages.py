"""Draws the pictures of the README from a running demo: `python -m deploy.draw_pages ADDRESS`.

Run it against a demo whose reports are built; it hands in two dossiers there and answers one.
"""

import re
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs"
FLAGS = ["--no-sandbox"]
PHONE, DESKTOP, TALL, SHEET = (390, 844), (1280, 800), (1280, 1000), (1040, 1300)
COLOURS = 128
NEW_DOSSIER = "Tạo một hồ sơ vừa giải quyết xong"
REPLY_CODE = re.compile(r"kem ma (\w{4})")
# A sign that carriers refuse, so that the editor shows how it tells.
WORDING = "{đơn vị} mời Ông/Bà đánh giá việc giải quyết hồ sơ {4 số cuối}: {đường dẫn} & cảm ơn."


def main() -> None:
    """All pictures, one file each."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the script and the address
        sys.exit("Which demo? python -m deploy.draw_pages http://localhost:8000")
    address, chromium = sys.argv[1].rstrip("/"), shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        draw_survey(window(browser, address, PHONE))
        draw_text_phone(window(browser, address, DESKTOP))
        draw_queue(enter(window(browser, address, DESKTOP), "Tổng đài"))
        draw_delivery(enter(window(browser, address, DESKTOP), "Phân tích"))
        draw_editor(enter(window(browser, address, TALL), "Quản trị"))
        draw_report(enter(window(browser, address, SHEET), "Lãnh đạo"))
        browser.close()


def window(browser: Browser, address: str, size: tuple[int, int]) -> Page:
    """A window of its own on the page of doors."""
    width, height = size
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
    )
    page = context.new_page()
    page.goto("/demo")
    return page


def enter(page: Page, door: str) -> Page:
    """Go through one of the doors."""
    page.get_by_role("button", name=f"Vào cửa {door}").click()
    page.wait_for_url("**/staff/**")
    return page


def save(shown: Page | Locator, name: str) -> None:
    """What a window or a part of it shows, in few colours: a third of the bytes."""
    picture = Image.open(BytesIO(shown.screenshot()))
    picture.quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)


def draw_survey(page: Page) -> None:
    """The citizen's page behind the newest link."""
    page.get_by_role("button", name=NEW_DOSSIER).click()
    page.locator(".phone-sms a").first.click()
    page.wait_for_url("**/s/*")
    save(page, "survey-phone")


def draw_text_phone(page: Page) -> None:
    """A phone without internet that rated 2."""
    page.goto("/demo/phone?kind=text")
    page.get_by_role("button", name=NEW_DOSSIER).click()
    (code,) = REPLY_CODE.findall(" ".join(page.locator(".phone-text").first.inner_text().split()))
    page.locator("#text").fill(f"2 {code}")
    page.get_by_role("button", name="Gửi").click()
    page.locator(".phone-text", has_text="Dieu gi can").first.wait_for()
    save(page.locator("section.phone"), "sms-phone")


def draw_queue(page: Page) -> None:
    """What nobody at the hotline has taken yet."""
    page.get_by_role("link", name="Chưa giao").click()
    save(page, "staff-queue")


def draw_delivery(page: Page) -> None:
    """What arrives, carrier by carrier."""
    page.goto("/staff/messages/delivery")
    save(page, "messages")


def draw_editor(page: Page) -> None:
    """A text of the province's own while it is typed."""
    page.goto("/staff/texts")
    page.get_by_role("link", name="Lời mời, bằng đường dẫn").click()
    page.locator("#words").fill(WORDING)
    page.get_by_role("button", name="Xem thử").click()
    page.get_by_text("Cần sửa trước khi lưu").wait_for()
    save(page, "texts")


def draw_report(page: Page) -> None:
    """The top of the newest report."""
    page.goto("/staff/reports")
    with tempfile.TemporaryDirectory() as folder, page.expect_download() as download:
        page.locator(".files a", has_text="Trang web").first.click()
        path = Path(folder) / "report.html"
        download.value.save_as(path)
        page.goto(path.as_uri())
        save(page, "report")


if __name__ == "__main__":
    main()
