"""The one form of a case page: it holds every input, so that no step loses another step's text."""

from typing import Any

from flask_babel import lazy_gettext
from flask_babel import lazy_gettext as _
from wtforms import Field, HiddenField, IntegerField, RadioField, SelectField, StringField
from wtforms import TextAreaField as Area

from survey.cases import labels
from survey.cases.notices import Way
from survey.cases.steps import Ending
from survey.errors import Invalid
from survey.models.case import CloseReason
from survey.web.staff.forms import Lines, StaffForm, choices

LONGEST_TEXT = 4_000
WAYS: dict[Way, Any] = {
    Way.PLAIN: _("Đăng trên trang và gửi SMS toàn văn (không dấu)"),
    Way.ACCENTED: _("Đăng trên trang và gửi SMS toàn văn (có dấu)"),
    Way.NOTICE: _("Đăng trên trang và gửi SMS báo đã có trả lời"),
    Way.PAGE: _("Chỉ đăng trên trang trong đường dẫn"),
}
# A citizen who answered by SMS has no page.
WAYS_BY_SMS: dict[Way, Any] = {
    Way.PLAIN: _("Gửi SMS toàn văn (không dấu)"),
    Way.ACCENTED: _("Gửi SMS toàn văn (có dấu)"),
    Way.NOTICE: _("Gửi SMS báo đã có trả lời; người dân gọi tổng đài để nghe"),
}
CLOSE_REASONS = {reason: lazy_gettext(words) for reason, words in labels.CLOSE_REASONS.items()}
REVEAL_REASONS: dict[str, Any] = {
    "call_back": _("Gọi lại"),
    "compare": _("Đối chiếu hồ sơ"),
    "other": _("Lý do khác"),
}


class DraftField(Area):  # type: ignore[misc]  # WTForms has no types
    """Text typed for one step of a case."""

    def __init__(self, label: object = None, *, step: str = "", **more: Any) -> None:  # noqa: ANN401 - of the field
        super().__init__(label, **more)
        self.step = step

    @property
    def typed(self) -> str:
        """The typed text; empty while it is still the default."""
        words = self.data.strip()
        return "" if words == self.object_data.strip() else words


def _box(label: object, step: str, rows: int, *, longest: int = LONGEST_TEXT, **more: Any) -> Field:  # noqa: ANN401 - of the field
    """A multi-line input whose text one step uses."""
    attributes = {"rows": rows, "maxlength": longest, "form": "case"}
    given = {"default": "", **more}
    return DraftField(label, step=step, widget=Lines(), render_kw=attributes, **given)


def _closing_words(reason: CloseReason) -> Field:
    return _box(_("Lời thông báo khi đóng"), "close", 5, default=labels.CLOSE_WORDS[reason])


class CaseForm(StaffForm):
    """Everything typed on a case page, and the revision of the case that the page showed."""

    revision = IntegerField(widget=HiddenField.widget, default=0)
    seen = IntegerField(widget=HiddenField.widget, default=0)
    reply = _box(_("Trả lời"), "reply", 7)
    way = RadioField(_("Gửi tới người dân"), validate_choice=False)
    note = _box(_("Ghi chú"), "note", 3)
    close_reason = RadioField(
        _("Lý do"), choices=choices(CLOSE_REASONS), validate_choice=False, default=""
    )
    close_receiver = DraftField(
        _("Nơi nhận"),
        step="close",
        widget=StringField.widget,
        render_kw={"maxlength": 200, "form": "case"},
        default="",
    )
    # Each reason has its own input, so that no script has to insert the default text.
    close_text_resolved = _closing_words(CloseReason.RESOLVED)
    close_text_explained = _closing_words(CloseReason.EXPLAINED)
    close_text_transferred = _closing_words(CloseReason.TRANSFERRED)
    close_text_unreachable = _closing_words(CloseReason.UNREACHABLE)
    close_text_not_a_complaint = _closing_words(CloseReason.NOT_A_COMPLAINT)
    close_way = RadioField(_("Gửi lời thông báo"), validate_choice=False)
    close_note = _box(_("Ghi chú khi đóng"), "close", 2)
    postpone_words = _box(_("Lý do hẹn lại"), "postpone", 2)
    release_words = _box(_("Lý do cho đơn vị xem"), "release", 2, longest=300)
    reveal_kind = SelectField(
        _("Lý do"), choices=choices(REVEAL_REASONS), validate_choice=False, default=""
    )
    reveal_words = StringField(
        _("Ghi rõ thêm"), render_kw={"maxlength": 250, "form": "case"}, default=""
    )

    def drafts(self) -> list[tuple[str, str]]:
        """Typed texts not yet used: label of the input, and text."""
        return [
            (str(field.label.text), field.typed)
            for field in self
            if isinstance(field, DraftField) and field.typed
        ]

    def forget(self, used: str) -> None:
        """Empty the inputs that a step has used."""
        for field in self:
            if isinstance(field, DraftField) and field.step == used:
                field.process(None)

    def offer(self, ways: dict[Way, Any]) -> None:
        """Offer the ways available for this citizen; the default is SMS without diacritics."""
        self.way.choices = choices(ways)
        self.close_way.choices = choices({one: ways[one] for one in ways if one != Way.NOTICE})
        for field in (self.way, self.close_way):
            field.data = field.data or Way.PLAIN

    def reveal_reason(self) -> str:
        """The reason for revealing the number; empty for "other" without a text."""
        kind, words = self.reveal_kind.data, self.reveal_words.data.strip()
        if kind == "other" and not words:
            return ""
        known = str(REVEAL_REASONS[kind]) if kind in REVEAL_REASONS else ""
        return ". ".join(filter(None, (known, words)))

    def ending(self) -> Ending:
        """The chosen ending: reason with its own text, receiver, note and way."""
        reason, way = self.close_reason.data, chosen_way(self.close_way)
        if reason not in set(CloseReason):
            raise Invalid("close_reason")
        return Ending(
            reason=CloseReason(reason),
            text=self[f"close_text_{reason}"].data,
            receiver=self.close_receiver.data,
            note=self.close_note.data,
            way=way if way is not Way.NOTICE else Way.PAGE,
        )


def chosen_way(field: Field) -> Way:
    """The way that was sent; the page alone if none or an unknown one was sent."""
    return Way(field.data) if field.data in set(Way) else Way.PAGE
