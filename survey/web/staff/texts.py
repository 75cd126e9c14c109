"""The room of texts: what each costs and says at its longest, its versions, and a test send."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, StringField, TelField, TextAreaField

from survey import clock
from survey.db import db, settings_of, transaction
from survey.errors import Conflict, NotFound, SurveyError
from survey.messages import lint, versions
from survey.messages.placeholders import NAMES, SLOTS, Wording
from survey.messages.testing import send_test
from survey.messages.text import deadline_words, shipped_words, short_agency_name
from survey.models.organisation import Agency
from survey.models.province import Province
from survey.models.text_version import TEXT_STEPS, TextForm, TextState, TextVersion
from survey.province.workdays import local_day
from survey.web.errors import status_of
from survey.web.staff import text_words
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import Lines, StaffForm, choices
from survey.web.staff.guard import current_staff

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


class WordsForm(StaffForm):
    """A wording, written once with its diacritics, and the form it is to leave in."""

    words = TextAreaField(
        _("Nội dung, viết có dấu"),
        filters=[lambda words: " ".join(words.split())],
        widget=Lines(),
        render_kw={"rows": 5, "maxlength": 600},
        default="",
    )
    form = RadioField(
        _("Gửi theo dạng"),
        choices=choices(text_words.FORMS),
        invalid_choice_message=_("Hãy chọn dạng gửi: không dấu hoặc có dấu."),
        default="",
    )


class StepForm(StaffForm):
    """The step a version takes (the button that was pressed), and what the carrier said."""

    state = StringField(default="")
    note = StringField(
        _("Số, ngày văn bản hoặc lý do của nhà mạng"), render_kw={"maxlength": 200}, default=""
    )


class TrialForm(StaffForm):
    """Which version is sent to which telephone for a test."""

    FIELD_OF_REFUSAL: ClassVar = {"bad_mobile": "phone", "test_quota": "phone"}

    version = SelectField(_("Bản"), coerce=int, validate_choice=False, default=0)
    phone = TelField(
        _("Số điện thoại của Ông/Bà"),
        render_kw={"required": True, "inputmode": "tel", "placeholder": "0912 345 678"},
        default="",
    )


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
        "staff/texts/list.html", used=used, sizes=sizes, waiting=waiting, words=text_words
    )


@blueprint.get("/<name>")
def edit(name: str) -> ResponseReturnValue:
    """One text: the editor, begun with the words that leave now, and its versions."""
    return _page(name, _words_in_use(name), TrialForm())


@blueprint.post("/<name>/look")
def look(name: str) -> ResponseReturnValue:
    """Show what the typed words cost and say; stores nothing."""
    return _page(name, WordsForm.sent(), TrialForm())


@blueprint.post("/<name>")
def save(name: str) -> ResponseReturnValue:
    """Keep the typed words as the next version, if nothing is wrong with them."""
    staff_id, sent = current_staff().id, WordsForm.sent()
    if name not in SLOTS:
        raise NotFound("no_such_text")
    if not sent.validate():
        return _page(name, sent, TrialForm()), 400
    typed, form = sent.words.data, sent.form.data
    if _look(db.session(), name, typed).by_form[form]:
        sent.form_errors.append(gettext("Nội dung còn lỗi, chưa lưu."))
        return _page(name, sent, TrialForm()), 400
    with transaction() as session:
        number = versions.draft(session, staff_id, name, Wording(form, typed), clock.now()).number
    done = gettext(
        "Đã lưu bản %(number)s. Bản này chỉ được gửi sau khi nhà mạng duyệt.", number=number
    )
    flash(done, "done")
    return redirect(url_for("texts.edit", name=name) + "#cac-ban", 303)


@blueprint.post("/<name>/versions/<int:version_id>")
def move(name: str, version_id: int) -> ResponseReturnValue:
    """Take a version one step on: sent to the carrier, approved, refused, out of use."""
    staff_id, form = current_staff().id, StepForm.sent()
    asked, note = form.state.data, form.note.data
    if asked not in set(TextState):
        raise Conflict("text_step")
    with transaction() as session:
        moved = versions.step(session, staff_id, version_id, TextState(asked), note, clock.now())
        number, state = moved.number, str(text_words.STATES[moved.state][0]).lower()
    flash(gettext("Bản %(number)s: %(state)s.", number=number, state=state), "done")
    return redirect(url_for("texts.edit", name=name) + "#cac-ban", 303)


@blueprint.post("/<name>/test")
def try_out(name: str) -> ResponseReturnValue:
    """Send one version, or the shipped text, to a number of one's own."""
    staff_id, form = current_staff().id, TrialForm.sent()
    if not form.validate():
        return _page(name, _words_in_use(name), form), 400
    number, chosen = form.phone.data, form.version.data
    try:
        with transaction() as session:
            sms = versions.compose_as(_wording(session, name, chosen), name, **_longest(session))
            send_test(session, staff_id, number, sms, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        form.explain(refusal)
        return _page(name, _words_in_use(name), form), status_of(refusal)
    flash(gettext("Tin thử đã vào hàng đợi và sẽ đến trong ít phút."), "done")
    return redirect(url_for("texts.edit", name=name) + "#gui-thu", 303)


def _page(name: str, form: WordsForm, test: TrialForm) -> str:
    session = db.session()
    listed = versions.versions(session, name)
    numbers = {one.number: gettext("Bản %(number)s", number=one.number) for one in listed}
    test.version.choices = choices({0: _("Mẫu có sẵn"), **numbers})
    return render_template(
        "staff/texts/edit.html",
        name=name,
        form=form,
        test=test,
        step=StepForm(),
        look=_look(session, name, form.words.data),
        values=[NAMES[value] for value in SLOTS[name].values],
        needs=[NAMES[value] for value in SLOTS[name].needs],
        versions=listed,
        used=_used(listed),
        shipped={one: _shipped(name, one) for one in TextForm},
        steps=TEXT_STEPS,
        words=text_words,
    )


def _words_in_use(name: str) -> WordsForm:
    """The editor with the words that leave now: those of the province, else the shipped ones."""
    used = _used(versions.versions(db.session(), name))
    if used:
        return WordsForm(words=used.words, form=used.form)
    return WordsForm(words=_shipped(name, TextForm.ACCENTED), form=TextForm.PLAIN)


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
