"""Pages of cases: the queue, and one case with its timeline and steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from survey import clock
from survey.cases import access_control, labels, notices, queue, steps
from survey.cases.access_control import Identity, SeenCase
from survey.cases.case_detail import case_detail
from survey.cases.deadlines import hours_of_a_day
from survey.cases.notices import Way
from survey.cases.queue import View
from survey.cases.search import Wanted, search
from survey.catalogues import _
from survey.crypto.tokens import CASE_CODE
from survey.db import db, transaction
from survey.errors import Conflict, Invalid, NotFound, SurveyError
from survey.messages.segments import measure
from survey.models.case import Case
from survey.models.staff import RoleName, Staff
from survey.web.errors import status_of
from survey.web.staff.case_form import WAYS, WAYS_BY_SMS, CaseForm, chosen_way
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_staff
from survey.web.staff.message_words import SmsPreview
from survey.wording import words_for

blueprint = staff_blueprint("cases", __name__, "/staff")

VIEWS = {
    View.MINE: _("Của tôi"),
    View.UNASSIGNED: _("Chưa giao"),
    View.DUE_SOON: _("Sắp quá hạn"),
    View.OVERDUE: _("Quá hạn"),
    View.REOPENED: _("Mở lại"),
    View.ALL: _("Tất cả"),
}
SEARCHED_LENGTH = 200
# Heads of agencies are never assignees.
HEAD_VIEWS = (View.ALL, View.DUE_SOON, View.OVERDUE, View.REOPENED)
EMPTY_VIEWS = {
    View.MINE: _("Ông/Bà chưa nhận phản ánh nào."),
    View.UNASSIGNED: _("Không còn phản ánh nào chờ người nhận."),
    View.DUE_SOON: _("Không có phản ánh nào sắp quá hạn."),
    View.OVERDUE: _("Không có phản ánh nào quá hạn."),
    View.REOPENED: _("Không có phản ánh nào được người dân mở lại."),
    View.ALL: _("Chưa có phản ánh nào."),
}
Step = Callable[[Session, Staff, Case, datetime], object]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a case page shows besides the case: an error, an identity, a preview."""

    refusal: SurveyError | None = None
    identity: Identity | None = None
    previews: list[SmsPreview] = field(default_factory=list)


@blueprint.get("/cases", endpoint="queue")
def show_queue() -> ResponseReturnValue:
    """The queue: views with counts, soonest due first, filtered by the search.

    The search is in the URL's query string, so that a list can be left and returned to; our logs
    store only the path of a URL.
    """
    session, staff, now = db.session(), current_staff(), clock.now()
    seen = access_control.visible(session, staff)
    wanted = _wanted()
    cases = _found(session, staff, seen, wanted)
    found = queue.in_views(session, cases, staff, now)
    views = list(View) if staff.role is RoleName.HANDLER else list(HEAD_VIEWS)
    view = _chosen_view(views, found, View.ALL if wanted else None)
    number = request.args.get("page", 1, type=int)
    return render_template(
        "staff/cases/queue.html",
        tabs=[(one, gettext(VIEWS[one]), len(found[one])) for one in views],
        view=view,
        page=queue.show_page(session, found[view], number, now),
        empty=gettext(EMPTY_VIEWS[view]),
        labels=labels,
        alerts=queue.count_alerts(seen),
        months=queue.archived_months(session),
        damaged=access_control.damaged(session, staff, seen),
        grave=queue.grave_and_free(seen) if staff.role is RoleName.HANDLER else [],
        wanted=wanted,
        agencies=queue.agencies_of(seen),
    )


def _wanted() -> Wanted:
    """The search in the query string; unknown values, such as another state, match nothing."""
    asked = (request.args.get(name, "").strip() for name in ("state", "agency", "q"))
    return Wanted(*(text[:SEARCHED_LENGTH] for text in asked))


def _found(session: Session, staff: Staff, seen: list[SeenCase], wanted: Wanted) -> list[SeenCase]:
    """The cases that match the search, or an archived case if the text is its whole code."""
    found = search(session, seen, wanted)
    # Only a case code goes into a query, because the database may log its parameters.
    if not found and CASE_CODE.fullmatch(code := wanted.text.upper()):
        found = access_control.archived_under(session, staff, code)
        found = search(session, found, replace(wanted, text=""))
    return found


@blueprint.get("/cases/archived")
def archived() -> ResponseReturnValue:
    """The archived cases of a month."""
    session, staff, now = db.session(), current_staff(), clock.now()
    months = queue.archived_months(session)
    asked = request.args.get("month", "")
    month = next((one for one in months if one == asked), next(iter(months), None))
    number = request.args.get("page", 1, type=int)
    cases = access_control.archived(session, staff, month) if month else []
    return render_template(
        "staff/cases/archived.html",
        month=month,
        months=months,
        page=queue.show_page(session, cases, number, now),
        labels=labels,
    )


@blueprint.get("/cases/<code>")
def show(code: str) -> ResponseReturnValue:
    """One case."""
    return _page(code, CaseForm(), clock.now(), Shown())


@blueprint.post("/cases/<code>/take")
def take(code: str) -> ResponseReturnValue:
    """Assign the case to oneself."""
    return _do(code, "take", steps.take, gettext("Đã nhận xử lý."))


@blueprint.post("/cases/<code>/note")
def note(code: str) -> ResponseReturnValue:
    """Add a note for staff."""
    text = CaseForm.sent().note.data

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.note(unit, staff, case, text, now)

    return _do(code, "note", step, gettext("Đã lưu ghi chú."))


@blueprint.post("/cases/<code>/postpone")
def postpone(code: str) -> ResponseReturnValue:
    """Postpone the written reply, once."""
    reason = CaseForm.sent().postpone_words.data

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.postpone(unit, staff, case, reason, now)

    return _do(code, "postpone", step, gettext("Đã hẹn lại ngày trả lời."))


@blueprint.post("/cases/<code>/preview")
def preview(code: str) -> ResponseReturnValue:
    """Preview the size and text of the reply for each SMS way; stores nothing."""
    session, now = db.session(), clock.now()
    case = access_control.find(session, current_staff(), code)
    form = CaseForm.sent()
    text, previews = form.reply.data, []
    if text.strip() and notices.may_text(case):
        previews = [_preview(session, case, text, way, now) for way in WAYS if way is not Way.PAGE]
    return _page(code, form, now, Shown(previews=previews))


@blueprint.post("/cases/<code>/reply")
def reply(code: str) -> ResponseReturnValue:
    """Reply in writing: on the citizen's page, and by SMS if a call was requested."""
    form = CaseForm.sent()
    letter = (form.reply.data, chosen_way(form.way))

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.reply(unit, staff, case, letter, now)

    if letter[1] is Way.PAGE:
        return _do(code, "reply", step, gettext("Đã trả lời bằng văn bản."))
    done = gettext("Đã trả lời bằng văn bản. Tin nhắn đang chờ gửi.")
    return _do(code, "reply", step, done)


@blueprint.post("/cases/<code>/close")
def close(code: str) -> ResponseReturnValue:
    """Close with a reason and a text for the citizen."""
    form = CaseForm.sent()

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.close(unit, staff, case, form.ending(), now)

    return _do(code, "close", step, gettext("Đã đóng phản ánh."))


@blueprint.post("/cases/<code>/reopen")
def reopen(code: str) -> ResponseReturnValue:
    """Reopen the case for a citizen who called."""
    done = gettext("Đã mở lại phản ánh. Thời hạn được tính lại.")
    return _do(code, "reopen", steps.reopen, done)


@blueprint.post("/cases/<code>/release")
def release(code: str) -> ResponseReturnValue:
    """Release a held case with grave words to its agency."""
    reason = CaseForm.sent().release_words.data

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        steps.release(unit, staff, case, reason, now)

    return _do(code, "release", step, gettext("Đơn vị đã xem được phản ánh này."))


@blueprint.post("/cases/<code>/reveal")
def reveal(code: str) -> ResponseReturnValue:
    """Show name and number in this one response; the reveal is written to the audit log."""
    form = CaseForm.sent()
    reason = form.reveal_reason()
    seen: list[Identity] = []

    def step(unit: Session, staff: Staff, case: Case, now: datetime) -> None:
        seen.append(access_control.reveal(unit, staff, case, reason, now))

    failed = _try(code, step)
    return failed or _page(code, form, clock.now(), Shown(identity=seen[0]))


def _do(code: str, name: str, step: Step, done: str) -> ResponseReturnValue:
    """Do one step; redirect to the case, or render it at once if unused text is left."""
    failed = _try(code, step)
    if failed:
        return failed
    flash(done, "done")
    form = CaseForm.sent()
    form.forget(name)
    if form.drafts():
        return _page(code, form, clock.now(), Shown())
    return redirect(url_for("cases.show", code=code), 303)


def _try(code: str, step: Step) -> ResponseReturnValue | None:
    """Do one step in one transaction; None, or the page with the error and all that was typed."""
    staff_id, now, form = current_staff().id, clock.now(), CaseForm.sent()
    try:
        with transaction() as unit:
            staff = unit.get_one(Staff, staff_id)
            step(unit, staff, steps.claim(unit, staff, code, form.revision.data or 0), now)
    except NotFound:
        raise
    except SurveyError as refusal:
        return _page(code, form, now, Shown(refusal))
    return None


def _page(code: str, form: CaseForm, now: datetime, shown: Shown) -> ResponseReturnValue:
    """The case page with all typed text that no step has used."""
    file = case_detail(db.session(), current_staff(), code, now)
    form.offer(WAYS if file.has_page else WAYS_BY_SMS)
    refusal = shown.refusal
    page = render_template(
        "staff/cases/case.html",
        file=file,
        case=file.case,
        me=current_staff(),
        is_handler=current_staff().role is RoleName.HANDLER,
        shown=shown,
        fault=words_for(refusal) if refusal else "",
        drafts=form.drafts(),
        is_conflict=isinstance(refusal, Conflict),
        form=form,
        seen=form.seen.data or 0 if isinstance(refusal, Conflict) else None,
        labels=labels,
    )
    status = status_of(refusal) if refusal else 200
    return page, status


def _preview(session: Session, case: Case, text: str, way: Way, now: datetime) -> SmsPreview:
    try:
        message = notices.compose(session, case, text, way, now)
    except Invalid as refusal:
        return SmsPreview(WAYS[way], "", "", words_for(refusal))
    if message is None:
        return SmsPreview(WAYS[way], "", "")
    size = measure(message.text)
    letters = gettext("không dấu") if message.encoding == "gsm7" else gettext("có dấu")
    cost = gettext(
        "%(units)s/%(room)s · %(segments)s tin · %(letters)s",
        units=size.units,
        room=size.room,
        segments=size.segments,
        letters=letters,
    )
    return SmsPreview(WAYS[way], cost, message.text)


def _chosen_view(
    views: list[View], found: Mapping[View, Sequence[object]], first: View | None
) -> View:
    """The requested view, else `first`, else one's own cases or the first view that has any."""
    asked = request.args.get("view", "")
    if asked in views:
        return View(asked)
    if first is not None:
        return first
    return next((view for view in views if found[view]), View.ALL)


@blueprint.app_template_filter("work_time")
def work_time(hours: float) -> str:
    """Working hours in words: 2 ngày 3 giờ, 3 giờ 20 phút, 12 phút."""
    minutes = max(1, round(abs(hours) * 60))
    days, rest = divmod(minutes, round(hours_of_a_day() * 60))
    if days:
        parts = ((days, _("%(count)s ngày")), (rest // 60, _("%(count)s giờ")))
    else:
        parts = ((rest // 60, _("%(count)s giờ")), (rest % 60, _("%(count)s phút")))
    return " ".join(gettext(unit, count=number) for number, unit in parts if number)


@blueprint.app_template_filter("home_number")
def home_number(e164: str) -> str:
    """A number in national format: 0905 000 111."""
    home = f"0{e164[3:]}" if e164.startswith("+84") else e164
    return f"{home[:4]} {home[4:7]} {home[7:]}"
