"""The hotline's room: the queue, one case with its timeline and its steps.

One form holds all that can be typed on a case, so no step loses what was typed for another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from survey import clock
from survey.cases import labels, notices, queue, sight, steps
from survey.cases.clocks import hours_of_a_day
from survey.cases.file import open_file
from survey.cases.notices import Way
from survey.cases.queue import View
from survey.cases.sight import Identity
from survey.cases.steps import Ending
from survey.db import db, transaction
from survey.errors import Conflict, Invalid, NotFound, SurveyError
from survey.messages.segments import measure
from survey.models.case import Case, CloseReason
from survey.models.staff import RoleName, Staff
from survey.web.errors import status_of
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_staff
from survey.web.staff.message_words import Parcel
from survey.wording import words_for

blueprint = staff_blueprint("cases", __name__, "/staff")

VIEWS = {
    View.MINE: "Của tôi",
    View.UNASSIGNED: "Chưa giao",
    View.DUE_SOON: "Sắp quá hạn",
    View.OVERDUE: "Quá hạn",
    View.REOPENED: "Mở lại",
    View.ALL: "Tất cả",
}
# Heads of agencies own no case.
HEAD_VIEWS = (View.ALL, View.DUE_SOON, View.OVERDUE, View.REOPENED)
EMPTY_VIEWS = {
    View.MINE: "Ông/Bà chưa nhận phản ánh nào.",
    View.UNASSIGNED: "Không còn phản ánh nào chờ người nhận.",
    View.DUE_SOON: "Không có phản ánh nào sắp quá hạn.",
    View.OVERDUE: "Không có phản ánh nào quá hạn.",
    View.REOPENED: "Không có phản ánh nào được người dân mở lại.",
    View.ALL: "Chưa có phản ánh nào.",
}
WAYS = {
    Way.PLAIN: "Đăng trên trang và gửi SMS toàn văn (không dấu)",
    Way.ACCENTED: "Đăng trên trang và gửi SMS toàn văn (có dấu)",
    Way.NOTICE: "Đăng trên trang và gửi SMS báo đã có trả lời",
    Way.PAGE: "Chỉ đăng trên trang trong đường dẫn",
}
# Who answered by SMS has no page.
WAYS_BY_SMS = {
    Way.PLAIN: "Gửi SMS toàn văn (không dấu)",
    Way.ACCENTED: "Gửi SMS toàn văn (có dấu)",
    Way.NOTICE: "Gửi SMS báo đã có trả lời; người dân gọi tổng đài để nghe",
}
REVEAL_REASONS = {"call_back": "Gọi lại", "compare": "Đối chiếu hồ sơ", "other": "Lý do khác"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A box of the page: what it is called, the step that uses it up, what it holds at first."""

    label: str
    step: str
    first: str = ""


# What is typed on a case; each reason for closing has a box of its own, so that no script has to
# put its words there.
DRAFTS = {
    "reply": Draft("Trả lời", "reply"),
    "note": Draft("Ghi chú", "note"),
    **{
        f"close_text_{reason}": Draft("Lời thông báo khi đóng", "close", words)
        for reason, words in labels.CLOSE_WORDS.items()
    },
    "close_receiver": Draft("Nơi nhận", "close"),
    "close_note": Draft("Ghi chú khi đóng", "close"),
    "postpone_words": Draft("Lý do hẹn lại", "postpone"),
    "release_words": Draft("Lý do cho đơn vị xem", "release"),
}

Step = Callable[[Session, Staff, Case, datetime], object]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page of a case shows besides the case: a refusal, an identity, a preview."""

    refusal: SurveyError | None = None
    identity: Identity | None = None
    parcels: list[Parcel] = field(default_factory=list)


@blueprint.get("/cases", endpoint="queue")
def show_queue() -> ResponseReturnValue:
    """The queue: views with counts, soonest due first."""
    session, staff, now = db.session(), current_staff(), clock.now()
    cases = sight.visible(session, staff)
    found = queue.in_views(session, cases, staff, now)
    views = list(View) if staff.role is RoleName.HANDLER else list(HEAD_VIEWS)
    view = _chosen_view(views, found)
    number = request.args.get("page", 1, type=int)
    return render_template(
        "staff/cases/queue.html",
        tabs=[(one, VIEWS[one], len(found[one])) for one in views],
        view=view,
        page=queue.show_page(session, found[view], number, now),
        empty=EMPTY_VIEWS[view],
        labels=labels,
        alerts=len(queue.alert_cards(cases)),
        months=queue.filed_months(session),
        damaged=sight.damaged(session, staff, cases),
        grave=queue.grave_and_free(cases) if staff.role is RoleName.HANDLER else [],
    )


@blueprint.get("/cases/filed-away")
def filed_away() -> ResponseReturnValue:
    """The cases of a month that were closed long ago."""
    session, staff, now = db.session(), current_staff(), clock.now()
    months = queue.filed_months(session)
    asked = request.args.get("month", "")
    month = asked if asked in months else next(iter(months), "")
    number = request.args.get("page", 1, type=int)
    cases = sight.filed_away(session, staff, month)
    return render_template(
        "staff/cases/filed_away.html",
        month=month,
        months=months,
        page=queue.show_page(session, cases, number, now),
        labels=labels,
    )


@blueprint.get("/cases/<code>")
def show(code: str) -> ResponseReturnValue:
    """One case."""
    return _page(code, clock.now(), Shown())


@blueprint.post("/cases/<code>/take")
def take(code: str) -> ResponseReturnValue:
    """Own the case."""
    return _do(code, "take", steps.take, "Đã nhận xử lý.")


@blueprint.post("/cases/<code>/note")
def note(code: str) -> ResponseReturnValue:
    """Add a note for staff."""
    text = request.form.get("note", "")

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.note(unit, staff, case, text, now)

    return _do(code, "note", step, "Đã lưu ghi chú.")


@blueprint.post("/cases/<code>/postpone")
def postpone(code: str) -> ResponseReturnValue:
    """Put the written reply off, once."""
    reason = request.form.get("postpone_words", "")

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.postpone(unit, staff, case, reason, now)

    return _do(code, "postpone", step, "Đã hẹn lại ngày trả lời.")


@blueprint.post("/cases/<code>/preview")
def preview(code: str) -> ResponseReturnValue:
    """Show what each way of texting the reply costs; stores nothing."""
    session, now = db.session(), clock.now()
    case = sight.find(session, current_staff(), code)
    text = request.form.get("reply", "")
    parcels = []
    if text.strip() and notices.may_text(case):
        parcels = [_parcel(session, case, text, way, now) for way in WAYS if way is not Way.PAGE]
    return _page(code, now, Shown(parcels=parcels))


@blueprint.post("/cases/<code>/reply")
def reply(code: str) -> ResponseReturnValue:
    """Reply in writing, on the citizen's page and by text where that was wished."""
    letter = (request.form.get("reply", ""), _way("way"))

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.reply(unit, staff, case, letter, now)

    texted = "" if letter[1] is Way.PAGE else " Tin nhắn đang chờ gửi."
    return _do(code, "reply", step, f"Đã trả lời bằng văn bản.{texted}")


@blueprint.post("/cases/<code>/close")
def close(code: str) -> ResponseReturnValue:
    """Close with a reason and words for the citizen."""

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.close(unit, staff, case, _ending(), now)

    return _do(code, "close", step, "Đã đóng phản ánh.")


@blueprint.post("/cases/<code>/reopen")
def reopen(code: str) -> ResponseReturnValue:
    """Open the case again for a citizen who called."""
    return _do(code, "reopen", steps.reopen, "Đã mở lại phản ánh. Thời hạn được tính lại.")


@blueprint.post("/cases/<code>/release")
def release(code: str) -> ResponseReturnValue:
    """Let the agency see a case with grave words."""
    reason = request.form.get("release_words", "")

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.release(unit, staff, case, reason, now)

    return _do(code, "release", step, "Đơn vị đã xem được phản ánh này.")


@blueprint.post("/cases/<code>/reveal")
def reveal(code: str) -> ResponseReturnValue:
    """Show name and number in this one answer; the look is recorded."""
    kind = request.form.get("reveal_kind", "")
    words = request.form.get("reveal_words", "").strip()
    # Another reason counts only in the person's own words.
    reason = ". ".join(filter(None, (REVEAL_REASONS.get(kind, ""), words)))
    if kind == "other" and not words:
        reason = ""
    seen: list[Identity] = []

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        seen.append(sight.reveal(unit, staff, case, reason, now))

    failed = _try(code, step)
    return failed or _page(code, clock.now(), Shown(identity=seen[0]))


def _do(code: str, name: str, step: Step, done: str) -> ResponseReturnValue:
    """Take one step; then the case again, at once if something typed for another step is left."""
    failed = _try(code, step)
    if failed:
        return failed
    flash(done, "done")
    if _left_over(name):
        return _page(code, clock.now(), Shown(), name)
    return redirect(url_for("cases.show", code=code), 303)


def _try(code: str, step: Step) -> ResponseReturnValue | None:
    """One transaction for one step; the page with the refusal and all that was typed, or None."""
    staff_id, now = current_staff().id, clock.now()
    revision = request.form.get("revision", 0, type=int)
    try:
        with transaction() as unit:
            staff = unit.get_one(Staff, staff_id)
            step(unit, staff, steps.claim(unit, staff, code, revision), now)
    except NotFound:
        raise
    except SurveyError as refusal:
        return _page(code, now, Shown(refusal))
    return None


def _left_over(step: str = "") -> list[tuple[str, str]]:
    """What was typed into the boxes of other steps: what each is called, and the words."""
    return [
        (draft.label, words)
        for name, draft in DRAFTS.items()
        if draft.step != step
        and (words := request.form.get(name, "").strip()) not in {"", draft.first}
    ]


def _page(code: str, now: datetime, shown: Shown, used: str = "") -> ResponseReturnValue:
    """The page of a case, with all that was typed but what the step `used` up."""
    file = open_file(db.session(), current_staff(), code, now)
    typed = {
        name: value
        for name, value in request.form.items()
        if name not in DRAFTS or DRAFTS[name].step != used
    }
    seen = request.form.get("seen", 0, type=int)
    refusal = shown.refusal
    page = render_template(
        "staff/cases/case.html",
        file=file,
        case=file.case,
        me=current_staff(),
        is_handler=current_staff().role is RoleName.HANDLER,
        shown=shown,
        fault=words_for(refusal) if refusal else "",
        drafts=_left_over(),
        is_conflict=isinstance(refusal, Conflict),
        typed=typed,
        seen=seen if isinstance(refusal, Conflict) else None,
        labels=labels,
        ways=WAYS if file.has_page else WAYS_BY_SMS,
        reveal_reasons=REVEAL_REASONS,
    )
    status = status_of(refusal) if refusal else 200
    return page, status


def _parcel(session: Session, case: Case, text: str, way: Way, now: datetime) -> Parcel:
    try:
        message = notices.compose(session, case, text, way, now)
    except Invalid as refusal:
        return Parcel(WAYS[way], "", "", words_for(refusal))
    if message is None:
        return Parcel(WAYS[way], "", "")
    letters = "không dấu" if message.encoding == "gsm7" else "có dấu"
    size = measure(message.text)
    cost = f"{size.units}/{size.room} · {size.segments} tin · {letters}"
    return Parcel(WAYS[way], cost, message.text)


def _chosen_view(views: list[View], found: Mapping[View, Sequence[object]]) -> View:
    """The view asked for, else one's own cases, else the first view that holds any."""
    asked = request.args.get("view", "")
    if asked in views:
        return View(asked)
    return next((view for view in views if found[view]), View.ALL)


def _way(field_name: str) -> Way:
    asked = request.form.get(field_name, "")
    return Way(asked) if asked in set(Way) else Way.PAGE


def _ending() -> Ending:
    """How the form closes a case: of the boxes with words, that of the chosen reason."""
    form, reason, way = request.form, request.form.get("close_reason", ""), _way("close_way")
    if reason not in set(CloseReason):
        raise Invalid("close_reason")
    return Ending(
        reason=CloseReason(reason),
        text=form.get(f"close_text_{reason}", ""),
        receiver=form.get("close_receiver", ""),
        note=form.get("close_note", ""),
        way=way if way is not Way.NOTICE else Way.PAGE,
    )


@blueprint.app_template_filter("work_time")
def work_time(hours: float) -> str:
    """Working hours as people say them: 2 ngày 3 giờ, 3 giờ 20 phút, 12 phút."""
    minutes = max(1, round(abs(hours) * 60))
    days, rest = divmod(minutes, round(hours_of_a_day() * 60))
    if days:
        parts = ((days, "ngày"), (rest // 60, "giờ"))
    else:
        parts = ((rest // 60, "giờ"), (rest % 60, "phút"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


@blueprint.app_template_filter("home_number")
def home_number(e164: str) -> str:
    """A number as it is dialled and read at home: 0905 000 111."""
    home = f"0{e164[3:]}" if e164.startswith("+84") else e164
    return f"{home[:4]} {home[4:7]} {home[7:]}"
