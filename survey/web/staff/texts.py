"""Pages of the province's texts: cost and longest form of each, versions, and test messages."""

from typing import ClassVar

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import RadioField, SelectField, StringField, TelField, TextAreaField

from survey import clock
from survey.db import db, transaction
from survey.errors import Conflict, Invalid, NotFound, SurveyError
from survey.messages import drafting, versions
from survey.messages.placeholders import NAMES, SLOTS, Wording
from survey.messages.testing import send_test
from survey.models.text_version import TEXT_STEPS, TextForm, TextState
from survey.web.errors import status_of
from survey.web.staff import text_words
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import Lines, StaffForm, choices
from survey.web.staff.guard import current_staff

blueprint = staff_blueprint("texts", __name__, "/staff/texts")


class WordsForm(StaffForm):
    """A wording, written once with diacritics, and the form in which it is sent."""

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
    """A version's next step (the button that was pressed), and the carrier's answer."""

    state = StringField(default="")
    note = StringField(
        _("Số, ngày văn bản hoặc lý do của nhà mạng"), render_kw={"maxlength": 200}, default=""
    )


class TrialForm(StaffForm):
    """A version and the phone number to which it is sent as a test."""

    FIELD_OF_REFUSAL: ClassVar = {"bad_mobile": "phone", "test_quota": "phone"}

    version = SelectField(_("Bản"), coerce=int, validate_choice=False, default=0)
    phone = TelField(
        _("Số điện thoại của Ông/Bà"),
        render_kw={"required": True, "inputmode": "tel", "placeholder": "0912 345 678"},
        default="",
    )


@blueprint.get("")
def show_all() -> str:
    """All texts: the wording in use, and those waiting for a carrier."""
    session = db.session()
    listed = {name: versions.versions(session, name) for name in SLOTS}
    used = {name: versions.in_use(found) for name, found in listed.items()}
    longest = drafting.longest_values(session, clock.now())
    sizes = {name: drafting.size(name, one, longest) for name, one in used.items()}
    waiting = {
        name: [one for one in found if one.state in {TextState.DRAFT, TextState.SUBMITTED}]
        for name, found in listed.items()
    }
    return render_template(
        "staff/texts/list.html", used=used, sizes=sizes, waiting=waiting, words=text_words
    )


@blueprint.get("/<name>")
def edit(name: str) -> ResponseReturnValue:
    """One text: the editor with the wording in use, and its versions."""
    return _page(name, _words_in_use(name), TrialForm())


@blueprint.post("/<name>/look")
def look(name: str) -> ResponseReturnValue:
    """Preview size and text of the typed wording; stores nothing."""
    return _page(name, WordsForm.sent(), TrialForm())


@blueprint.post("/<name>")
def save(name: str) -> ResponseReturnValue:
    """Store the typed wording as the next version, if it has no problems."""
    staff_id, sent = current_staff().id, WordsForm.sent()
    if not sent.validate():
        return _page(name, sent, TrialForm()), 400
    wording = Wording(sent.form.data, sent.words.data)
    try:
        with transaction() as session:
            number = drafting.store(session, staff_id, name, wording, clock.now()).number
    except Invalid as refusal:
        sent.explain(refusal)
        return _page(name, sent, TrialForm()), 400
    done = gettext(
        "Đã lưu bản %(number)s. Bản này chỉ được gửi sau khi nhà mạng duyệt.", number=number
    )
    flash(done, "done")
    return redirect(url_for("texts.edit", name=name) + "#cac-ban", 303)


@blueprint.post("/<name>/versions/<int:version_id>")
def move(name: str, version_id: int) -> ResponseReturnValue:
    """Move a version one step on: sent to the carrier, approved, refused, withdrawn."""
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
    """Send one version, or the shipped text, to one's own number."""
    staff_id, form = current_staff().id, TrialForm.sent()
    if not form.validate():
        return _page(name, _words_in_use(name), form), 400
    number, chosen = form.phone.data, form.version.data
    try:
        with transaction() as session:
            wording = versions.numbered(session, name, chosen)
            longest = drafting.longest_values(session, clock.now())
            sms = versions.compose_as(wording, name, **longest)
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
        look=drafting.check_text(session, name, form.words.data, clock.now()),
        values=[NAMES[value] for value in SLOTS[name].values],
        needs=[NAMES[value] for value in SLOTS[name].needs],
        versions=listed,
        used=versions.in_use(listed),
        shipped={one: drafting.shipped(name, one) for one in TextForm},
        steps=TEXT_STEPS,
        words=text_words,
    )


def _words_in_use(name: str) -> WordsForm:
    """The editor with the wording in use: the province's, else the shipped one."""
    used = versions.in_use(versions.versions(db.session(), name))
    if used:
        return WordsForm(words=used.words, form=used.form)
    return WordsForm(words=drafting.shipped(name, TextForm.ACCENTED), form=TextForm.PLAIN)
