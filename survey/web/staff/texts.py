"""The room of texts: what each costs and says at its longest, its versions, and a test send."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import clock
from survey.db import db, settings_of, transaction
from survey.errors import Conflict, Invalid, NotFound, SurveyError
from survey.messages import lint, versions
from survey.messages.placeholders import NAMES, SLOTS, Wording
from survey.messages.testing import send_test
from survey.messages.text import deadline_words, shipped_words, short_agency_name
from survey.models.organisation import Agency, Province
from survey.models.text_version import TEXT_STEPS, TextForm, TextState, TextVersion
from survey.web.errors import status_of
from survey.web.staff import text_words as words
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_staff
from survey.wording import words_for
from survey.workdays import local_day

# Values at their longest where the province does not decide them.
SAMPLES = {
    "last4": "0042",
    "code": "7Q2M",
    "reply_number": "0912345678",
    "case_code": "PA7F3K2Q",
}
SAMPLE_TOKEN = "7Q4M2XAB9K3P"  # noqa: S105 - opens nothing
LONGEST_TIME = timedelta(hours=9, minutes=30)

blueprint = staff_blueprint("texts", __name__, "/staff/texts")


@dataclass(frozen=True, slots=True)
class Look:
    """What a wording looks like: both forms at their longest, refused signs marked, problems."""

    previews: list[lint.Preview]
    marked: list[tuple[str, bool]]
    problems: list[lint.Problem]
    by_form: Mapping[str, list[lint.Problem]]


@blueprint.get("")
def show_all() -> str:
    """All texts: which words leave now, and which wait for a carrier."""
    session = db.session()
    listed = {name: versions.versions(session, name) for name in SLOTS}
    used = {name: _used(found) for name, found in listed.items()}
    longest = _longest(session)
    sizes = {name: _size(name, one, longest) for name, one in used.items()}
    waiting = {
        name: [one for one in found if one.state in {TextState.DRAFT, TextState.SUBMITTED}]
        for name, found in listed.items()
    }
    return render_template(
        "staff/texts/list.html", used=used, sizes=sizes, waiting=waiting, words=words
    )


@blueprint.get("/<name>")
def edit(name: str) -> ResponseReturnValue:
    """One text: the editor, begun with the words that leave now, and its versions."""
    session = db.session()
    used = _used(versions.versions(session, name))
    given = used.words if used else _shipped(name, TextForm.ACCENTED)
    return _page(name, given, used.form if used else TextForm.PLAIN)


@blueprint.post("/<name>/look")
def look(name: str) -> ResponseReturnValue:
    """Show what the typed words cost and say; stores nothing."""
    return _page(name, *_typed())


@blueprint.post("/<name>")
def save(name: str) -> ResponseReturnValue:
    """Keep the typed words as the next version, if nothing is wrong with them."""
    staff_id = current_staff().id
    typed, form = _typed()
    if name not in SLOTS:
        raise NotFound("no_such_text")
    if form not in set(TextForm):
        return _page(name, typed, TextForm.PLAIN, words_for(Invalid("text_no_choice"))), 400
    if _look(db.session(), name, typed).by_form[form]:
        return _page(name, typed, form, "Nội dung còn lỗi, chưa lưu."), 400
    with transaction() as session:
        number = versions.draft(session, staff_id, name, Wording(form, typed), clock.now()).number
    flash(f"Đã lưu bản {number}. Bản này chỉ được gửi sau khi nhà mạng duyệt.", "done")
    return redirect(url_for("texts.edit", name=name) + "#cac-ban", 303)


@blueprint.post("/<name>/versions/<int:version_id>")
def move(name: str, version_id: int) -> ResponseReturnValue:
    """Take a version one step on: sent to the carrier, approved, refused, out of use."""
    staff_id, asked = current_staff().id, request.form.get("state", "")
    if asked not in set(TextState):
        raise Conflict("text_step")
    note = request.form.get("note", "")
    with transaction() as session:
        moved = versions.step(session, staff_id, version_id, TextState(asked), note, clock.now())
        told = f"Bản {moved.number}: {words.STATES[moved.state][0].lower()}."
    flash(told, "done")
    return redirect(url_for("texts.edit", name=name) + "#cac-ban", 303)


@blueprint.post("/<name>/test")
def try_out(name: str) -> ResponseReturnValue:
    """Send one version, or the shipped text, to a number of one's own."""
    staff_id, number = current_staff().id, request.form.get("phone", "")
    chosen = request.form.get("version", 0, type=int)
    try:
        with transaction() as session:
            sms = versions.compose_as(_wording(session, name, chosen), name, **_longest(session))
            send_test(session, staff_id, number, sms, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        used = _used(versions.versions(db.session(), name))
        given = used.words if used else _shipped(name, TextForm.ACCENTED)
        form = used.form if used else TextForm.PLAIN
        return _page(name, given, form, test_fault=words_for(refusal)), status_of(refusal)
    flash("Tin thử đã vào hàng đợi và sẽ đến trong ít phút.", "done")
    return redirect(url_for("texts.edit", name=name) + "#gui-thu", 303)


def _page(name: str, typed: str, form: str, fault: str = "", test_fault: str = "") -> str:
    session = db.session()
    listed = versions.versions(session, name)
    return render_template(
        "staff/texts/edit.html",
        name=name,
        typed=typed,
        form=form,
        look=_look(session, name, typed),
        values=[NAMES[value] for value in SLOTS[name].values],
        needs=[NAMES[value] for value in SLOTS[name].needs],
        versions=listed,
        choices=[(0, "Mẫu có sẵn"), *((one.number, f"Bản {one.number}") for one in listed)],
        used=_used(listed),
        shipped={one: _shipped(name, one) for one in TextForm},
        steps=TEXT_STEPS,
        fault=fault,
        test_fault=test_fault,
        words=words,
    )


def _typed() -> tuple[str, str]:
    """The words as one line, and the form chosen."""
    return " ".join(request.form.get("words", "").split()), request.form.get("form", "")


def _look(session: Session, name: str, typed: str) -> Look:
    host = urlsplit(settings_of(session).public_url).hostname or ""
    longest = _longest(session)
    found = lint.problems(name, typed, host)
    previews = [lint.preview(form, typed, longest) for form in TextForm]
    return Look(
        previews=previews,
        marked=lint.marked(typed),
        problems=found,
        by_form={one.form: [*found, *filter(None, [lint.cost_problem(one)])] for one in previews},
    )


def _longest(session: Session) -> dict[str, str]:
    """Every value a text may name, at its longest in this province."""
    settings, now = settings_of(session), clock.now()
    today = local_day(now)
    agencies = [one for one in session.scalars(select(Agency)) if one.is_valid_on(today)]
    names = [short_agency_name(agency.name) for agency in agencies]
    return {
        **SAMPLES,
        "agency": max(names, key=len, default="UBND"),
        "url": f"{settings.public_url}/s/{SAMPLE_TOKEN}",
        "hotline": session.scalars(select(Province.hotline)).first() or "",
        "by": deadline_words(datetime(2026, 11, 25, tzinfo=UTC) + LONGEST_TIME, "vi_accented"),
    } | ({"reply_number": settings.sms.reply_number} if settings.sms.reply_number else {})


def _used(listed: list[TextVersion]) -> TextVersion | None:
    """The version that leaves: the newest approved one."""
    return next((one for one in listed if one.state == TextState.APPROVED), None)


def _size(name: str, used: TextVersion | None, longest: Mapping[str, str]) -> lint.Preview:
    form, given = (used.form, used.words) if used else (TextForm.PLAIN, "")
    return lint.preview(form, given or _shipped(name, form), longest)


def _shipped(name: str, form: str) -> str:
    """The shipped text of a form, with placeholders where its values stand."""
    locale = "vi" if form == TextForm.PLAIN else "vi_accented"
    named = {value: f"{{{NAMES[value]}}}" for value in SLOTS[name].values}
    return shipped_words(name, locale, {**dict.fromkeys(NAMES, ""), **named})


def _wording(session: Session, name: str, chosen: int) -> Wording | None:
    """The words of a version of this text by its number; None (0) for the shipped ones."""
    if not chosen:
        return None
    for one in versions.versions(session, name):
        if one.number == chosen:
            return Wording(one.form, one.words)
    raise NotFound("no_such_text")
