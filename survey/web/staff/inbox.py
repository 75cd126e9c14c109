"""The hotline's inbox: texts from citizens that a person has to read, answer or settle."""

from dataclasses import dataclass, field

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from survey import clock
from survey.cases import inbox
from survey.cases.sight import reveals_left
from survey.db import db, transaction
from survey.errors import Invalid, NotFound, SurveyError
from survey.messages.segments import measure
from survey.models.staff import Staff
from survey.web.errors import status_of
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_staff
from survey.web.staff.message_words import Parcel
from survey.wording import words_for

REVEAL_REASONS = {"call_back": "Gọi lại", "compare": "Đối chiếu hồ sơ", "urgent": "Việc khẩn cấp"}
WAYS = {"plain": "Không dấu", "accented": "Có dấu"}

blueprint = staff_blueprint("inbox", __name__, "/staff/inbox")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a number shows besides its texts."""

    refusal: SurveyError | None = None
    revealed: inbox.Thread | None = None
    parcels: list[Parcel] = field(default_factory=list)


@blueprint.get("")
def show_all() -> str:
    """What waits, oldest first."""
    session = db.session()
    return render_template(
        "staff/inbox/list.html",
        threads=inbox.threads(session, current_staff()),
        total=inbox.waiting(session),
        now=clock.now(),
    )


@blueprint.get("/<text_id>")
def show(text_id: str) -> ResponseReturnValue:
    """All that waits from one number."""
    return _page(text_id, Shown())


@blueprint.post("/<text_id>/preview")
def preview(text_id: str) -> ResponseReturnValue:
    """Show what the answer costs in either form; stores nothing."""
    session, typed = db.session(), request.form.get("reply", "")
    parcels = [_parcel(session, typed, way) for way in WAYS] if typed.strip() else []
    return _page(text_id, Shown(parcels=parcels))


@blueprint.post("/<text_id>/answer")
def answer(text_id: str) -> ResponseReturnValue:
    """Answer by SMS; the texts on the page are settled."""
    staff_id, ids = current_staff().id, request.form.getlist("text")
    try:
        with transaction() as session:
            typed, accented = request.form.get("reply", ""), request.form.get("way") == "accented"
            sms = inbox.compose(session, typed, accented=accented)
            staff = session.get_one(Staff, staff_id)
            inbox.answer(session, staff, ids, sms, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        return _page(text_id, Shown(refusal))
    flash("Đã trả lời. Tin nhắn đang chờ gửi.", "done")
    return redirect(url_for("inbox.show_all"), 303)


@blueprint.post("/<text_id>/done")
def done(text_id: str) -> ResponseReturnValue:
    """Settle the texts on the page without an answer by SMS."""
    staff_id, ids = current_staff().id, request.form.getlist("text")
    with transaction() as session:
        staff = session.get_one(Staff, staff_id)
        inbox.settle(session, staff, ids or [text_id], clock.now())
    flash("Đã ghi là xong.", "done")
    return redirect(url_for("inbox.show_all"), 303)


@blueprint.post("/<text_id>/reveal")
def reveal(text_id: str) -> ResponseReturnValue:
    """Show number and words in full in this one answer; the look is recorded."""
    staff_id, reason = current_staff().id, request.form.get("reveal_kind", "")
    try:
        with transaction() as session:
            staff = session.get_one(Staff, staff_id)
            seen = inbox.reveal(session, staff, text_id, reason, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        return _page(text_id, Shown(refusal))
    return _page(text_id, Shown(revealed=seen))


def _page(text_id: str, shown: Shown) -> ResponseReturnValue:
    session, now, staff = db.session(), clock.now(), current_staff()
    refusal = shown.refusal
    page = render_template(
        "staff/inbox/thread.html",
        thread=shown.revealed or inbox.find(session, staff, text_id),
        shown=shown,
        fault=words_for(refusal) if refusal else "",
        typed=request.form.get("reply", ""),
        way=request.form.get("way", "plain"),
        ways=WAYS,
        reveals_left=reveals_left(session, staff, now),
        reveal_reasons=REVEAL_REASONS,
        now=now,
    )
    return page, status_of(refusal) if refusal else 200


def _parcel(session: Session, typed: str, way: str) -> Parcel:
    try:
        sms = inbox.compose(session, typed, accented=way == "accented")
    except Invalid as refusal:
        return Parcel(WAYS[way], "", "", words_for(refusal))
    size = measure(sms.text)
    return Parcel(WAYS[way], f"{size.units}/{size.room} · {size.segments} tin", sms.text)
