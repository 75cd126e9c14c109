"""Drafts of the province's message texts: preview and cost with the longest values, and saving."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from survey.db import settings_of
from survey.errors import Invalid, NotFound
from survey.messages import lint, versions
from survey.messages.placeholders import NAMES, SLOTS, Wording
from survey.messages.text import deadline_words, shipped_words, short_agency_name
from survey.models.text_version import TextForm, TextVersion
from survey.province import agencies_on, hotline_of
from survey.province.workdays import local_day

# The longest values of the placeholders that do not depend on the province.
SAMPLES = {
    "last4": "0042",
    "code": "7Q2M",
    "reply_number": "0912345678",
    "case_code": "PA7F3K2Q",
}
SAMPLE_TOKEN = "7Q4M2XAB9K3P"  # noqa: S105 - opens nothing
LATEST_DEADLINE = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TextCheck:
    """The check of a wording: previews of both forms, refused characters marked, and problems."""

    previews: list[lint.Preview]
    marked: list[tuple[str, bool]]
    problems: list[lint.Problem]
    by_form: Mapping[str, list[lint.Problem]]


def check_text(session: Session, name: str, words: str, now: datetime) -> TextCheck:
    """Check a wording of the text `name` in both forms, filled with its longest values."""
    host = urlsplit(settings_of(session).public_url).hostname or ""
    longest = longest_values(session, now)
    found = lint.problems(name, words, host)
    previews = [lint.preview(form, words, longest) for form in TextForm]
    return TextCheck(
        previews=previews,
        marked=lint.marked(words),
        problems=found,
        by_form={one.form: [*found, *filter(None, [lint.cost_problem(one)])] for one in previews},
    )


def store(
    session: Session, staff_id: int, name: str, wording: Wording, now: datetime
) -> TextVersion:
    """Save a wording as the next version of a text.

    NotFound `no_such_text`; Invalid `text_has_problems` where `check_text` finds any in its form.
    """
    if name not in SLOTS:
        raise NotFound("no_such_text")
    if check_text(session, name, wording.words, now).by_form[wording.form]:
        raise Invalid("text_has_problems")
    return versions.draft(session, staff_id, name, wording, now)


def longest_values(session: Session, now: datetime) -> dict[str, str]:
    """The longest value of every placeholder in this province."""
    settings = settings_of(session)
    names = [short_agency_name(one.name) for one in agencies_on(session, local_day(now))]
    return {
        **SAMPLES,
        "agency": max(names, key=len, default="UBND"),
        "url": f"{settings.public_url}/s/{SAMPLE_TOKEN}",
        "hotline": hotline_of(session),
        "by": deadline_words(LATEST_DEADLINE, "vi_accented"),
    } | ({"reply_number": settings.sms.reply_number} if settings.sms.reply_number else {})


def size(name: str, used: TextVersion | None, longest: Mapping[str, str]) -> lint.Preview:
    """Preview and cost of the version in use, or of the shipped text if there is none."""
    form, given = (used.form, used.words) if used else (TextForm.PLAIN, "")
    return lint.preview(form, given or shipped(name, form), longest)


def shipped(name: str, form: str) -> str:
    """The shipped text of a form, with {placeholders} instead of values."""
    locale = "vi" if form == TextForm.PLAIN else "vi_accented"
    named = {value: f"{{{NAMES[value]}}}" for value in SLOTS[name].values}
    return shipped_words(name, locale, {**dict.fromkeys(NAMES, ""), **named})
