"""Texts in the language being spoken: Vietnamese stands in the source, others in the catalogues.

No part of Flask, so that features and commands speak as pages do. A text made for keeping, such as
a report, is made within `speaking(SOURCE)`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "translations"
SOURCE = "vi"
# Languages of pages for staff and of commands, each by its own name.
LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
_spoken = ContextVar("spoken", default=SOURCE)


def _(text: str) -> str:
    """Mark a text for the catalogues; whoever shows it translates it."""
    return text


def gettext(text: str, /, **values: object) -> str:
    """The text in the language being spoken, with its values filled in."""
    translated = catalogue(spoken()).gettext(text) if text else ""
    return translated % values if values else translated


def spoken() -> str:
    """Code of the language being spoken: Vietnamese, unless another one was chosen."""
    return _spoken.get()


def speak(code: str | None) -> None:
    """From here on, in this thread or task, speak a language; Vietnamese for an unknown code."""
    _spoken.set(code if code in LANGUAGES else SOURCE)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language for a while."""
    former = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(former)


@cache
def catalogue(code: str) -> NullTranslations:
    """The translations into a language; none into the one that stands in the source."""
    if code == SOURCE:
        return NullTranslations()
    return translation("messages", str(FOLDER), [code])
