"""How figures, dates and names are written: the one place for pages, reports and commands.

Vietnamese offices write 1.234,5 and 86,4% without a blank; English pages 1,234.5 and 86.4%.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from survey.formats import NONE, number
from survey.indices import Figure, Status
from survey.period import HalfYear, Month, Period, Quarter, Year
from survey.province.workdays import LOCAL

STATUS_WORDS = {
    Status.MET: "Đạt",
    Status.UNCERTAIN: "Chưa rõ",
    Status.NOT_MET: "Chưa đạt",
    Status.FEW: "Ít mẫu",
    Status.HIDDEN: NONE,
    Status.PROVISIONAL: "Tạm tính",
    Status.NO_TARGET: "Chưa giao",
}
STATUS_SIGNS = {
    Status.MET: "●",
    Status.UNCERTAIN: "◐",
    Status.NOT_MET: "▼",
    Status.FEW: "○",
    Status.HIDDEN: "",
    Status.PROVISIONAL: "◌",
    Status.NO_TARGET: "",
}
# Text fonts draw these small or not at all; every format sets them in a font of its own.
SIGNS = re.compile("([●◐▼▲○◌])")
REASONS = {
    "no_phone": "Hồ sơ không có số điện thoại",
    "bad_phone": "Số điện thoại không hợp lệ",
    "landline": "Số máy cố định, không nhận được tin nhắn",
    "foreign": "Số điện thoại nước ngoài",
    "opted_out": "Người dân đã đề nghị không nhận tin",
    "intermediary": "Số của người nộp hộ nhiều hồ sơ",
    "asked_recently": "Đã được hỏi trong thời gian gần đây",
    "staff_phone": "Số của cán bộ, công chức",
    "too_old": "Hồ sơ hoàn thành đã quá lâu",
    "sampled_out": "Không được chọn vào mẫu",
    "provider_refused": "Nhà mạng từ chối chuyển tin",
    "expired_unsent": "Hết hạn trước khi gửi được",
}
ROMAN = ("I", "II", "III", "IV")
FACTORS = {
    "access": "Tiếp cận dịch vụ",
    "procedure": "Thủ tục hành chính",
    "officials": "Cán bộ, công chức phục vụ",
    "result": "Kết quả giải quyết",
    "feedback": "Tiếp nhận, xử lý phản ánh, kiến nghị",
}
# Where a factor stands, and where the year leads: associations and trends, never causes.
QUADRANTS = {
    "act_first": "▼ Ưu tiên cải thiện",
    "keep_up": "● Giữ vững",
    "watch": "◐ Theo dõi",
    "leave": "○ Đang tốt, ít liên quan",
}
OUTLOOKS = {
    "likely": "● Nhiều khả năng đạt",
    "unlikely": "▼ Khó đạt nếu không thay đổi",
    "open": "◐ Chưa đủ căn cứ",
    "too_short": "○ Chuỗi số liệu còn ngắn",
}
OUT_OF_REACH = "▼ Ngoài tầm với"
FIELDS = {
    "agency_id": "Cơ quan giải quyết",
    "agency": "Cơ quan giải quyết",
    "procedure_code": "Thủ tục hành chính",
    "procedure": "Thủ tục hành chính",
    "channel": "Hình thức nộp hồ sơ",
    "outcome": "Kết quả giải quyết",
    "received_at": "Ngày tiếp nhận",
    "due_at": "Ngày hẹn trả",
    "finished_at": "Ngày trả kết quả",
    "phone": "Số điện thoại",
    "name": "Tên người nộp",
    "first_due_at": "Ngày hẹn trả ban đầu",
    "applicant_kind": "Loại đối tượng",
    "return_channel": "Hình thức trả kết quả",
    "receiving_agency_id": "Cơ quan tiếp nhận",
    "officer_id": "Cán bộ xử lý",
}
SCOPES = {
    "overall": "mọi lĩnh vực",
    "land_construction_investment": "đất đai, xây dựng, đầu tư",
    "agency_service": "sự phục vụ của cơ quan",
}
RULES = {
    "late_agency_not_good": "Tỷ lệ hồ sơ trễ hạn",
    "index_not_good": "Chỉ số hài lòng",
}
OPERATORS = {">=": "từ {} trở lên", "<=": "từ {} trở xuống", ">": "trên {}", "<": "dưới {}"}
SOURCES = {
    "000_a7e1244e7277bacd.txt": "Kết luận năm 2022 của Ban Thường vụ Tỉnh ủy Khánh Hòa về tiếp tục"
    " đẩy mạnh cải cách hành chính, mục II.8",
    "001_7d92f7f09ee121a6.txt": "Kết quả cải cách hành chính năm 2019 của tỉnh Khánh Hòa",
    "002_3a4fe482ccaae82a.txt": "Nghị quyết số 10-NQ/TU ngày 29/12/2021 của Ban Chấp hành Đảng bộ"
    " tỉnh Sóc Trăng khóa XIV, mục II.2.2",
    "003_15ca9d007ed5324e.txt": "Chỉ thị năm 2017 của UBND tỉnh Khánh Hòa triển khai Chương trình"
    " hành động số 12-CTr/TU",
}


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percent without the sign: 0.864 → "86,4"; None → a dash."""
    return NONE if value is None else number(100 * value, digits)


def percentage(value: float | None, digits: int = 1) -> str:
    """A fraction with its sign: 0.864 → "86,4%"; None → a dash."""
    return NONE if value is None else f"{percent(value, digits)}%"


def level(value: float | None) -> str:
    """A target or limit, as short as it can be: 0.85 → "85", 0.925 → "92,5"."""
    if value is None:
        return NONE
    text = percent(value, 2).rstrip("0").rstrip(",")
    return text if "," in percent(value, 2) else percent(value, 0)


def interval(figure: Figure) -> str:
    """The index with its interval: "86,4 (85,2–87,6)"."""
    if figure.is_hidden or figure.index is None:
        return NONE
    return f"{percent(figure.index)} ({percent(figure.low)}–{percent(figure.high)})"


def interval_name(confidence: float, *, is_draft: bool) -> str:
    """What stands in brackets: "khoảng tin cậy 95%"; of an open month "… tạm tính 95%"."""
    kind = "khoảng tin cậy tạm tính" if is_draft else "khoảng tin cậy"
    return f"{kind} {level(confidence)}%"


def reading(figure: Figure) -> str:
    """A figure as it is read aloud: "86,4 (85,2–87,6) · n = 1.240 · mục tiêu 85"."""
    parts = [interval(figure), f"n = {count(figure)}"]
    if figure.target is not None:
        parts.append(f"mục tiêu {level(figure.target)}")
    return " · ".join(parts)


def count(figure: Figure) -> str:
    """Number of ratings, or a dash where they must not be told."""
    return NONE if figure.is_hidden else number(figure.rated)


def status(figure: Figure) -> str:
    """Sign and word: "● Đạt"."""
    return f"{STATUS_SIGNS[figure.status]} {STATUS_WORDS[figure.status]}".strip()


def change(now: float | None, then: float | None) -> str:
    """Difference in percentage points with its sign: "+1,2", "−0,4", "0,0"."""
    if now is None or then is None:
        return NONE
    return points((round(100 * now, 1) - round(100 * then, 1)) / 100)


def points(difference: float) -> str:
    """A difference of shares in percentage points with its sign: −0.008 → "−0,8"."""
    text = number(abs(100 * difference), 1)
    if text == "0,0":
        return text
    return ("+" if difference > 0 else "−") + text


def period_name(period: Period) -> str:
    """2026-Q3 → "quý III/2026"; a month as `month_name` has it."""
    match period:
        case Month():
            return month_name(period)
        case Quarter():
            return f"quý {ROMAN[period.number - 1]}/{period.year}"
        case HalfYear():
            return f"6 tháng {'đầu' if period.number == 1 else 'cuối'} năm {period.year}"
        case Year():
            return f"năm {period}"
        case _:
            first, last = period.first, period.last
            year = "" if first.year == last.year else f"/{first.year}"
            return f"từ tháng {first.number}{year} đến tháng {last.number}/{last.year}"


def month_name(month: Month) -> str:
    """2026-10 → "tháng 10/2026"."""
    return f"tháng {month.number:02d}/{month.year}"


def long_month_name(month: Month) -> str:
    """2026-10 → "tháng 10 năm 2026"."""
    return f"tháng {month.number:02d} năm {month.year}"


def day(at: datetime) -> str:
    """The local day of an instant: "15/11/2026"."""
    return f"{at.astimezone(LOCAL):%d/%m/%Y}"


def moment(at: datetime) -> str:
    """The local time of an instant: "09:00 ngày 15/11/2026"."""
    return f"{at.astimezone(LOCAL):%H:%M ngày %d/%m/%Y}"


def hours(value: float | None) -> str:
    """Working hours: "6,5 giờ"."""
    return NONE if value is None else f"{number(value, 1)} giờ"


def listed(names: Sequence[str]) -> str:
    """One name, "a và b" or "a, b và c"; semicolons where a name holds a comma."""
    if len(names) < 2:  # noqa: PLR2004 - one name or none
        return "".join(names)
    comma = "; " if any("," in name for name in names) else ", "
    return comma.join(names[:-1]) + (" và " if comma == ", " else "; và ") + names[-1]


def shortened(text: str, longest: int) -> str:
    """The text, cut at a word where it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    return text[: longest - 1].rpartition(" ")[0].rstrip(" ,;") + "…"


def source(text: str) -> str:
    """The title of the document a rule or target comes from ("province: file" or "file")."""
    return SOURCES.get(text.rpartition(": ")[2], text)
