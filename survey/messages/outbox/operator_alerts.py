"""Alerts for operators on sending: budgets, a paused provider, messages with unknown results."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.messages.outbox import circuit_breaker
from survey.messages.outbox.rules import Rules
from survey.models.message import Message, MessageState, ProviderHealth
from survey.models.operator_alert import Alert, AlertRule, unordered_id

RULES = (
    AlertRule.SMS_BUDGET_SPENT,
    AlertRule.SMS_BUDGET_NEAR,
    AlertRule.SMS_PAUSED,
    AlertRule.SMS_UNCLEAR,
)
# `reconcile` has asked the provider twice long before; what is unknown for longer needs a person.
UNCLEAR_AFTER = timedelta(minutes=30)


def review(session: Session, provider: str, rules: Rules, now: datetime) -> None:
    """Open the alerts whose condition holds at `now`, and close the others."""
    wanted = _wanted(session, provider, rules, now)
    query = select(Alert).where(Alert.rule.in_(RULES), Alert.closed_at.is_(None))
    known = {(alert.rule, alert.scope): alert for alert in session.scalars(query)}
    for key in known.keys() - wanted:
        over = update(Alert).where(Alert.id == known[key].id, Alert.opened_at <= now)
        session.execute(over.values(closed_at=now))
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    for rule, scope in sorted(wanted - known.keys()):
        opened = dialect.insert(Alert).values(
            id=unordered_id(), rule=rule, scope=scope, opened_at=now
        )
        session.execute(opened.on_conflict_do_nothing())


def _wanted(
    session: Session, provider: str, rules: Rules, now: datetime
) -> set[tuple[AlertRule, str]]:
    """(rule, scope) of each alert whose condition holds; scope: budget period or provider name."""
    wanted = set()
    for budget in circuit_breaker.budgets(session, rules, now):
        if budget.is_spent:
            wanted.add((AlertRule.SMS_BUDGET_SPENT, budget.period))
        elif budget.is_near:
            wanted.add((AlertRule.SMS_BUDGET_NEAR, budget.period))
    health = session.get(ProviderHealth, provider)
    if health is not None and health.paused_reason:
        wanted.add((AlertRule.SMS_PAUSED, provider))
    unclear = exists().where(
        Message.state == MessageState.UNKNOWN, Message.unknown_since <= now - UNCLEAR_AFTER
    )
    if session.scalar(select(unclear)):
        wanted.add((AlertRule.SMS_UNCLEAR, ""))
    return wanted
