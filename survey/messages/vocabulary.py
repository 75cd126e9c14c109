"""Vocabulary of replies: known spellings of each word of the grammar, matched by diacritics.
A reply may omit diacritics of a spelling but not have others: `chậm` is not `chấm`.
"""

import re
import unicodedata
from collections import Counter

# Word of the grammar → its spellings; diacritics may be missing in a reply.
_SPELLINGS = {
    "khong": "không ko k kg kh khg kô hok hông hổng hem hk khôg khog kong khum khonh not",
    "chua": "chưa",
    "rat": "rất rấc very",
    "qua": "quá",
    "hai": "hài haj hai",
    "long": "lòng log lonng lng lòg logn lomg loong lonh nòng",
    "hl": "hl",
    "hailong": "hàilòng satisfied",
    "rathailong": "rấthàilòng rathl",
    "khonghailong": "khônghàilòng kohàilòng dissatisfied unsatisfied",
    "binh": "bình bjnh",
    "thuong": "thường thừơng thuờng thuog thườg thg",
    "binhthuong": "bìnhthường bthường bthg bth bt btg neutral",
    "tam": "tạm",
    "duoc": "được đc đk dc đuoc dươc",
    "tamduoc": "tạmđược",
    "tot": "tốt good",
    "rattot": "rấttốt",
    "te": "tệ",
    "quate": "quátệ",
    "kha": "khá", "kem": "kém", "on": "ổn", "ok": "ok oke okay", "trung": "trung",
    "tuyet": "tuyệt", "voi": "vời với", "xuat": "xuất", "sac": "sắc", "lam": "lắm làm",
    "cung": "cũng", "hoan": "hoàn", "toan": "toàn",
    "sao": "sao", "diem": "điểm", "muc": "mức", "do": "độ", "cho": "cho", "cham": "chấm",
    "so": "số", "chon": "chọn", "danh": "đánh", "gia": "giá", "bam": "bấm",
    "ma": "mã code", "kèm": "kèm",
    "da": "dạ", "vang": "vâng", "a": "ạ", "nhe": "nhé", "nha": "nha", "thoi": "thôi",
    "luon": "luôn",
    "cam": "cảm cám", "ơn": "ơn", "thanks": "thanks tks thank thankyou",
    "toi": "tôi tui", "em": "em", "minh": "mình",
    "stop": "stop stopall unsubscribe optout revoke cancel quit end",
    "tc": "tc", "tu": "từ", "choi": "chối", "ngung": "ngừng ngưng",
    "xin": "xin", "vui": "vui", "please": "please pls", "muon": "muốn", "can": "cần", "nho": "nhờ",
    "nhan": "nhắn nhận nhấn", "tin": "tin sms", "gui": "gửi gởi", "khao": "khảo", "sat": "sát",
    "nua": "nữa", "di": "đi", "ngay": "ngay", "lai": "lại", "het": "hết", "all": "all",
    "hoac": "hoặc hay or", "va": "và and", "nhung": "nhưng but", "phai": "phải",
    "dien": "điện", "thoai": "thoại", "gap": "gấp", "giup": "giúp", "sau": "sau", "me": "me",
    "call": "call callback", "tg": "tg", "tro": "trợ", "help": "help",
}  # fmt: skip

# Words that match only exactly as written here.
_EXACT = {
    "dung": ("dung", "dừng", "đừng", "dưng"),
    "huy": ("huy", "hủy", "huỷ", "hũy"),
    "goi": ("goi", "gọi"),
}

NUMBER_WORDS = {
    "một": 1, "mot": 1, "hai": 2, "ba": 3, "bốn": 4, "bon": 4, "bôn": 4, "năm": 5, "nam": 5,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
}  # fmt: skip

# Phrases for the five levels; `chua` has been replaced with `khong` before the look-up.
LEVELS = {
    "rat hai long": 5, "rat rat hai long": 5, "rat hl": 5, "rathailong": 5, "rat hailong": 5,
    "rat tot": 5, "rattot": 5,
    "hai long": 4, "hailong": 4, "tot": 4,
    "binh thuong": 3, "binhthuong": 3, "tam duoc": 3, "tamduoc": 3,
    "khong hai long": 2, "khong hl": 2, "khonghailong": 2, "khong hailong": 2, "khong tot": 2,
    "rat khong hai long": 1, "rat khong hl": 1, "rat khonghailong": 1, "rat khong hailong": 1,
    "te": 1, "qua te": 1, "quate": 1, "rat te": 1, "te qua": 1,
}  # fmt: skip

# Words about a rating that do not give one by themselves, and words that may accompany them.
RATING_WORDS = frozenset(
    {"khong", "chua", "rat", "qua", "hai", "long", "hl", "hailong", "rathailong", "khonghailong"}
    | {"binh", "thuong", "binhthuong", "tam", "duoc", "tamduoc", "tot", "rattot", "te", "quate"}
    | {"kha", "kem", "on", "ok", "tuyet", "xuat", "trung", "sao", "diem", "muc", "cham"}
)
BESIDE_RATINGS = RATING_WORDS | {
    *("voi", "sac", "lam", "cung", "hoan", "toan", "do", "cho", "so", "chon", "danh", "gia", "bam"),
    *("da", "vang", "a", "nhe", "nha", "thoi", "luon", "cam", "ơn", "thanks", "toi", "em", "minh"),
    *("hoac", "va", "nhung", "phai", "/", "*"),
}

_MARKS = re.compile("[\u0300-\u036f]")
_STROKE = "\u0335"


def fold(word: str) -> str:
    """A word without diacritics, đ as d."""
    return _MARKS.sub("", unicodedata.normalize("NFD", word)).replace("đ", "d")


def _marks(word: str) -> Counter[str]:
    """The diacritics of a word, the stroke of đ included."""
    return Counter(_MARKS.findall(unicodedata.normalize("NFD", word.replace("đ", "d" + _STROKE))))


_INDEX: dict[str, list[tuple[Counter[str], str]]] = {}
for _word, _line in _SPELLINGS.items():
    for _spelling in _line.split():
        _INDEX.setdefault(fold(_spelling), []).append((_marks(_spelling), _word))
_EXACT_INDEX = {spelling: word for word, spellings in _EXACT.items() for spelling in spellings}


def known_word(raw: str) -> str | None:
    """The word of the grammar for a lower-case NFC spelling; None if it is not known."""
    if raw in _EXACT_INDEX:
        return _EXACT_INDEX[raw]
    marks = _marks(raw)
    for spelling in (fold(raw), re.sub(r"(.)\1+", r"\1", fold(raw))):
        for allowed, word in _INDEX.get(spelling, ()):
            if marks <= allowed:
                return word
    return None
