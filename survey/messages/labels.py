"""Names of the states of messages, on all pages and in commands."""

from survey.catalogues import _
from survey.models.message import MessageState

# Name and meaning, in the order of a message's life.
STATES: dict[str, tuple[str, str]] = {
    MessageState.READY: (_("Chờ gửi"), _("trong hàng đợi, chưa giao nhà mạng")),
    MessageState.SENDING: (_("Đang gửi"), _("đang giao cho nhà mạng")),
    MessageState.UNKNOWN: (_("Chưa rõ"), _("mất liên lạc giữa chừng, chưa biết đã đi hay chưa")),
    MessageState.SENT: (_("Đã gửi"), _("nhà mạng đã nhận, chưa báo kết quả")),
    MessageState.DELIVERED: (_("Đến máy"), _("nhà mạng báo tin đã đến máy")),
    MessageState.UNDELIVERED: (_("Không đến máy"), _("nhà mạng báo không chuyển được")),
    MessageState.DELIVERY_UNKNOWN: (
        _("Không có báo cáo"),
        _("đã gửi, quá 72 giờ không có kết quả"),
    ),
    MessageState.EXPIRED: (_("Hết hạn"), _("quá hạn trước khi gửi được")),
    MessageState.FAILED: (_("Bị từ chối"), _("nhà mạng không nhận, ví dụ số sai")),
    MessageState.CANCELLED: (_("Không gửi nữa"), _("người dân đã trả lời hoặc từ chối nhận tin")),
}
