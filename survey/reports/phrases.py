"""Formats of figures, dates and names for pages, reports and commands.

Vietnamese offices write 1.234,5 and 86,4% without a space; English pages 1,234.5 and 86.4%.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from survey.catalogues import _, gettext
from survey.formats import NONE, number
from survey.indices import Figure, Status
from survey.period import HalfYear, Month, Period, Quarter, Year
from survey.province.workdays import LOCAL

STATUS_WORDS = {
    Status.MET: _("Đạt"),
    Status.UNCERTAIN: _("Chưa rõ"),
    Status.NOT_MET: _("Chưa đạt"),
    Status.FEW: _("Ít mẫu"),
    Status.SUPPRESSED: NONE,
    Status.PROVISIONAL: _("Tạm tính"),
    Status.NO_TARGET: _("Chưa giao"),
}
STATUS_SIGNS = {
    Status.MET: "●",
    Status.UNCERTAIN: "◐",
    Status.NOT_MET: "▼",
    Status.FEW: "○",
    Status.SUPPRESSED: "",
    Status.PROVISIONAL: "◌",
    Status.NO_TARGET: "",
}
# Text fonts draw these small or not at all; every format uses a font of its own for them.
SIGNS = re.compile("([●◐▼▲○◌])")
REASONS = {
    "no_phone": _("Hồ sơ không có số điện thoại"),
    "bad_phone": _("Số điện thoại không hợp lệ"),
    "landline": _("Số máy cố định, không nhận được tin nhắn"),
    "foreign": _("Số điện thoại nước ngoài"),
    "opted_out": _("Người dân đã đề nghị không nhận tin"),
    "intermediary": _("Số của người nộp hộ nhiều hồ sơ"),
    "asked_recently": _("Đã được hỏi trong thời gian gần đây"),
    "staff_phone": _("Số của cán bộ, công chức"),
    "too_old": _("Hồ sơ hoàn thành đã quá lâu"),
    "sampled_out": _("Không được chọn vào mẫu"),
    "provider_refused": _("Nhà mạng từ chối chuyển tin"),
    "expired_unsent": _("Hết hạn trước khi gửi được"),
}
ROMAN = ("I", "II", "III", "IV")
# Quadrants of factors, and directions of the year: associations and trends, never causes.
QUADRANTS = {
    "act_first": _("▼ Ưu tiên cải thiện"),
    "keep_up": _("● Giữ vững"),
    "watch": _("◐ Theo dõi"),
    "leave": _("○ Đang tốt, ít liên quan"),
}
OUTLOOKS = {
    "likely": _("● Nhiều khả năng đạt"),
    "unlikely": _("▼ Khó đạt nếu không thay đổi"),
    "open": _("◐ Chưa đủ căn cứ"),
    "too_short": _("○ Chuỗi số liệu còn ngắn"),
}
OUT_OF_REACH = _("▼ Ngoài tầm với")
FIELDS = {
    "agency_id": _("Cơ quan giải quyết"),
    "agency": _("Cơ quan giải quyết"),
    "procedure_code": _("Thủ tục hành chính"),
    "procedure": _("Thủ tục hành chính"),
    "channel": _("Hình thức nộp hồ sơ"),
    "outcome": _("Kết quả giải quyết"),
    "received_at": _("Ngày tiếp nhận"),
    "due_at": _("Ngày hẹn trả"),
    "finished_at": _("Ngày trả kết quả"),
    "phone": _("Số điện thoại"),
    "name": _("Tên người nộp"),
    "first_due_at": _("Ngày hẹn trả ban đầu"),
    "applicant_kind": _("Loại đối tượng"),
    "return_channel": _("Hình thức trả kết quả"),
    "receiving_agency_id": _("Cơ quan tiếp nhận"),
    "officer_id": _("Cán bộ xử lý"),
}
SCOPES = {
    "overall": _("mọi lĩnh vực"),
    "land_construction_investment": _("đất đai, xây dựng, đầu tư"),
    "agency_service": _("sự phục vụ của cơ quan"),
}
RULES = {
    "late_agency_not_good": _("Tỷ lệ hồ sơ trễ hạn"),
    "index_not_good": _("Chỉ số hài lòng"),
}
OPERATORS = {
    ">=": _("từ {} trở lên"),
    "<=": _("từ {} trở xuống"),
    ">": _("trên {}"),
    "<": _("dưới {}"),
}
SOURCES = {
    "000_a7e1244e7277bacd.txt": _(
        "Kết luận năm 2022 của Ban Thường vụ Tỉnh ủy Khánh Hòa về tiếp tục"
        " đẩy mạnh cải cách hành chính, mục II.8"
    ),
    "001_7d92f7f09ee121a6.txt": _("Kết quả cải cách hành chính năm 2019 của tỉnh Khánh Hòa"),
    "002_3a4fe482ccaae82a.txt": _(
        "Nghị quyết số 10-NQ/TU ngày 29/12/2021 của Ban Chấp hành Đảng bộ"
        " tỉnh Sóc Trăng khóa XIV, mục II.2.2"
    ),
    "003_15ca9d007ed5324e.txt": _(
        "Chỉ thị năm 2017 của UBND tỉnh Khánh Hòa triển khai Chương trình hành động số 12-CTr/TU"
    ),
}


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percentage without the sign: 0.864 → "86,4"; None → a dash."""
    return NONE if value is None else number(100 * value, digits)


def percentage(value: float | None, digits: int = 1) -> str:
    """A fraction as percentage with the sign: 0.864 → "86,4%"; None → a dash."""
    return NONE if value is None else f"{percent(value, digits)}%"


def level(value: float | None) -> str:
    """A target or limit without needless digits: 0.85 → "85", 0.925 → "92,5"."""
    return NONE if value is None else percent(value, 2).rstrip("0").rstrip(",.")


def interval(figure: Figure) -> str:
    """The index with its interval: "86,4 (85,2–87,6)"."""
    if figure.is_suppressed or figure.index is None:
        return NONE
    return f"{percent(figure.index)} ({percent(figure.low)}–{percent(figure.high)})"


def interval_name(confidence: float, *, is_draft: bool) -> str:
    """What the brackets hold: "khoảng tin cậy 95%"; for an open month "… tạm tính 95%"."""
    kind = gettext("khoảng tin cậy tạm tính") if is_draft else gettext("khoảng tin cậy")
    return f"{kind} {level(confidence)}%"


def reading(figure: Figure) -> str:
    """A figure in full: "86,4 (85,2–87,6) · n = 1.240 · mục tiêu 85"."""
    parts = [interval(figure), f"n = {count(figure)}"]
    if figure.target is not None:
        parts.append(gettext("mục tiêu %(target)s", target=level(figure.target)))
    return " · ".join(parts)


def count(figure: Figure) -> str:
    """Number of ratings, or a dash if it is suppressed."""
    return NONE if figure.is_suppressed else number(figure.rated)


def status(figure: Figure) -> str:
    """Symbol and label: "● Đạt"."""
    return f"{STATUS_SIGNS[figure.status]} {gettext(STATUS_WORDS[figure.status])}".strip()


def change(now: float | None, then: float | None) -> str:
    """Difference in percentage points with its sign: "+1,2", "−0,4", "0,0"."""
    if now is None or then is None:
        return NONE
    return points((round(100 * now, 1) - round(100 * then, 1)) / 100)


def points(difference: float) -> str:
    """A difference of shares in percentage points with its sign: −0.008 → "−0,8"."""
    text = number(abs(100 * difference), 1)
    if not text.strip("0,."):
        return text
    return ("+" if difference > 0 else "−") + text


def period_name(period: Period) -> str:
    """2026-Q3 → "quý III/2026"; a month as in `month_name`."""
    match period:
        case Month():
            return month_name(period)
        case Quarter():
            return gettext(
                "quý %(number)s/%(year)s", number=ROMAN[period.number - 1], year=period.year
            )
        case HalfYear():
            if period.number == 1:
                return gettext("6 tháng đầu năm %(year)s", year=period.year)
            return gettext("6 tháng cuối năm %(year)s", year=period.year)
        case Year():
            return gettext("năm %(period)s", period=period)
        case _:
            first, last = period.first, period.last
            year = "" if first.year == last.year else f"/{first.year}"
            return gettext(
                "từ tháng %(first)s đến tháng %(last)s",
                first=f"{first.number}{year}",
                last=f"{last.number}/{last.year}",
            )


def month_name(month: Month) -> str:
    """2026-10 → "tháng 10/2026"."""
    return gettext("tháng %(number)s/%(year)s", number=f"{month.number:02d}", year=month.year)


def long_month_name(month: Month) -> str:
    """2026-10 → "tháng 10 năm 2026"."""
    return gettext("tháng %(number)s năm %(year)s", number=f"{month.number:02d}", year=month.year)


def day(at: datetime) -> str:
    """The local day of a timestamp: "15/11/2026"."""
    return f"{at.astimezone(LOCAL):%d/%m/%Y}"


def moment(at: datetime) -> str:
    """The local time of a timestamp: "09:00 ngày 15/11/2026"."""
    return gettext("%(time)s ngày %(day)s", time=f"{at.astimezone(LOCAL):%H:%M}", day=day(at))


def hours(value: float | None) -> str:
    """Working hours: "6,5 giờ"."""
    return NONE if value is None else gettext("%(count)s giờ", count=number(value, 1))


def listed(names: Sequence[str]) -> str:
    """One name, "a và b" or "a, b và c"; with semicolons if a name has a comma."""
    if len(names) < 2:  # noqa: PLR2004 - one name or none
        return "".join(names)
    comma = "; " if any("," in name for name in names) else ", "
    return comma.join(names[:-1]) + comma.rstrip(", ") + " " + gettext("và") + " " + names[-1]


def shortened(text: str, longest: int) -> str:
    """The text, cut at a word boundary if it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    return text[: longest - 1].rpartition(" ")[0].rstrip(" ,;") + "…"


def source(text: str) -> str:
    """The title of the document that a rule or target comes from ("province: file" or "file")."""
    return gettext(SOURCES.get(text.rpartition(": ")[2], text))
