"""What staff of a demo did: cases opened, most of them replied to, and months closed.

Everything goes through the features in chronological order, so cases, alerts and the audit log are
as in real use.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy.orm import Session

from survey import case_triggers, indices
from survey.ballots.contents import Answer, Ballot
from survey.case_triggers import ContactWish, grave_topics
from survey.cases import steps
from survey.cases.labels import CLOSE_WORDS
from survey.cases.notices import Way
from survey.demo.answers import Asked
from survey.demo.scenario import Scenario, pick
from survey.models.case import Case, CloseReason
from survey.models.questionnaire import DISSATISFIED_UP_TO
from survey.models.staff import Staff
from survey.period import Month
from survey.province import calendar_of
from survey.reports import approval

AFTER_MIDNIGHT = timedelta(hours=1)
# Cases older than this are all settled, except a few forgotten ones of the last weeks.
SETTLED_DAYS = 13
FORGOTTEN, FORGOTTEN_DAYS = 0.05, 75
# Number of steps (take, reply, close) done in each five younger cases, in random order.
NO_STEP, ONE_STEP, TWO_STEPS, ALL_STEPS = range(4)
OF_FIVE = (NO_STEP, ONE_STEP, TWO_STEPS, ALL_STEPS, ALL_STEPS)
# A report is approved within two working days of the period close.
HOURS_TO_APPROVE = 11
WORKING_HOURS = {"take": (0.5, 7.5), "reply": (3.0, 26.0), "close": (8.0, 40.0)}
SLOW_SHARE, SLOW_FACTOR = 0.12, 2.4
# Shares of closing reasons; the first two need a written reply before closing.
CLOSINGS = (
    (CloseReason.RESOLVED, 0.52),
    (CloseReason.EXPLAINED, 0.4),
    (CloseReason.TRANSFERRED, 0.04),
    (CloseReason.NOT_A_COMPLAINT, 0.02),
    (CloseReason.UNREACHABLE, 0.02),
)
# Share of worked-on cases with grave words that are released to the agency.
RELEASED, HOURS_TO_RELEASE = 0.5, 0.25
ASKED = "Cần đơn vị giải trình; lời góp ý không làm lộ người phản ánh."
RECEIVERS = ("Thanh tra tỉnh", "Sở Nội vụ", "Ủy ban nhân dân tỉnh")
REPLIES = {
    "officials": (
        "Chúng tôi xin lỗi Ông/Bà về thái độ phục vụ. Đơn vị đã họp rút kinh nghiệm và nhắc nhở "
        "người liên quan; camera tại quầy sẽ được xem lại hằng tuần."
    ),
    "procedure": (
        "Chúng tôi đã rà soát thành phần hồ sơ. Giấy tờ bị yêu cầu thêm không có trong quy định; "
        "đơn vị đã niêm yết lại danh mục và xin lỗi Ông/Bà về việc phải đi lại."
    ),
    "result": (
        "Hồ sơ của Ông/Bà chậm do khâu thẩm tra. Đơn vị đã gửi phiếu xin lỗi, bố trí thêm người "
        "và cam kết trả các hồ sơ tiếp theo đúng hẹn."
    ),
    "access": (
        "Đơn vị đã sửa máy lấy số, bổ sung ghế chờ và người hướng dẫn nộp trực tuyến. "
        "Cảm ơn Ông/Bà đã góp ý."
    ),
    "": (
        "Chúng tôi đã kiểm tra việc giải quyết hồ sơ và trao đổi với đơn vị. Xin lỗi Ông/Bà về "
        "trải nghiệm chưa tốt; đơn vị đã chấn chỉnh."
    ),
}
Act = Callable[[datetime], None]


class Hotline:
    """The handlers of a demo at work, from the first answer to the scenario's end."""

    def __init__(self, session: Session, scenario: Scenario, handlers: Sequence[Staff]) -> None:
        self.session, self.scenario, self.handlers = session, scenario, handlers
        self.dice = scenario.dice("hotline")
        self.calendar = calendar_of(session)
        self.ahead: list[tuple[datetime, int, Act]] = []
        self.cases = 0
        self.entered = 0
        self.younger = self._of_five()

    def work(
        self,
        asked: Sequence[Asked],
        ballots: Mapping[int, Ballot],
        others: Iterable[tuple[datetime, Act]],
    ) -> None:
        """Open a case for each answer that needs one, work on it, and close the months.

        `others`: actions of other people, done at their times.
        """
        for instant, act in others:
            self._plan(instant, act)
        for month in self.scenario.closed_periods:
            self._plan(month.closable_from + AFTER_MIDNIGHT, self._closing(month))
        for place, one in enumerate(asked):
            if one.answered is not None and _needs_a_person(one):
                self._plan(one.answered, self._opening(one, ballots[place]))
        while self.ahead:
            instant, _, act = heapq.heappop(self.ahead)
            act(instant)

    def _plan(self, instant: datetime, act: Act) -> None:
        """Plan an action, unless it would be after the scenario's end."""
        if instant < self.scenario.now:
            heapq.heappush(self.ahead, (instant.astimezone(UTC), self.entered, act))
            self.entered += 1

    def _closing(self, month: Month) -> Act:
        def act(now: datetime) -> None:
            indices.close(self.session, month, now)

        return act

    def _opening(self, one: Asked, ballot: Ballot) -> Act:
        def act(now: datetime) -> None:
            last = ballot.versions[-1]
            answer = Answer(last.ratings, last.reasons, one.comment or "")
            change = case_triggers.Change(ballot.key, ballot.cell, None, answer)
            case = case_triggers.raise_for_answer(self.session, now, change, _wish(one))
            if case is not None:
                self.cases += 1
                self._follow(case, one, now)

        return act

    def _follow(self, case: Case, one: Asked, opened: datetime) -> None:
        """Plan a handler's steps on a case, as many as it gets."""
        done = self._steps_done(self.scenario.now - opened)
        if done == NO_STEP:
            return
        session, handler = self.session, self.dice.choice(self.handlers)
        taking, replying, closing = self._instants(opened)
        self._plan(taking, lambda now: steps.take(session, handler, case, now))
        if done == ONE_STEP:
            return
        if case.record.is_held and self.dice.random() < RELEASED:
            asking = self.calendar.add_working_hours(taking, HOURS_TO_RELEASE)
            self._plan(asking, lambda now: steps.release(session, handler, case, ASKED, now))
        ending = self._ending(one)
        if ending.reason in steps.NEED_REPLY:
            factor = next((name for name in one.reasons.split(";") if name in REPLIES), "")
            letter = (REPLIES[factor], Way.PAGE)
            self._plan(replying, lambda now: steps.reply(session, handler, case, letter, now))
        if done == ALL_STEPS:
            self._plan(closing, lambda now: steps.close(session, handler, case, ending, now))

    def _ending(self, one: Asked) -> steps.Ending:
        """The ending of a case, with the default text of its reason."""
        reason = pick(self.dice, CLOSINGS)
        if reason is CloseReason.UNREACHABLE and not one.wants_call:
            reason = CloseReason.EXPLAINED  # nobody is called without a callback request
        is_transferred = reason is CloseReason.TRANSFERRED
        receiver = self.dice.choice(RECEIVERS) if is_transferred else ""
        return steps.Ending(reason, CLOSE_WORDS[reason], receiver)

    def _steps_done(self, age: timedelta) -> int:
        if age <= timedelta(days=SETTLED_DAYS):
            return next(self.younger)
        is_recent = age < timedelta(days=FORGOTTEN_DAYS)
        return NO_STEP if is_recent and self.dice.random() < FORGOTTEN else ALL_STEPS

    def _of_five(self) -> Iterator[int]:
        while True:
            yield from self.dice.sample(OF_FIVE, len(OF_FIVE))

    def _instants(self, opened: datetime) -> Iterator[datetime]:
        """When the case is taken, replied to and closed, in working hours."""
        instant = opened
        slow = SLOW_FACTOR if self.dice.random() < SLOW_SHARE else 1
        for least, most in WORKING_HOURS.values():
            instant = self.calendar.add_working_hours(
                instant, self.dice.uniform(least, most) * slow
            )
            yield instant


def approvals(
    session: Session, scenario: Scenario, leader: Staff
) -> Iterator[tuple[datetime, Act]]:
    """When a leader approves each report; the newest is left for visitors to approve."""
    calendar = calendar_of(session)
    for month in scenario.reported_periods[1:]:
        instant = calendar.add_working_hours(month.closable_from, HOURS_TO_APPROVE)
        yield instant, _approval(session, month, leader)


def _approval(session: Session, month: Month, leader: Staff) -> Act:
    def act(now: datetime) -> None:
        approval.approve(session, month, leader, now)

    return act


def _needs_a_person(one: Asked) -> bool:
    is_grave = one.comment is not None and _is_grave(one.comment)
    return one.rating <= DISSATISFIED_UP_TO or one.wants_call or is_grave


@cache
def _is_grave(comment: str) -> bool:
    return bool(grave_topics(comment))


def _wish(one: Asked) -> ContactWish | None:
    dossier = one.dossier
    if not one.wants_call or dossier.phone is None:
        return None
    return ContactWish(dossier.phone, dossier.name, dossier.code)
