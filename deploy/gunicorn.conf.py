"""Gunicorn: sync workers (threads that write SQLite wait for each other), and logs without secrets.

A link's token, a webhook's secret or a reset link must never reach a log, nor an address beside
the hour somebody answered. So the path is logged by an allow-list: what is not known is shortened.
"""

import ctypes
import gc
import logging
import re
from typing import Any

from gunicorn.glogging import Logger

OPEN_PATHS = re.compile(r"/(staff|static|demo)(/[\w./-]*)?|/(healthz|readyz|privacy|login|logout)?")
# A link copied below a wrong address is still a link.
LIKE_A_TOKEN = re.compile(r"/[0-9A-Za-z]{12}(?=/|$)")
SHORT_PATHS = re.compile(r"/(s|webhooks)(?=/)")
ANY_PATH = re.compile(r"(?<![^\s'\"])/[^\s'\"]+")
# Number of an option in glibc's malloc.h.
M_TRIM_THRESHOLD = -1
FREE_BYTES_KEPT = 128 * 1024


def loggable(path: str) -> str:
    """The path if it is one of ours and holds no secret, else its known beginning and `…`."""
    if OPEN_PATHS.fullmatch(path) and not LIKE_A_TOKEN.search(path):
        return path
    known = SHORT_PATHS.match(path)
    return f"{known.group() if known else ''}/…"


class WithoutPaths(logging.Filter):
    """Cuts every path out of what gunicorn itself writes about a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message; always let it pass."""
        record.msg, record.args = ANY_PATH.sub("/…", record.getMessage()), ()
        return True


class QuietLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Access lines: method, shortened path, status, size and time; nothing about the caller."""

    def setup(self, cfg: object) -> None:
        """Set up as usual, then put the filter before every handler."""
        super().setup(cfg)
        self.error_log.addFilter(WithoutPaths())

    def atoms(
        self, resp: object, req: object, environ: dict[str, Any], request_time: object
    ) -> dict[str, Any]:
        """Only what the format below names."""
        every = super().atoms(resp, req, environ, request_time)
        kept = {name: every[name] for name in ("t", "m", "s", "B", "M")}
        return {**kept, "U": loggable(str(environ.get("PATH_INFO", "")))}


worker_class = "sync"
workers = 2
# Loaded once and shared by the workers; new code needs a restart, a reload gives new workers.
preload_app = True
timeout = 60
graceful_timeout = 10
max_requests = 20_000
max_requests_jitter = 2_000
# Kannel sends a long SMS in the address; this is the most gunicorn can be told.
limit_request_line = 8_190
# No header of a caller says where the application begins.
forwarder_headers = ""
accesslog = "-"
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s %(M)sms"
logger_class = QuietLogger
control_socket_disable = True


def when_ready(_server: object) -> None:
    """What was loaded before the workers are forked stays for good and stays shared: the collector
    need not look at it again, and looking would copy its pages into every worker.
    """
    gc.collect()
    gc.freeze()


def post_fork(_server: object, _worker: object) -> None:
    """Give memory back once it is free: the first hash of a password, 19 MiB at once, would have
    the C library keep as much for good. Other C libraries than glibc have no such setting.
    """
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        set_option(M_TRIM_THRESHOLD, FREE_BYTES_KEPT)
