"""How rules and sector groups of the watch are called in Vietnamese, on pages and in commands."""

from survey.models.watch import WatchRule

GROUPS = {
    "land_construction_investment": "Đất đai, xây dựng, đầu tư",
    "health_education": "Y tế, giáo dục",
    "general": "Các lĩnh vực khác",
}
RULES: dict[str, str] = {
    WatchRule.QUALITY_DROP: "Mức hài lòng giảm",
    WatchRule.DELIVERY_DIP: "Tin nhắn không đến nơi",
    WatchRule.RESPONSE_DIP: "Người dân trả lời ít hẳn",
}
# What is counted as seen, of what.
COUNTED: dict[str, tuple[str, str]] = {
    WatchRule.QUALITY_DROP: ("phiếu chưa hài lòng", "phiếu"),
    WatchRule.DELIVERY_DIP: ("tin không đến nơi", "tin đã gửi"),
    WatchRule.RESPONSE_DIP: ("tin không được trả lời", "tin đến nơi"),
}
WHOLE_PROVINCE = "Toàn tỉnh"
