"""Vietnamese labels of the monitoring rules and sector groups, for pages and commands."""

from survey.catalogues import _
from survey.models.control_chart import ControlRule

GROUPS = {
    "land_construction_investment": _("Đất đai, xây dựng, đầu tư"),
    "health_education": _("Y tế, giáo dục"),
    "general": _("Các lĩnh vực khác"),
}
RULES: dict[str, str] = {
    ControlRule.QUALITY_DROP: _("Mức hài lòng giảm"),
    ControlRule.DELIVERY_DIP: _("Tin nhắn không đến nơi"),
    ControlRule.RESPONSE_DIP: _("Người dân trả lời ít hẳn"),
}
# Labels of `Signal.seen` and of `Signal.out_of`.
COUNTED: dict[str, tuple[str, str]] = {
    ControlRule.QUALITY_DROP: (_("phiếu chưa hài lòng"), _("phiếu")),
    ControlRule.DELIVERY_DIP: (_("tin không đến nơi"), _("tin đã gửi")),
    ControlRule.RESPONSE_DIP: (_("tin không được trả lời"), _("tin đến nơi")),
}
WHOLE_PROVINCE = _("Toàn tỉnh")
