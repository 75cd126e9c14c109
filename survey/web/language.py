"""Languages of the citizen's pages: Vietnamese in the source, English in the catalogue.

A language is built once per process; a page then needs one dict look-up per text.
"""

from collections.abc import Callable
from dataclasses import dataclass

from babel.support import Translations

from survey.catalogues import FOLDER, SOURCE
from survey.formats import english_number, number

NAMES = {"vi": "Tiếng Việt", "en": "English"}
NUMBERS = {"vi": number, "en": english_number}


@dataclass(frozen=True, slots=True)
class Language:
    """One language with the texts every page needs."""

    code: str
    translate: Callable[[str], str]
    # Formats a whole number with this language's digit grouping.
    number: Callable[[int], str]
    # Rating 1–5 → its label.
    levels: dict[int, str]

    @property
    def is_source(self) -> bool:
        """Whether this is the language of the names of agencies and procedures."""
        return self.code == SOURCE

    @property
    def other(self) -> str:
        """Code of the language to switch to."""
        return next(code for code in NAMES if code != self.code)

    @property
    def other_name(self) -> str:
        """The other language's name in that language."""
        return NAMES[self.other]


def _levels(_: Callable[[str], str]) -> dict[int, str]:
    return {
        5: _("Rất hài lòng"),
        4: _("Hài lòng"),
        3: _("Bình thường"),
        2: _("Không hài lòng"),
        1: _("Rất không hài lòng"),
    }


def _language(code: str) -> Language:
    catalogue = Translations.load(str(FOLDER), [code])
    translate = catalogue.gettext
    return Language(code, translate, NUMBERS[code], _levels(translate))


LANGUAGES = {code: _language(code) for code in NAMES}


def language_of(code: str | None) -> Language:
    """The language with this code; Vietnamese for any other value."""
    return LANGUAGES.get(code or SOURCE, LANGUAGES[SOURCE])
