"""Open alerts on sending, with sentences for the operator."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.catalogues import _, gettext
from survey.messages.outbox.operator_alerts import RULES
from survey.models.operator_alert import Alert, AlertRule

PERIODS = {"day": _("tin ngày"), "month": _("tin tháng")}
WORDS = {
    AlertRule.SMS_BUDGET_SPENT: _("Đã dùng hết hạn mức {scope}, tin còn lại chờ kỳ sau"),
    AlertRule.SMS_BUDGET_NEAR: _("Đã dùng từ 80% hạn mức {scope}"),
    AlertRule.SMS_PAUSED: _("Nhà mạng ({scope}) từ chối tài khoản của hệ thống, tạm dừng gửi"),
    AlertRule.SMS_UNCLEAR: _("Có tin chưa rõ đã đi hay chưa, cần người quyết định"),
}


def open_operator_alerts(session: Session) -> list[Alert]:
    """Open alerts on sending, the oldest first."""
    query = select(Alert).where(Alert.rule.in_(RULES), Alert.closed_at.is_(None))
    return list(session.scalars(query.order_by(Alert.opened_at, Alert.rule, Alert.scope)))


def operator_alert_words(alert: Alert) -> str:
    """The sentence of an alert on sending."""
    return gettext(WORDS[AlertRule(alert.rule)]).format(
        scope=gettext(PERIODS.get(alert.scope, alert.scope))
    )
