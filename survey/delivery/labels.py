"""Why messages of a month did not leave, in Vietnamese, on pages and in commands."""

NOT_SENT: dict[str, str] = {
    "bad_number": "Số không dùng được, nhà mạng từ chối",
    "bad_text": "Nội dung bị nhà mạng từ chối",
    "budget": "Chờ vì đã hết hạn mức",
    "breaker": "Chờ vì nhà mạng không phản hồi",
    "erased": "Dữ liệu đã xóa theo yêu cầu của người dân",
    "expired": "Quá hạn trước khi gửi được",
    "fault": "Chờ vì nhà mạng từ chối tài khoản của hệ thống",
    "not_needed": "Không cần nữa: người dân đã trả lời hoặc báo không phải hồ sơ của mình",
    "opted_out": "Người dân từ chối nhận tin",
    "unclear": "Chưa rõ đã gửi hay chưa",
    "waiting": "Đang chờ đến lượt",
    "withdrawn": "Người dân không muốn được gọi lại nữa",
    "window": "Chờ đến giờ gửi",
}


def not_sent_words(reason: str) -> str:
    """Why messages did not leave; an unusual reason as the provider's library names it."""
    return NOT_SENT.get(reason, reason)
