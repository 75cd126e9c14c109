"""Pages of the hotline's inbox: citizens' texts that a handler has to read, answer or settle."""

from dataclasses import dataclass, field
from typing import ClassVar

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, SelectMultipleField, TextAreaField

from survey import clock
from survey.cases import inbox
from survey.cases.access_control import reveals_left
from survey.db import db, transaction
from survey.errors import Invalid, NotFound, SurveyError
from survey.messages.segments import measure
from survey.models.staff import Staff
from survey.web.errors import status_of
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import Lines, StaffForm, choices
from survey.web.staff.guard import current_staff
from survey.web.staff.message_words import SmsPreview
from survey.wording import words_for

REVEAL_REASONS = {
    "call_back": _("Gọi lại"),
    "compare": _("Đối chiếu hồ sơ"),
    "urgent": _("Việc khẩn cấp"),
}
WAYS = {"plain": _("Không dấu"), "accented": _("Có dấu")}

blueprint = staff_blueprint("inbox", __name__, "/staff/inbox")


class ThreadForm(StaffForm):
    """All actions on the texts of one number; each button sends the whole form."""

    FIELD_OF_REFUSAL: ClassVar = {"reply_empty": "reply"}

    # The texts that the page showed, so that texts that came later are not settled unread.
    text = SelectMultipleField(validate_choice=False, default=())
    reply = TextAreaField(
        _("Trả lời bằng tin nhắn"),
        description=_("Số tổng đài được thêm vào cuối tin. Đừng hỏi số CCCD, mật khẩu hay mã OTP."),
        widget=Lines(),
        render_kw={"rows": 5, "maxlength": 1000},
        default="",
    )
    way = RadioField(
        _("Gửi theo dạng"),
        choices=choices(WAYS),
        default="plain",
        invalid_choice_message=_("Hãy chọn dạng gửi: không dấu hoặc có dấu."),
    )
    # The inbox validates the reason.
    reveal_kind = SelectField(
        _("Lý do"), choices=choices(REVEAL_REASONS), validate_choice=False, default=""
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a number shows besides its texts."""

    refusal: SurveyError | None = None
    revealed: inbox.Thread | None = None
    previews: list[SmsPreview] = field(default_factory=list)


@blueprint.get("")
def show_all() -> str:
    """The open threads, oldest first."""
    session = db.session()
    return render_template(
        "staff/inbox/list.html",
        threads=inbox.threads(session, current_staff()),
        total=inbox.waiting(session),
        now=clock.now(),
    )


@blueprint.get("/<text_id>")
def show(text_id: str) -> ResponseReturnValue:
    """All open texts of one number."""
    return _page(text_id, ThreadForm(), Shown())


@blueprint.post("/<text_id>/preview")
def preview(text_id: str) -> ResponseReturnValue:
    """Preview the size of the answer with and without diacritics; stores nothing."""
    session, form = db.session(), ThreadForm.sent()
    typed = form.reply.data
    previews = [_preview(session, typed, way) for way in WAYS] if typed.strip() else []
    return _page(text_id, form, Shown(previews=previews))


@blueprint.post("/<text_id>/answer")
def answer(text_id: str) -> ResponseReturnValue:
    """Answer by SMS; the texts on the page are settled."""
    staff_id, form = current_staff().id, ThreadForm.sent()
    if not form.validate():
        return _page(text_id, form, Shown())
    try:
        with transaction() as session:
            accented = form.way.data == "accented"
            sms = inbox.compose(session, form.reply.data, accented=accented)
            staff = session.get_one(Staff, staff_id)
            inbox.answer(session, staff, form.text.data, sms, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        form.explain(refusal)
        return _page(text_id, form, Shown(refusal))
    flash(gettext("Đã trả lời. Tin nhắn đang chờ gửi."), "done")
    return redirect(url_for("inbox.show_all"), 303)


@blueprint.post("/<text_id>/done")
def done(text_id: str) -> ResponseReturnValue:
    """Settle the texts on the page without an answer by SMS."""
    staff_id, ids = current_staff().id, ThreadForm.sent().text.data
    with transaction() as session:
        staff = session.get_one(Staff, staff_id)
        inbox.settle(session, staff, ids or [text_id], clock.now())
    flash(gettext("Đã ghi là xong."), "done")
    return redirect(url_for("inbox.show_all"), 303)


@blueprint.post("/<text_id>/reveal")
def reveal(text_id: str) -> ResponseReturnValue:
    """Show number and words in full in this one response; the audit log records the reveal."""
    staff_id, form = current_staff().id, ThreadForm.sent()
    try:
        with transaction() as session:
            staff = session.get_one(Staff, staff_id)
            seen = inbox.reveal(session, staff, text_id, form.reveal_kind.data, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        form.explain(refusal)
        return _page(text_id, form, Shown(refusal))
    return _page(text_id, form, Shown(revealed=seen))


def _page(text_id: str, form: ThreadForm, shown: Shown) -> ResponseReturnValue:
    session, now, staff = db.session(), clock.now(), current_staff()
    refusal = shown.refusal
    page = render_template(
        "staff/inbox/thread.html",
        thread=shown.revealed or inbox.find(session, staff, text_id),
        shown=shown,
        form=form,
        reveals_left=reveals_left(session, staff, now),
        now=now,
    )
    return page, status_of(refusal) if refusal else 400 if form.fault else 200


def _preview(session: Session, typed: str, way: str) -> SmsPreview:
    try:
        sms = inbox.compose(session, typed, accented=way == "accented")
    except Invalid as refusal:
        return SmsPreview(WAYS[way], "", "", words_for(refusal))
    size = measure(sms.text)
    cost = gettext(
        "%(units)s/%(room)s · %(segments)s tin",
        units=size.units,
        room=size.room,
        segments=size.segments,
    )
    return SmsPreview(WAYS[way], cost, sms.text)
