"""Parser of inbound text messages: rating, request or comment, without knowing who wrote it.

An unclear reply is answered with a question (`ask`); its rating is never guessed.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from survey.messages.vocabulary import (
    BESIDE_RATINGS,
    LEVELS,
    NUMBER_WORDS,
    RATING_WORDS,
    fold,
    known_word,
)

ReplyKind = Literal["rating", "opt_out", "call_me", "help", "ask", "comment"]

# Digits and letters without I, L, O and U. New reply codes should contain a digit and a letter, so
# that no word of a comment looks like one.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISTYPED = str.maketrans("OIL", "011")

_STARS = str.maketrans(dict.fromkeys("★⭐🌟✩☆", "*"))
# Numbers, words, and signs beside which a lone digit is not a rating: money, shares, angry faces.
_TOKEN = re.compile(r"\d+(?:[.,]\d+)+(?![^\W_])|[^\W_]+|[*/%$€₫👎😠😡🤬😤😞😢😭💩🤮]")
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)+")
_GLUED = re.compile(r"(hl|muc|cho|cham|diem|so|sao)(\d)|(\d)(sao|diem|hl)")
_GLUED_CODE = re.compile(r"hl([1-5])([0-9a-z]{4})")
_SYLLABLE = re.compile(
    "(?:b|c|ch|d|g|gh|h|k|kh|m|n|ng|ngh|nh|p|ph|q|r|s|t|th|tr|v|x)?[aey]+(?:c|ch|m|n|ng|nh|p|t)?"
)
_PHONE_LENGTH = 6
# Characters. No rating or request is longer, and a longer text would take seconds to parse.
_MOST_READ = 2000

# Placeholders for tokens that are not words of the grammar.
_UNKNOWN, _NUMBER, _LONG_NUMBER, _FOUR_DIGITS = "?", "#", "##", "####"
_BEFORE_CODES = frozenset({"ma", "kem", "kèm"})

_POLITE = r"(?:(?:da|vang|a|nhe|nha) )*"
_I = r"(?:(?:da|vang|toi|em|minh) )*"
_TAIL = r"(?: (?:da|a|nhe|nha|thoi|luon|cam ơn|thanks))*"
_VERB = r"(?:cho|cham|muc(?: do)?|diem|sao|so|chon|danh gia|bam|nhan)"
_UNIT = r"(?:sao|diem|\*)"
_DIGIT = re.compile(
    rf"{_POLITE}(?:hl )?([1-5])(?: / 5)?(?: {_UNIT})?{_TAIL}"
    rf"|{_I}(?:hl )?(?:{_VERB} ){{1,3}}([1-5])(?: / 5)?(?: {_UNIT})?{_TAIL}"
)
_NUMBER_WORD = re.compile(
    rf"(?:hl )?=([1-5])|(?:{_POLITE}|{_I}(?:cho |cham ))=([1-5]) {_UNIT}{_TAIL}"
    rf"|{_I}(?:muc|diem) =([1-5]){_TAIL}"
)
_LEVEL = re.compile(rf"{_I}(?:danh gia |muc (?:do )?)?(.+?){_TAIL}")

_WISH = r"(?:(?:hl|da|vang|xin|vui long|lam ơn|toi|em|minh|muon|can|nho|duoc|please|[1-5]) )*"
_NEWS = r"(?:nhan|tin|gui|khao sat)"
_MORE = (
    r"(?: (?:nhan|tin|gui|khao sat|nua|di|ngay|lai|het|all|a|nhe|nha|please|cam ơn|cho|toi"
    r"|[1-5]|#+))*"
)
_OPT_OUT = re.compile(
    rf"{_WISH}(?:(?:tc|tu choi|huy|stop|ngung){_MORE}|dung (?:{_NEWS}|lai){_MORE})"
    rf"|{_WISH}khong (?:muon |can )?{_NEWS}{_MORE}(?:(?<=tin)|(?<=sat)|(?<=nua))"
    r"|(?:hl |xin |vui long |please |toi muon )?dung(?: [1-5])?"
)
_CALL_ME = re.compile(
    rf"{_WISH}(?:goi|call)(?: (?:dien|thoai|lai|cho|toi|em|minh|me|di|nhe|nha|a|ngay|gap|giup|voi"
    r"|so|sau|please|cam ơn|##))*"
)
_HELP = re.compile(rf"{_WISH}(?:tg|tro giup|help)(?: (?:me|toi|em|minh|voi|a|nhe|nha|please))*")
_OPENS_WITH_DIGIT = re.compile(r"\W*[1-5]\s*[.,;:!)\-–—]+(?:\s|$)")
_SURE_OF_RATING = frozenset({"sao", "diem", "muc", "hl", "/", "*", "long", "thuong"})
# Beside a lone rating, a code of letters only or with a letter typed for a digit is accepted.
_RATING_THEN_CODE = re.compile(r"\W*(hl\W*)?([1-5])\W+(?:(?:kem|ma|kèm|mã)\W+)*([0-9a-z]{4})\W*")
_CODE_THEN_RATING = re.compile(r"\W*()()([0-9a-z]{4})\W+([1-5])\W*")


@dataclass(frozen=True, slots=True)
class Reply:
    """The meaning of a reply: `rating` 1-5 only for the kind rating; `code` in capitals, if any.

    `code` only has the shape of a reply code: the caller, who knows the open codes, decides
    whether it is one. A rating with a code that is not open must not be counted. `ask` means that
    a rating may be meant; where none is expected, it is a comment.
    """

    kind: ReplyKind
    rating: int | None
    code: str | None
    text: str


def parse(text: str) -> Reply:
    """Parse one inbound text; never raises."""
    if len(text) > _MOST_READ:
        return Reply("comment", None, None, text)
    normal = _normal(text)
    words, code = _words(normal)
    phrase = " ".join(words)
    for kind, pattern in _REQUESTS:
        if pattern.fullmatch(phrase):
            return Reply(kind, None, code, text)
    rating = _rating(words)
    if rating is None and code is None:
        rating, code = _beside_plain_code(words, normal)
    if rating is not None:
        return Reply("rating", rating, code, text)
    return Reply("ask" if _is_unclear(words, normal) else "comment", None, code, text)


_REQUESTS: tuple[tuple[ReplyKind, re.Pattern[str]], ...] = (
    ("opt_out", _OPT_OUT),
    ("call_me", _CALL_ME),
    ("help", _HELP),
)


def _normal(text: str) -> str:
    """The text in lower case, with ASCII digits, `*` for stars and no invisible characters."""
    normal = unicodedata.normalize("NFKC", text.translate(_STARS)).casefold()
    kept = (
        str(unicodedata.decimal(c)) if c.isdecimal() else c
        for c in normal
        if unicodedata.category(c) != "Cf" and c not in "\ufe0f\u20e3"
    )
    return unicodedata.normalize("NFC", "".join(kept))


def _words(normal: str) -> tuple[list[str], str | None]:
    """The text as words of the grammar and placeholders, and its reply code, if there is one."""
    words: list[str] = []
    codes: list[str] = []
    for token in _TOKEN.findall(normal):
        words += _read(token, codes)
    words = _resolve(words)
    if len(codes) > 1:
        return [*words, _UNKNOWN], None
    if codes:
        words = [word for word in words if word not in _BEFORE_CODES]
    return words, codes[0] if codes else None


def _resolve(words: list[str]) -> list[str]:
    """Resolve words by their neighbour: `hai` is two unless `long` follows, `cam on` is thanks."""
    resolved: list[str] = []
    for word, following in zip(words, [*words, ""][1:], strict=True):
        if word == "=2" and following == "long":
            resolved.append("hai")
        elif word == "on" and resolved and resolved[-1] in {"cam", "lam"}:
            resolved.append("ơn")
        else:
            resolved.append(word)
    return resolved


def _read(token: str, codes: list[str]) -> list[str]:
    """The words of one token; a reply code in it is appended to `codes`."""
    if token in NUMBER_WORDS:
        return [f"={NUMBER_WORDS[token]}"]
    if not token[0].isdigit() and (word := known_word(token)):
        return [word]
    if token in {"/", "*"}:
        return [token]
    if _DECIMAL.fullmatch(token) or token.isdigit():
        return [_read_number(token)]
    return _read_mixed(token, codes)


def _read_mixed(token: str, codes: list[str]) -> list[str]:
    """The words of a token that mixes letters and digits: `5sao`, `hl5`, `hl57q2m`, `7q2m`."""
    bare = fold(token)
    if glued := _GLUED.fullmatch(bare):
        return [part for part in glued.groups() if part]
    if (glued := _GLUED_CODE.fullmatch(bare)) and (code := as_code(glued[2])):
        codes.append(code)
        return ["hl", glued[1]]
    if (code := as_code(token)) and not code.isalpha():
        codes.append(code)
        return []
    return [_UNKNOWN]


def _read_number(digits: str) -> str:
    if digits in {"1", "2", "3", "4", "5"}:
        return digits
    if len(digits) == 4:  # noqa: PLR2004, the length of a reply code
        return _FOUR_DIGITS
    return _LONG_NUMBER if digits.isdigit() and len(digits) >= _PHONE_LENGTH else _NUMBER


def as_code(token: str) -> str | None:
    """The token in capitals if it has the shape of a reply code, else None."""
    code = token.upper()
    return code if len(code) == 4 and set(code) <= set(CODE_ALPHABET) else None  # noqa: PLR2004


def _rating(words: list[str]) -> int | None:
    """The rating of a reply that contains nothing else; a digit and a level word must agree."""
    alone = _digit(words) or _level(words)
    if alone:
        return alone
    for at in range(1, len(words)):
        for some, others in ((words[:at], words[at:]), (words[at:], words[:at])):
            digit = _digit(some)
            if digit and digit == (LEVELS["hai long"] if others == ["hl"] else _level(others)):
                return digit
    return None


def _digit(words: list[str]) -> int | None:
    phrase = " ".join(words)
    match = _DIGIT.fullmatch(phrase) or _NUMBER_WORD.fullmatch(phrase)
    return int(next(group for group in match.groups() if group)) if match else None


def _level(words: list[str]) -> int | None:
    match = _LEVEL.fullmatch(" ".join(words))
    return LEVELS.get(match[1].replace("chua", "khong")) if match else None


def _beside_plain_code(words: list[str], normal: str) -> tuple[int | None, str | None]:
    """The rating and a code that looks like a number or a word; the code may stand alone."""
    if words.count(_FOUR_DIGITS) == 1:
        rest = [word for word in words if word != _FOUR_DIGITS and word not in _BEFORE_CODES]
        rating = _rating(rest)
        if rating or not rest:
            return rating, re.findall(r"(?<!\d)\d{4}(?!\d)", normal)[0]
    if match := _RATING_THEN_CODE.fullmatch(normal):
        keyword, digit, token = match.groups()
    elif match := _CODE_THEN_RATING.fullmatch(normal):
        keyword, _, token, digit = match.groups()
    else:
        return None, None
    code = as_code(token.upper().translate(_MISTYPED) if not token.isalpha() else token)
    is_word = token.isalpha() and (known_word(token) or _SYLLABLE.fullmatch(token))
    if code is None or _GLUED.fullmatch(token) or (is_word and not keyword):
        return None, None
    return int(digit), code


def _is_unclear(words: list[str], normal: str) -> bool:
    """Whether a reply without a rating may have been meant as one."""
    if all(word in BESIDE_RATINGS or not word.isalpha() for word in words) and not (
        {_UNKNOWN, _LONG_NUMBER} & set(words)
    ):
        return not words or any(word in RATING_WORDS or not word.isalpha() for word in words)
    if _OPENS_WITH_DIGIT.match(normal):
        return True
    return any(
        _SURE_OF_RATING & set(words[:end]) and (_digit(words[:end]) or _level(words[:end]))
        for end in range(2, len(words))
    )
