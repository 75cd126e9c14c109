"""Labels of the reasons why messages were not sent, on pages and in commands."""

from survey.catalogues import _, gettext

NOT_SENT: dict[str, str] = {
    "bad_number": _("Số không dùng được, nhà mạng từ chối"),
    "bad_text": _("Nội dung bị nhà mạng từ chối"),
    "budget": _("Chờ vì đã hết hạn mức"),
    "breaker": _("Chờ vì nhà mạng không phản hồi"),
    "erased": _("Dữ liệu đã xóa theo yêu cầu của người dân"),
    "expired": _("Quá hạn trước khi gửi được"),
    "fault": _("Chờ vì nhà mạng từ chối tài khoản của hệ thống"),
    "not_needed": _("Không cần nữa: người dân đã trả lời hoặc báo không phải hồ sơ của mình"),
    "opted_out": _("Người dân từ chối nhận tin"),
    "unclear": _("Chưa rõ đã gửi hay chưa"),
    "waiting": _("Đang chờ đến lượt"),
    "withdrawn": _("Người dân không muốn được gọi lại nữa"),
    "window": _("Chờ đến giờ gửi"),
}


def not_sent_words(reason: str) -> str:
    """The label of a reason; an unknown one is returned as the provider's library names it."""
    return gettext(NOT_SENT.get(reason, reason))
