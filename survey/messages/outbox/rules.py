"""Rules for sending: window and calendar of the province, sending rate, budgets, prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.db import settings_of
from survey.models.message import MessageKind
from survey.models.price import SmsPrice
from survey.models.province import SendBias
from survey.province import calendar_of, province_of
from survey.province.workdays import Calendar

# ANSWERS: replies to somebody who is waiting; STARTED: messages that we initiate.
ANSWERS = (MessageKind.DIALOGUE, MessageKind.TEST)
STARTED = (MessageKind.CASE_REPLY, MessageKind.REMINDER, MessageKind.INVITATION)
# Priorities of the queue. The few that somebody waits for are found with one query; the many of
# the other kinds each from their own part of the index.
QUEUE = (
    (*ANSWERS, MessageKind.CASE_REPLY),
    (MessageKind.REMINDER,),
    (MessageKind.INVITATION,),
)
# Messages that ask a citizen for an answer; their number per phone and week is limited.
ASKING = (MessageKind.INVITATION, MessageKind.REMINDER)
WEEK = timedelta(days=7)
# Least time between two messages that we initiate to one number.
GAP = timedelta(minutes=10)
LONGEST_VALIDITY = timedelta(hours=10)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one run. `rate`: calls a second; budgets: segments."""

    calendar: Calendar
    window_start: time
    window_end: time
    is_rehearsal: bool
    rate: int
    daily_budget: int | None
    monthly_budget: int | None
    # Provider, first day, dong a segment; later days come last.
    prices: Sequence[tuple[str, date, int]]
    bias: str
    week_cap: int

    def is_open(self, at: datetime) -> bool:
        """Whether messages that we initiate may be sent at this instant."""
        if self.is_rehearsal:
            return True
        return self.calendar.next_send_time(at, self.window_start, self.window_end) <= at

    def valid_seconds(self, at: datetime, expires_at: datetime) -> int:
        """Seconds until it must not be delivered any more: its expiry or the end of the window."""
        left = min(expires_at - at, LONGEST_VALIDITY).total_seconds()
        if not self.is_rehearsal and self.is_open(at):
            window = (self.window_start, self.window_end)
            left = min(left, self.calendar.seconds_left_in_window(at, *window))
        return max(int(left), 1)

    def cost(self, provider: str, segments: int, day: date) -> int | None:
        """Cost of a message in dong on a day; None without a price."""
        known = [dong for name, since, dong in self.prices if name == provider and since <= day]
        return known[-1] * segments if known else None


def load_rules(session: Session) -> Rules:
    """The rules of the province; Refused `no_province` before the reference data are loaded."""
    province = province_of(session)
    prices = select(SmsPrice.provider, SmsPrice.valid_from, SmsPrice.dong_per_segment)
    prices = prices.order_by(SmsPrice.valid_from)
    settings = settings_of(session)
    return Rules(
        calendar=calendar_of(session),
        window_start=province.window_start,
        window_end=province.window_end,
        is_rehearsal=settings.is_rehearsal,
        rate=settings.sms.rate,
        daily_budget=settings.sms.daily_budget,
        monthly_budget=settings.sms.monthly_budget,
        prices=[(name, day, dong) for name, day, dong in session.execute(prices)],
        bias=SendBias(province.send_bias),
        week_cap=province.phone_week_cap,
    )
