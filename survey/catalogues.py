"""Translations (gettext): texts in the source are Vietnamese, other languages are in catalogues.

The module does not use Flask, so that features and commands translate as pages do. A text that is
stored, such as a report, is made within `speaking(SOURCE)`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "translations"
SOURCE = "vi"
# Languages of staff pages and of commands, each under its own name.
LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
_spoken = ContextVar("spoken", default=SOURCE)


def _(text: str) -> str:
    """Mark a text for extraction into the catalogues; it is translated where it is shown."""
    return text


def gettext(text: str, /, **values: object) -> str:
    """The text in the current language, with its values filled in."""
    translated = catalogue(spoken()).gettext(text) if text else ""
    return translated % values if values else translated


def spoken() -> str:
    """Code of the current language: Vietnamese, unless another one was chosen."""
    return _spoken.get()


def speak(code: str | None) -> None:
    """Set the current language of this thread or task; Vietnamese for an unknown code."""
    _spoken.set(code if code in LANGUAGES else SOURCE)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Set the current language for the length of a block."""
    former = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(former)


@cache
def catalogue(code: str) -> NullTranslations:
    """The translations into a language; an empty catalogue for the language of the source."""
    if code == SOURCE:
        return NullTranslations()
    return translation("messages", str(FOLDER), [code])
