"""Cost of a month's messages by agency, and the reasons why others were not sent."""

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

# What a provider accepted is paid for, whether it arrived or not.
PAID = (
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.DELIVERY_UNKNOWN,
)
ENDED = (MessageState.FAILED, MessageState.CANCELLED, MessageState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Spent:
    """Messages, segments and dong of one agency (`key` its code), or of no agency (`key` None).

    Of no agency are replies to inbound texts, and reminders: these are unlinked from their
    invitations, because whether a reminder was sent reveals whether somebody answered.
    `unpriced`: messages without a price, not included in `dong`.
    """

    key: str | None
    label: str
    messages: int
    segments: int
    dong: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class MonthCosts:
    """Costs of one month: by agency, the most expensive first; unsent messages by reason; budgets.

    `not_sent`: reason → messages that were due and not sent. Reasons: of the provider
    (`bad_number`, …), of the citizen (`opted_out`, `not_needed`, `withdrawn`), of time
    (`expired`), of now (`window`, `breaker`, `fault`, `budget`, `waiting`), and `unclear`.
    `budgets`: those of today and of the current month.
    """

    month: Month
    by_agency: Sequence[Spent]
    not_sent: dict[str, int]
    budgets: Sequence[Budget]

    @property
    def messages(self) -> int:
        """Messages that were sent."""
        return sum(one.messages for one in self.by_agency)

    @property
    def segments(self) -> int:
        """Segments that were sent."""
        return sum(one.segments for one in self.by_agency)

    @property
    def dong(self) -> int:
        """Total cost, without messages that have no price."""
        return sum(one.dong for one in self.by_agency)

    @property
    def unpriced(self) -> int:
        """Messages without a price."""
        return sum(one.unpriced for one in self.by_agency)


def month_costs(session: Session, month: Month, now: datetime) -> MonthCosts:
    """Messages sent in a local month (YYYY-MM), and those due in it that were not sent."""
    return MonthCosts(
        month=month,
        by_agency=_by_agency(session, month),
        not_sent=_not_sent(session, month, now),
        budgets=circuit_breaker.budgets(session, load_rules(session), now),
    )


def _by_agency(session: Session, month: Month) -> list[Spent]:
    """Costs by agency: of the dossier for an invitation, of the case for a message about a case."""
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
    """Map hashes of case codes to agencies, for cases that can be decrypted.

    A message stores only a keyed hash of its case's code, so the codes of all cases are hashed.
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
