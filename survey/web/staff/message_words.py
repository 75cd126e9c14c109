"""How states, kinds and reasons of messages are called on staff pages, and how times are told."""

from dataclasses import dataclass
from datetime import timedelta

from survey.models.message import MessageKind, MessageState


@dataclass(frozen=True, slots=True)
class Parcel:
    """One way a reply may be texted: its size in words, and the text, or why it cannot leave."""

    label: str
    size: str
    text: str
    fault: str = ""


KINDS: dict[str, str] = {
    MessageKind.INVITATION: "Lời mời",
    MessageKind.REMINDER: "Nhắc lại",
    MessageKind.DIALOGUE: "Trả lời tin đến",
    MessageKind.CASE_REPLY: "Trả lời phản ánh",
    MessageKind.TEST: "Tin thử",
}
# Name and meaning, in the order of a message's life.
STATES: dict[str, tuple[str, str]] = {
    MessageState.READY: ("Chờ gửi", "trong hàng đợi, chưa giao nhà mạng"),
    MessageState.SENDING: ("Đang gửi", "đang giao cho nhà mạng"),
    MessageState.UNKNOWN: ("Chưa rõ", "mất liên lạc giữa chừng, chưa biết đã đi hay chưa"),
    MessageState.SENT: ("Đã gửi", "nhà mạng đã nhận, chưa báo kết quả"),
    MessageState.DELIVERED: ("Đến máy", "nhà mạng báo tin đã đến máy"),
    MessageState.UNDELIVERED: ("Không đến máy", "nhà mạng báo không chuyển được"),
    MessageState.DELIVERY_UNKNOWN: ("Không có báo cáo", "đã gửi, quá 72 giờ không có kết quả"),
    MessageState.EXPIRED: ("Hết hạn", "quá hạn trước khi gửi được"),
    MessageState.FAILED: ("Bị từ chối", "nhà mạng không nhận, ví dụ số sai"),
    MessageState.CANCELLED: ("Không gửi nữa", "người dân đã trả lời hoặc từ chối nhận tin"),
}
REASONS: dict[str, str] = {
    "bad_number": "số không dùng được",
    "bad_text": "nội dung bị từ chối",
    "config_fault": "cấu hình nhà mạng sai",
    "erased": "dữ liệu đã xóa theo yêu cầu",
    "expired": "quá hạn",
    "no_mobile": "không phải số di động Việt Nam",
    "not_needed": "không cần nữa",
    "opted_out": "người dân từ chối nhận tin",
    "released": "được gửi lại",
    "unreachable": "máy không liên lạc được",
    "withdrawn": "người dân không muốn được gọi lại nữa",
    "worker_lost": "tiến trình gửi bị ngắt",
    # Names of faults as the libraries give them.
    "ChunkedEncodingError": "phản hồi bị cắt giữa chừng",
    "ConnectionError": "mất kết nối",
    "JSONDecodeError": "phản hồi không đọc được",
    "ReadTimeout": "quá lâu không có phản hồi",
    "RemoteDisconnected": "mất kết nối",
    "TimeoutError": "quá lâu không có phản hồi",
    "TwilioRestException": "nhà cung cấp báo lỗi",
}
HOLDS: dict[str, str] = {
    "window": "Ngoài giờ gửi tin",
    "breaker": "Nhà mạng không phản hồi, tạm dừng gửi",
    "fault": "Nhà mạng từ chối tài khoản của hệ thống, tạm dừng gửi",
    "budget": "Đã dùng hết hạn mức tin",
}
BUDGETS: dict[str, str] = {"day": "Hôm nay", "month": "Tháng này"}


def reason_words(reason: str) -> str:
    """A reason as people say it; an unusual one as the provider's library names it."""
    return REASONS.get(reason, reason)


def length_words(length: timedelta) -> str:
    """A length of time as people say it: 40 giây, 12 phút, 3 giờ 20 phút, 2 ngày."""
    seconds = max(int(length.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if not minutes:
        return f"{seconds} giây"
    if not hours:
        return f"{minutes} phút"
    if not days:
        rest = minutes % 60
        return f"{hours} giờ {rest} phút" if rest else f"{hours} giờ"
    return f"{days} ngày"
