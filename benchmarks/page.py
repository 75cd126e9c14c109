"""The citizen's page: bytes, requests, and first paint on a slow line beside a static page."""

import gzip
import http.server
import shutil
import statistics
import sys
import threading
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import Installation, free_port, served

# Bytes and milliseconds of an emulated 2G line: 50 kbit/s, 800 ms.
LINE = {"offline": False, "latency": 800, "downloadThroughput": 6250, "uploadThroughput": 6250}
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
TRIES = 5
RAW_LIMIT, GZIP_LIMIT = 14 * 1024, 5 * 1024
STATIC_BYTES = 10 * 1024
PAINT = """() => new Promise(tell => new PerformanceObserver(list => {
  for (const one of list.getEntries())
    if (one.name === 'first-contentful-paint') tell(one.startTime);
}).observe({type: 'paint', buffered: true}))"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def measure(folder: Path) -> list[Figure]:
    """Weigh the page and time its first paint against a static page on the same line."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is needed to measure the page.")
    ours = Installation(folder / "page")
    export = ours.folder / "export.csv"
    write_export(export, 20)
    ours.command("intake", "import", str(export))
    ours.command("messages", "send-due")
    address = f"http://127.0.0.1:{ours.port}/s/{ours.tokens()[0]}"
    static = static_page(folder / "static")
    with sync_playwright() as driver, served("survey:create_app()", ours.environment, ours.port):
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        body, requests = weigh(browser, address)
        mine, plain = [], []
        for _ in range(TRIES):
            mine.append(first_paint(browser, address))
            plain.append(first_paint(browser, static))
        browser.close()
    packed = len(gzip.compress(body, 6))
    paints = statistics.median(mine), statistics.median(plain)
    return [
        Figure("page, raw", "bytes", len(body), RAW_LIMIT, "limit", at_most=1),
        Figure("page, gzip", "bytes", packed, GZIP_LIMIT, "limit", at_most=1),
        Figure("page, requests", "requests", requests, 1, "limit", at_most=1),
        Figure("first paint on 2G", "ms", *paints, "static 10 KB page", at_most=1.3),
    ]


def static_page(folder: Path) -> str:
    """Address of a page of exactly 10 KB, served from a file."""
    folder.mkdir()
    head = b'<!doctype html><html lang="vi"><meta charset="utf-8"><title>10 KB</title><p>'
    words = ("Một trang tĩnh. " * 1000).encode()[: STATIC_BYTES - len(head)]
    (folder / "index.html").write_bytes(head + words)
    handler = partial(QuietHandler, directory=str(folder))
    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{port}/index.html"


def weigh(browser: Browser, address: str) -> tuple[bytes, int]:
    """The page's bytes and how many requests it takes, the browser's own icon request aside."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    answer = page.goto(address, wait_until="networkidle")
    if answer is None or not answer.ok:
        sys.exit(f"the page did not open: {answer and answer.status}")
    body = answer.body()
    context.close()
    return body, len([url for url in seen if not url.endswith("/favicon.ico")])


def first_paint(browser: Browser, address: str) -> float:
    """Milliseconds until something is seen, on the slow line, in a fresh window."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.emulateNetworkConditions", LINE)
    page.goto(address, timeout=60_000)
    milliseconds = float(page.evaluate(PAINT))
    context.close()
    return milliseconds
