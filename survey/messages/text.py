"""Shipped message texts: templates of `templates/sms/<locale>/`, rendered strictly within a budget.
The first line of each file declares its encoding and the most segments it may need.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

from jinja2 import Environment, StrictUndefined, Template, UndefinedError

from survey.errors import Invalid
from survey.messages.segments import Encoding, measure, outside_gsm7
from survey.province.workdays import LOCAL

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "sms"
# Vietnamese without diacritics, with them, and English.
LOCALES = ("vi", "vi_accented", "en")
AGENCY_ROOM = 24
# Carriers refuse or garble these; inside a link they are allowed.
REFUSED_BY_CARRIERS = frozenset("%#&[]{}\\<@")

# Typographic characters → their plain form. Diacritics are removed separately (`_MARKS`).
_PLAIN_SIGNS = str.maketrans(
    {
        "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "₫": "d",
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "‘": "'", "’": "'", "‚": "'", "′": "'", "…": "...", "•": "-",
        "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2009": " ", "\u202f": " ", "\t": " ",
        "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "",
    }
)  # fmt: skip
_MARKS = re.compile("[\u0300-\u036f]")
_FRONT_LINE = re.compile(r"# encoding: (gsm7|ucs2)  segments: ([1-9])\n")
_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701, plain text

# Usual abbreviations, matched with diacritics: Vân Phong is not Văn phòng.
_SHORT_FORMS = {
    "Ủy ban nhân dân": "UBND",
    "Văn phòng": "VP",
    "Trung tâm": "TT",
    "Ban Quản lý": "BQL",
    "Khu kinh tế": "KKT",
    "Khoa học và Công nghệ": "KH và CN",
    "Nông nghiệp và Môi trường": "NN và MT",
    "Nông nghiệp và Phát triển nông thôn": "NN và PTNT",
    "Tài nguyên và Môi trường": "TN và MT",
    "Kế hoạch và Đầu tư": "KH và ĐT",
    "Thông tin và Truyền thông": "TT và TT",
    "Giáo dục và Đào tạo": "GD và ĐT",
    "Lao động - Thương binh và Xã hội": "LĐ-TB và XH",
    "Văn hóa, Thể thao và Du lịch": "VH, TT và DL",
    "Phục vụ hành chính công": "PVHCC",
    "Dịch vụ hành chính công": "DVHCC",
    "Đăng ký đất đai": "ĐKĐĐ",
    "Xúc tiến đầu tư": "XTĐT",
    "Hỗ trợ doanh nghiệp": "HTDN",
    "Bảo hiểm Xã hội": "BHXH",
    "Công ty Cổ phần": "CTCP",
}
# Further abbreviations, applied only to a name that is still too long.
_SHORTER_FORMS = {
    "UBND thành phố": "UBND TP",
    "UBND thị trấn": "UBND TT",
    "UBND thị xã": "UBND TX",
    "UBND phường": "UBND P.",
    "UBND huyện": "UBND H.",
    "UBND xã": "UBND X.",
}


class SmsText(NamedTuple):
    """A text that may be sent: NFC, in its declared encoding, within its budget of segments."""

    text: str
    encoding: Encoding
    segments: int


@dataclass(frozen=True, slots=True)
class _Body:
    template: Template
    encoding: Encoding
    budget: int


def unaccent(text: str) -> str:
    """Remove diacritics and typographic characters; what else GSM 03.38 lacks stays as it is."""
    bare = _MARKS.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare).translate(_PLAIN_SIGNS)


def plain(text: str) -> str:
    """The text without diacritics, in GSM 03.38; Invalid `sms_characters` if it does not fit."""
    bare = unaccent(text)
    _refuse(outside_gsm7(bare))
    return bare


def render(name: str, locale: str, **values: str) -> SmsText:
    """Render the template `name` of a locale.

    Values: agency (short_agency_name), last4, url, code (reply code), case_code, hotline,
    reply_number, by (deadline_words); a template uses those that it names. For the encoding
    gsm7 they lose their diacritics. Raises Invalid: `sms_template` for an unknown template,
    `sms_value` for a missing value, `sms_characters` for characters that carriers refuse,
    `sms_budget` for a text that needs more segments than declared.
    """
    body = _body(name, locale)
    clean = {k: unaccent(v) for k, v in values.items()} if body.encoding == "gsm7" else values
    try:
        text = body.template.render(clean)
    except UndefinedError as error:
        raise Invalid("sms_value", f"{locale}/{name}: {error.message}") from error
    return finished(text, clean.get("url", ""), body.budget, is_plain=body.encoding == "gsm7")


def finished(text: str, link: str, budget: int, *, is_plain: bool) -> SmsText:
    """Check a text before sending; Invalid `sms_characters` or `sms_budget` if it may not be sent.

    Inside `link` all characters are allowed; `budget` is in segments; `is_plain`: GSM 03.38.
    """
    text = unicodedata.normalize("NFC", text).strip()
    beside_link = text.replace(link, "") if link else text
    _refuse("".join(dict.fromkeys(c for c in beside_link if c in REFUSED_BY_CARRIERS)))
    if is_plain:
        _refuse(outside_gsm7(text))
    size = measure(text)
    if size.segments > budget:
        raise Invalid("sms_budget", f"{size.segments} > {budget} ({text!r})")
    return SmsText(text, size.encoding, size.segments)


@cache
def short_agency_name(name_vi: str) -> str:
    """Short name of an agency for a text, at most 24 characters, with diacritics.

    Invalid `sms_characters` lists characters that GSM 03.38 lacks even without diacritics.
    """
    name = " ".join(unicodedata.normalize("NFC", name_vi.replace("&", " và ")).split())
    short = _replace(name.replace("Uỷ", "Ủy").replace("hoá", "hóa"), _SHORT_FORMS)
    _refuse(outside_gsm7(unaccent(short)))
    if len(short) > AGENCY_ROOM:
        short = _replace(short, _SHORTER_FORMS)
    words = short.split()
    # A name in no table keeps its first and last words, with initials between them.
    head, initials = words[0], ""
    rest = words[1:]
    while len(short) > AGENCY_ROOM and len(rest) > 1:
        initials += rest.pop(0)[0].upper()
        short = " ".join([head, initials, *rest])
    return short[:AGENCY_ROOM].rstrip()


def deadline_words(moment: datetime, locale: str) -> str:
    """A deadline as the value `by` of a text, local time: `17h ngay 25/11`, `16h30 ngày 25/11`.

    Plain texts drop diacritics themselves, so callers that do not know the form use vi_accented.
    """
    local = moment.astimezone(LOCAL)
    if locale == "en":
        return f"{local:%H:%M on %d/%m}"
    clock = f"{local.hour}h{local:%M}" if local.minute else f"{local.hour}h"
    return f"{clock} {'ngày' if locale == 'vi_accented' else 'ngay'} {local:%d/%m}"


def shipped_words(name: str, locale: str, values: Mapping[str, str]) -> str:
    """A shipped template rendered with any values, without checks and whatever it costs."""
    return _body(name, locale).template.render(values).strip()


def body_names(locale: str) -> list[str]:
    """Names of the templates of a locale."""
    return sorted(path.stem for path in (TEMPLATES / locale).glob("*.txt"))


@cache
def _body(name: str, locale: str) -> _Body:
    """Read a template file; Invalid `sms_template` for an unknown one."""
    path = TEMPLATES / locale / f"{name}.txt"
    if locale not in LOCALES or not re.fullmatch("[a-z_]+", name) or not path.is_file():
        raise Invalid("sms_template", f"{locale}/{name}")
    return parse_body(path.read_text(encoding="utf-8"))


def parse_body(source: str) -> _Body:
    """Parse a template file's text; Invalid `sms_template` if its first line is malformed."""
    front = _FRONT_LINE.match(source)
    if not front:
        raise Invalid("sms_template", "the first line must be '# encoding: gsm7  segments: 1'")
    template = _ENVIRONMENT.from_string(source[front.end() :])
    return _Body(template, cast(Encoding, front[1]), int(front[2]))


def _refuse(characters: str) -> None:
    if characters:
        raise Invalid("sms_characters", " ".join(characters))


def _replace(name: str, forms: dict[str, str]) -> str:
    for long, short in forms.items():
        name = re.sub(rf"\b{re.escape(long)}\b", short, name, flags=re.IGNORECASE)
    return name
