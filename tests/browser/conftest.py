"""Debian's Chromium against a real server of the application; skipped where there is no Chromium.

`site` serves the app on loopback, `open_page` opens a window on it: JavaScript is off unless asked
for, and a page that trips over the content security policy fails its test.
"""

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from werkzeug.serving import make_server

from survey.clock import Clock
from tests.clocks import PATIENCE
from tests.conftest import FIXED, SqliteCopies, files_in, running
from tests.serving import served

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SIZES = {"small": (320, 568), "phone": (390, 844), "desktop": (1280, 800)}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser process for each worker."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Site:
    """A served application: where it is, and the application itself for preparing data."""

    url: str
    app: Flask


@pytest.fixture
def demo() -> bool:
    """Whether `site` runs as a demo; a test file overrides this fixture to say so."""
    return False


@pytest.fixture
def site(
    sqlite_copies: SqliteCopies,
    tmp_path: Path,
    clock: Clock,
    demo: bool,  # noqa: FBT001
) -> Iterator[Site]:
    """The application on a free port of loopback, on a fresh SQLite database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **FIXED,
        "DATABASE_URL": sqlite_copies.copy(tmp_path),
        **files_in(tmp_path),
        "PUBLIC_URL": url,
        "DEMO": "1" if demo else "0",
    }
    with (
        running(environment, clock) as app,
        served(make_server("127.0.0.1", port, app, threaded=True)),
    ):
        yield Site(url, app)


@pytest.fixture
def open_page(chromium: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """`open_page("/s/…", "phone", dark=True, javascript=True)`: a window of its own each time."""
    refused: list[str] = []
    contexts = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    def open_one(
        path: str, size: str = "phone", *, dark: bool = False, javascript: bool = False
    ) -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(
            base_url=site.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            locale="vi-VN",
            timezone_id="Asia/Ho_Chi_Minh",
        )
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not refused


def stand_still(page: Page) -> None:
    """Wait until a page is all there, and have one that renews itself stop.

    It would leave in the middle of a look, and its own way meets that of a reload.
    """
    page.wait_for_load_state("load")  # after a click the styles may still be on their way
    renews = page.get_by_role("link", name="Dừng tự cập nhật")
    if renews.count():
        renews.click()
        expect(renews).to_have_count(0)
        page.wait_for_load_state("load")


def axe_violations(page: Page) -> list[str]:
    """Rules of WCAG 2.0 to 2.2 A and AA and of best practice that the open page breaks."""
    stand_still(page)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in result.response["violations"]
        for node in rule["nodes"]
    ]


def overflows(page: Page) -> bool:
    """Whether the page scrolls sideways."""
    stand_still(page)
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """`assert axe(page) == []`; open the page with `javascript=True`, since axe is a script."""
    return axe_violations
