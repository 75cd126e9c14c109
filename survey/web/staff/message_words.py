"""Labels of states, kinds and reasons of messages on staff pages, and durations in words."""

from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from survey.models.message import MessageKind


@dataclass(frozen=True, slots=True)
class SmsPreview:
    """Preview of an SMS: its size in words, and its text, or why it cannot be sent."""

    label: str
    size: str
    text: str
    fault: str = ""


KINDS: dict[str, str] = {
    MessageKind.INVITATION: _("Lời mời"),
    MessageKind.REMINDER: _("Nhắc lại"),
    MessageKind.DIALOGUE: _("Trả lời tin đến"),
    MessageKind.CASE_REPLY: _("Trả lời phản ánh"),
    MessageKind.TEST: _("Tin thử"),
}
REASONS: dict[str, str] = {
    "bad_number": _("số không dùng được"),
    "bad_text": _("nội dung bị từ chối"),
    "config_fault": _("cấu hình nhà mạng sai"),
    "erased": _("dữ liệu đã xóa theo yêu cầu"),
    "expired": _("quá hạn"),
    "no_mobile": _("không phải số di động Việt Nam"),
    "not_needed": _("không cần nữa"),
    "opted_out": _("người dân từ chối nhận tin"),
    "released": _("được gửi lại"),
    "unreachable": _("máy không liên lạc được"),
    "withdrawn": _("người dân không muốn được gọi lại nữa"),
    "worker_lost": _("tiến trình gửi bị ngắt"),
    # Exception names of the HTTP libraries.
    "ChunkedEncodingError": _("phản hồi bị cắt giữa chừng"),
    "ConnectionError": _("mất kết nối"),
    "JSONDecodeError": _("phản hồi không đọc được"),
    "ReadTimeout": _("quá lâu không có phản hồi"),
    "RemoteDisconnected": _("mất kết nối"),
    "TimeoutError": _("quá lâu không có phản hồi"),
    "TwilioRestException": _("nhà cung cấp báo lỗi"),
}
BUDGETS: dict[str, str] = {"day": _("Hôm nay"), "month": _("Tháng này")}


def reason_words(reason: str) -> str:
    """The label of a reason; an unknown one as the provider's library names it."""
    return REASONS.get(reason, reason)


def length_words(length: timedelta) -> str:
    """A duration in words: 40 giây, 12 phút, 3 giờ 20 phút, 2 ngày."""
    seconds = max(int(length.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if not minutes:
        return gettext("%(count)s giây", count=seconds)
    if not hours:
        return gettext("%(count)s phút", count=minutes)
    if days:
        return gettext("%(count)s ngày", count=days)
    rest = minutes % 60
    if not rest:
        return gettext("%(count)s giờ", count=hours)
    return gettext("%(hours)s giờ %(minutes)s phút", hours=hours, minutes=rest)
