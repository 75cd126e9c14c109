"""Structured logs without personal data: phones, identity numbers and link tokens are redacted."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRETS = (
    (re.compile(r"/s/[^\s/?\"']+"), "/s/[token]"),
    (re.compile(r"/webhooks/kannel/[^\s/?\"']+"), "/webhooks/kannel/[secret]"),
)
# The id of an attempt or a message is 32 hexadecimal digits, after two letters if a provider made
# it. It is kept: ten decimal digits in it are no phone, and a redacted id would find no message.
NUMBERS = re.compile(
    r"(?P<name>(?<![0-9A-Za-z])(?:[A-Z]{2})?[0-9a-f]{32}(?![0-9A-Za-z]))"
    r"|(?P<phone>(?<!\d)(?:\+?84|0)\d{8,10}(?!\d))"
    r"|(?P<id>(?<!\d)\d{12}(?!\d))"
)
PLAIN = logging.Formatter()


def redact(text: str) -> str:
    """The text with link tokens, webhook secrets, phones and identity numbers replaced."""
    for pattern, stand_in in SECRETS:
        text = pattern.sub(stand_in, text)
    return NUMBERS.sub(_cut, text)


def _cut(found: re.Match[str]) -> str:
    return found[0] if found["name"] else f"[{found.lastgroup}]"


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


class RedactingFilter(logging.Filter):
    """Redacts log records of the standard library's `logging` (Werkzeug, Alembic, …)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact message and traceback of a record in place; keep every record (True)."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redact(PLAIN.formatException(record.exc_info))
        return True


# Libraries that log every step of a report, every request for an SMS, or every plugin of a
# migration.
TALKATIVE = ("weasyprint", "fontTools", "matplotlib", "twilio", "alembic.runtime.plugins")


def configure(level: str) -> None:
    """Send the logs of this process from `level` upwards to stderr.

    Lines of structlog have the form key=value.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactingFilter())
    logging.basicConfig(
        level=level, handlers=[handler], force=True, format="%(levelname)s %(name)s %(message)s"
    )
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact_event,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
