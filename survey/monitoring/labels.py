"""How rules and sector groups of the watch are called in Vietnamese, on pages and in commands."""

from survey.models.alert import AlertRule

GROUPS = {
    "land_construction_investment": "Đất đai, xây dựng, đầu tư",
    "health_education": "Y tế, giáo dục",
    "general": "Các lĩnh vực khác",
}
RULES: dict[str, str] = {
    AlertRule.QUALITY_DROP: "Mức hài lòng giảm",
    AlertRule.DELIVERY_DIP: "Tin nhắn không đến nơi",
    AlertRule.RESPONSE_DIP: "Người dân trả lời ít hẳn",
}
# What is counted as seen, of what.
COUNTED: dict[str, tuple[str, str]] = {
    AlertRule.QUALITY_DROP: ("phiếu chưa hài lòng", "phiếu"),
    AlertRule.DELIVERY_DIP: ("tin không đến nơi", "tin đã gửi"),
    AlertRule.RESPONSE_DIP: ("tin không được trả lời", "tin đến nơi"),
}
WHOLE_PROVINCE = "Toàn tỉnh"
