"""What a month's messages cost, for whom, and why others were not sent."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.delivery.queue_status import pause_reason
from survey.messages.outbox import circuit_breaker
from survey.messages.outbox.circuit_breaker import Budget
from survey.messages.outbox.rules import load_rules
from survey.models.case import Case, if_it_opens
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.message import Message, MessageState
from survey.models.organisation import Agency
from survey.period import Month

# What a provider took is paid for, whether it arrived or not.
PAID = (
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.DELIVERY_UNKNOWN,
)
ENDED = (MessageState.FAILED, MessageState.CANCELLED, MessageState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Spent:
    """Messages, segments and dong of one agency, or of none (`key` None): answers by SMS, and
    reminders, which lead to no agency because they would reveal who answered.

    `unpriced`: messages without a price, not in `dong`.
    """

    key: str | None
    label: str
    messages: int
    segments: int
    dong: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class MonthCosts:
    """One month: by agency, the dearest first; reason → messages that were due and did not leave;
    the budgets of today's day and month.

    Reasons: of the provider (`bad_number`, …), of the citizen (`opted_out`, `not_needed`,
    `withdrawn`), of time
    (`expired`), of now (`window`, `breaker`, `fault`, `budget`, `waiting`), and `unclear`.
    """

    month: Month
    by_agency: Sequence[Spent]
    not_sent: dict[str, int]
    budgets: Sequence[Budget]

    @property
    def messages(self) -> int:
        """Messages that left."""
        return sum(one.messages for one in self.by_agency)

    @property
    def segments(self) -> int:
        """Segments that left."""
        return sum(one.segments for one in self.by_agency)

    @property
    def dong(self) -> int:
        """What they cost together, those without a price left out."""
        return sum(one.dong for one in self.by_agency)

    @property
    def unpriced(self) -> int:
        """Messages without a price."""
        return sum(one.unpriced for one in self.by_agency)


def month_costs(session: Session, month: Month, now: datetime) -> MonthCosts:
    """What left in a local month (YYYY-MM) and what was due in it and did not leave."""
    return MonthCosts(
        month=month,
        by_agency=_by_agency(session, month),
        not_sent=_not_sent(session, month, now),
        budgets=circuit_breaker.budgets(session, load_rules(session), now),
    )


def _by_agency(session: Session, month: Month) -> list[Spent]:
    """An invitation counts for the agency of its dossier, a reply for that of its case."""
    of_month = (
        select(
            CoverageEntry.agency_id,
            Message.case_hash,
            func.count().label("messages"),
            func.sum(Message.segments).label("segments"),
            func.coalesce(func.sum(Message.cost_dong), 0).label("dong"),
            (func.count() - func.count(Message.cost_dong)).label("unpriced"),
        )
        .select_from(Message)
        .outerjoin(Invitation, Invitation.id == Message.invitation_id)
        .outerjoin(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
        .where(
            Message.sent_at >= month.begins,
            Message.sent_at < month.ends,
            Message.state.in_(PAID),
        )
        .group_by(CoverageEntry.agency_id, Message.case_hash)
    )
    rows = session.execute(of_month).all()
    replied = _agencies_of_cases(session, {row.case_hash for row in rows if row.case_hash})
    sums: dict[int | None, list[int]] = {}
    for row in rows:
        agency_id = replied.get(row.case_hash) if row.case_hash else row.agency_id
        parts = (row.messages, row.segments, row.dong, row.unpriced)
        so_far = sums.get(agency_id, [0] * len(parts))
        sums[agency_id] = [one + more for one, more in zip(so_far, parts, strict=True)]
    agencies = {one.id: one for one in session.scalars(select(Agency).where(Agency.id.in_(sums)))}
    spent = [_spent(agencies.get(agency_id or 0), parts) for agency_id, parts in sums.items()]
    return sorted(spent, key=lambda one: (-one.dong, -one.messages, one.key or ""))


def _agencies_of_cases(session: Session, hashes: Collection[bytes]) -> dict[bytes, int]:
    """What messages keep of their cases → the agency, of cases that open: all codes are tried,
    since nothing leads from a message to its case.
    """
    codes = session.scalars(select(Case.code)) if hashes else ()
    hashed = {code: Message.by_case.of(session, code) for code in codes}
    wanted = {code: one for code, one in hashed.items() if one in hashes}
    found = session.scalars(select(Case).where(Case.code.in_(wanted)))
    opened = {wanted[case.code]: if_it_opens(case, Case.record) for case in found}
    return {one: record.agency_id for one, record in opened.items() if record}


def _spent(agency: Agency | None, parts: Sequence[int]) -> Spent:
    messages, segments, dong, unpriced = parts
    key, label = (agency.code, agency.name) if agency else (None, "")
    return Spent(key, label, messages, segments, dong, unpriced)


def _not_sent(session: Session, month: Month, now: datetime) -> dict[str, int]:
    query = (
        select(Message.state, Message.reason, func.count())
        .where(Message.due_at >= month.begins, Message.due_at < month.ends, Message.due_at <= now)
        .group_by(Message.state, Message.reason)
    )
    held = pause_reason(session, now)
    found: Counter[str] = Counter()
    for state, reason, number in session.execute(query):
        if state in ENDED:
            found[reason or state] += number
        elif state == MessageState.UNKNOWN:
            found["unclear"] += number
        elif state == MessageState.READY:
            found[held.reason if held else "waiting"] += number
    return dict(sorted(found.items()))
