"""Jinja filters for figures, dates and statuses on staff pages, with the labels of the reports.

Macros in templates/staff/parts.html use them.
"""

from datetime import date, datetime

from flask import Flask
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from survey.catalogues import SOURCE, spoken
from survey.formats import NONE, number
from survey.indices import Status
from survey.period import Month
from survey.province.workdays import LOCAL
from survey.reports import phrases

# The axis of an interval: from 40 to 100 per cent on this many units.
LINE_FROM = 0.4
LINE_UNITS = 240
ROLES = {
    "handler": _("Cán bộ đường dây nóng"),
    "agency_head": _("Lãnh đạo đơn vị"),
    "analyst": _("Chuyên viên tổng hợp"),
    "leader": _("Lãnh đạo tỉnh"),
    "admin": _("Quản trị hệ thống"),
}


def day(value: date | datetime | None) -> str:
    """A local date: 21/11/2026."""
    if isinstance(value, datetime):
        value = value.astimezone(LOCAL)
    return NONE if value is None else f"{value:%d/%m/%Y}"


def moment(value: datetime | None) -> str:
    """A local time and date: 14:05 ngày 21/11/2026."""
    return NONE if value is None else phrases.moment(value)


def place(share: float) -> float:
    """Position of a fraction on the axis of an interval; below 40 % it is at the left end."""
    return round(max(0.0, (share - LINE_FROM) / (1 - LINE_FROM)) * LINE_UNITS, 1)


def status_sign(status: str) -> str:
    """The symbol of a status: ● ◐ ▼ ○ ◌."""
    return phrases.STATUS_SIGNS[Status(status)]


def status_words(status: str) -> str:
    """The label of a status."""
    return gettext(phrases.STATUS_WORDS[Status(status)])


def role_words(role: str) -> str:
    """The label of a role."""
    return ROLES[role]


def word(text: str) -> str:
    """The same as `label` for an HTML attribute, which cannot mark a name's language."""
    return gettext(text)


def label(text: str) -> str:
    """The label of a row: translated if it is one of ours; a name is marked as Vietnamese."""
    if spoken() == SOURCE or not text:
        return text
    ours = gettext(text)
    return ours if ours != text else Markup('<span lang="vi">{}</span>').format(text)


def capital(text: str) -> str:
    """The text with its first letter in upper case: "Quý III/2026"."""
    return text[:1].upper() + text[1:]


def register(app: Flask) -> None:
    """Register every format as a filter of the templates."""
    app.jinja_env.filters.update(
        whole=number,
        decimal=number,
        percent=phrases.percent,
        percentage=phrases.percentage,
        goal=phrases.level,
        month=phrases.month_name,
        month_of=Month.of,
        period=phrases.period_name,
        capital=capital,
        label=label,
        word=word,
        change=phrases.change,
        source=phrases.source,
        day=day,
        moment=moment,
        place=place,
        status_sign=status_sign,
        status_words=status_words,
        role_words=role_words,
    )
