"""The demo's role logins and phone, only with DEMO=1: one person walks through the whole process.

A role login signs in as an invented account of that role.
"""

import secrets
from typing import cast

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import HiddenField, StringField

from survey import accounts, clock, demo
from survey.answers import conversation
from survey.db import db, transaction
from survey.errors import Refused, SurveyError
from survey.formats import mask_phone
from survey.messages import outbox
from survey.messages.providers import InboundSms, build_provider
from survey.models.staff import RoleName
from survey.settings import Settings
from survey.web.staff.errors import explain
from survey.web.staff.forms import Needed, StaffForm
from survey.web.staff.guard import begin_session, csrf

blueprint = Blueprint("demo", __name__, url_prefix="/demo")

MESSAGES_SHOWN = 20
# Three segments of a multipart SMS.
REPLY_LENGTH = 459


class PhoneForm(StaffForm):
    """Which of the two demo phones is meant: `link` by default."""

    kind = HiddenField(filters=[lambda kind: kind if kind in demo.PHONES else "link"])


class ReplyForm(PhoneForm):
    """A text that the demo phone sends back."""

    text = StringField(_("Tin nhắn trả lời"), [Needed(_("Chưa viết gì để gửi."))], default="")


def _settings() -> Settings:
    return cast("Settings", current_app.extensions["settings"])


def register(app: Flask) -> None:
    """Register the demo's pages on the application."""
    app.register_blueprint(blueprint)


@blueprint.before_request
def _only_in_a_demo() -> None:
    if not _settings().demo:
        abort(404)
    if request.method == "POST":
        csrf.protect()


@blueprint.errorhandler(SurveyError)
def _explain(refusal: SurveyError) -> ResponseReturnValue:
    return explain(refusal)


@blueprint.get("")
def role_logins() -> str:
    """The role logins, and the walk in five steps."""
    session, is_rehearsal = db.session(), _settings().is_rehearsal
    logins = demo.ROLE_LOGINS.values() if is_rehearsal else ()
    passwords = [(login, demo.password_of(session, login)) for login in logins]
    return render_template("demo/role_logins.html", passwords=passwords, is_rehearsal=is_rehearsal)


@blueprint.post("/enter/<role>")
def enter(role: str) -> ResponseReturnValue:
    """Sign in as the account of a role login; refused where messages reach real people."""
    if role not in set(RoleName) or not _settings().is_rehearsal:
        abort(404)
    now = clock.now()
    with transaction() as session:
        staff = demo.prepare_login(session, RoleName(role), now)
        accounts.note_sign_in(session, now, staff)
    begin_session(staff)
    return redirect(url_for("staff.home"), 303)


@blueprint.post("/dossier")
def finish_dossier() -> ResponseReturnValue:
    """Register a dossier finished now for the demo phone, and send the messages that are due."""
    settings = _settings()
    if not settings.is_rehearsal:
        raise Refused("not_a_demo")
    kind, now = PhoneForm.sent(kind=request.args.get("kind")).kind.data, clock.now()
    with transaction() as session:
        code = demo.finish_one(session, now, demo.PHONES[kind])
    outbox.send_due(build_provider(settings), clock.now())
    done = gettext("Đã trả kết quả hồ sơ %(code)s. Tin nhắn mời đánh giá đã đến máy.", code=code)
    flash(done, "done")
    return _to_phone(kind)


def _to_phone(kind: str) -> ResponseReturnValue:
    """Redirect to one of the phones; the first has the plain URL."""
    return redirect(url_for("demo.phone", kind=None if kind == "link" else kind), 303)


@blueprint.get("/phone")
def phone() -> str:
    """A phone with the messages sent to it, newest first."""
    settings, form = _settings(), ReplyForm(kind=request.args.get("kind"))
    kind = form.kind.data
    number = demo.PHONES[kind]
    received = demo.messages(settings.sms.console_file, MESSAGES_SHOWN, number)
    return render_template(
        "demo/phone.html",
        messages=received,
        number=mask_phone(number),
        kind=kind,
        form=form,
        reply_number=settings.sms.reply_number,
        most=REPLY_LENGTH,
        is_rehearsal=settings.is_rehearsal,
    )


@blueprint.post("/phone/reply")
def reply() -> ResponseReturnValue:
    """Handle a text from the phone like one from a provider, and send the resulting messages."""
    settings = _settings()
    if not settings.is_rehearsal:
        raise Refused("not_a_demo")
    form = ReplyForm.sent(kind=request.args.get("kind"))
    kind, text = form.kind.data, form.text.data.strip()[:REPLY_LENGTH]
    if not form.validate():
        flash(form.fault, "wrong")
        return _to_phone(kind)
    now = clock.now()
    inbound = InboundSms("console", secrets.token_hex(16), demo.PHONES[kind], text)
    with transaction() as session:
        conversation.receive(session, inbound, now)
    outbox.send_due(build_provider(settings), clock.now())
    flash(gettext("Đã gửi: “%(text)s”.", text=text), "done")
    return _to_phone(kind)
