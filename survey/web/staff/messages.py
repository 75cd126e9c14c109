"""Message pages: state of the queue, delivery, costs, one number's messages, unclear ones."""

from datetime import datetime, timedelta
from typing import ClassVar

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Field, RadioField, SelectMultipleField, StringField, TelField
from wtforms.validators import AnyOf, ValidationError

from survey import clock
from survey.db import db, transaction
from survey.delivery import rates
from survey.delivery.costs import month_costs
from survey.delivery.labels import not_sent_words
from survey.delivery.looking_up import look_up as look_up_number
from survey.delivery.operator_alerts import open_operator_alerts, operator_alert_words
from survey.delivery.queue_status import outcomes_since, queue_status
from survey.delivery.unclear import Verdict, waiting_for_person
from survey.delivery.unclear import decide as settle
from survey.delivery.unclear import unclear as unclear_messages
from survey.errors import Invalid
from survey.jobs import heartbeat
from survey.messages.labels import STATES
from survey.models.job import ProcessKind
from survey.models.operator_alert import AlertRule
from survey.models.staff import Staff
from survey.period import Month
from survey.web.staff import message_words as words
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import StaffForm, choices
from survey.web.staff.guard import current_staff

# Seconds between reloads of a page with messages being sent, unless the reader stopped them.
RENEW_AFTER = "5"
STAND_STILL = "dung"
PERIODS = (1, 7, 30)
# Number of months with costs.
COST_MONTHS = 13
# The page computes the other problems itself, from the current state.
WARNED = (AlertRule.SMS_BUDGET_NEAR,)

NOTHING_CHOSEN = _("Chưa chọn tin nào.")

blueprint = staff_blueprint("messages", __name__, "/staff/messages")


class NumberForm(StaffForm):
    """The number of a citizen who asks what was sent to it."""

    FIELD_OF_REFUSAL: ClassVar = {"bad_mobile": "phone"}

    phone = TelField(
        _("Số điện thoại"),
        description=_("Nhập đủ số, ví dụ 0912 345 678. Không tìm theo một phần của số."),
        render_kw={"required": True, "inputmode": "tel"},
        default="",
    )


class UnclearForm(StaffForm):
    """The chosen unclear messages and the decision, which is the button that was pressed."""

    scope = RadioField(
        choices=choices({"chosen": _("các tin đã đánh dấu"), "all": _("tất cả")}),
        default="chosen",
        invalid_choice_message=NOTHING_CHOSEN,
    )
    message = SelectMultipleField(validate_choice=False, default=())
    verdict = StringField(validators=[AnyOf(list(Verdict), NOTHING_CHOSEN)])

    def validate_message(self, chosen: Field) -> None:
        """Require a choice: messages of the list, or all."""
        if self.scope.data != "all" and not chosen.data:
            raise ValidationError(NOTHING_CHOSEN)


@blueprint.app_template_filter("lasting")
def lasting(value: timedelta) -> str:
    """A duration in words."""
    return words.length_words(value)


@blueprint.get("")
def show() -> ResponseReturnValue:
    """Queue and results; the page reloads itself while messages are being sent."""
    session, now = db.session(), clock.now()
    state = queue_status(session, now)
    days = request.args.get("days", 0, type=int)
    days = days if days in PERIODS else PERIODS[1]
    renews = state.is_under_way and STAND_STILL not in request.args
    page = render_template(
        "staff/messages/show.html",
        state=state,
        now=now,
        outcomes=outcomes_since(session, now - timedelta(days=days)),
        days=days,
        periods=PERIODS,
        unclear=waiting_for_person(session, now),
        is_silent=not heartbeat.is_any_alive(session, ProcessKind.SENDER, now),
        # not on reloads, because it reads six weeks of data
        low=[] if renews else rates.board(session, now).low_lately(),
        renews=renews,
        warnings=[
            operator_alert_words(one) for one in open_operator_alerts(session) if one.rule in WARNED
        ],
        stand_still=STAND_STILL,
        words=words,
        states=STATES,
    )
    return page, {"Refresh": RENEW_AFTER} if renews else {}


@blueprint.get("/delivery")
def delivery() -> str:
    """Delivery rate per carrier, prefix and day."""
    return render_template(
        "staff/messages/delivery.html", board=rates.board(db.session(), clock.now())
    )


@blueprint.get("/costs")
def costs() -> str:
    """Costs of a month's messages per agency, reasons of messages not sent, and budgets."""
    session, now = db.session(), clock.now()
    months = _months(now)
    asked = request.args.get("month", "")
    month = next((one for one in months if one == asked), months[0])
    return render_template(
        "staff/messages/costs.html",
        costs=month_costs(session, month, now),
        months=months,
        month=month,
        not_sent_words=not_sent_words,
        words=words,
    )


@blueprint.route("/search", methods=["GET", "POST"])
def look_up() -> ResponseReturnValue:
    """Messages to one number; the look-up is audited, and the number is in no URL or log."""
    number, form = None, NumberForm()
    if request.method == "POST":
        staff_id, form = current_staff().id, NumberForm.sent()
        try:
            with transaction() as session:
                staff, typed = session.get_one(Staff, staff_id), form.phone.data
                number = look_up_number(session, staff, typed, clock.now())
        except Invalid as refusal:
            form.explain(refusal)
    shown = {"number": number, "form": form, "words": words, "states": STATES}
    page = render_template("staff/messages/search.html", **shown)
    return page, 400 if form.fault else 200


@blueprint.get("/unclear")
def unclear() -> str:
    """Messages with an unknown result, on which a person has to decide."""
    return _unclear_page(UnclearForm())


@blueprint.post("/unclear")
def decide() -> ResponseReturnValue:
    """Settle the chosen messages, or all unclear ones, as sent or to be sent again."""
    staff_id, form = current_staff().id, UnclearForm.sent()
    if not form.validate():
        return _unclear_page(form), 400
    ids = None if form.scope.data == "all" else form.message.data
    verdict = Verdict(form.verdict.data)
    with transaction() as session:
        settled = settle(session, staff_id, ids, verdict, clock.now())
    if verdict == Verdict.LEFT:
        done = gettext(
            "Đã ghi là đã gửi: %(count)s tin. Quyết định được ghi vào nhật ký.", count=settled
        )
    else:
        done = gettext(
            "Đã đưa lại vào hàng đợi: %(count)s tin. Quyết định được ghi vào nhật ký.",
            count=settled,
        )
    flash(done, "done")
    return redirect(url_for("messages.unclear"), 303)


def _months(now: datetime) -> list[Month]:
    """The local month of an instant and those before it, newest first."""
    return [Month.at(now).plus(-before) for before in range(COST_MONTHS)]


def _unclear_page(form: UnclearForm) -> str:
    session, now = db.session(), clock.now()
    return render_template(
        "staff/messages/unclear.html",
        messages=unclear_messages(session, now),
        total=waiting_for_person(session, now),
        form=form,
        now=now,
        words=words,
    )
