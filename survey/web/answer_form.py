"""The citizen's form: parses the request into a submission, or errors beside what was typed."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence

from werkzeug.datastructures import MultiDict
from wtforms import Field, Form, StringField
from wtforms.validators import ValidationError

from survey.answers import Submission
from survey.answers.submission import COMMENT_LENGTH
from survey.errors import Invalid
from survey.models.questionnaire import HIGHEST_RATING, LOWEST_RATING
from survey.web.language import LANGUAGES, Language

RATINGS = tuple(str(rating) for rating in range(LOWEST_RATING, HIGHEST_RATING + 1))
FIELDS = ("overall", "reasons", "comment", "contact", "contact_phone")
PHONE_LENGTH = 40
# Page → its fields; the first page with an error is shown again. The page of reasons also has one
# field per factor, named by the factor's code.
PAGES: Mapping[str, Sequence[str]] = {
    "rate": ("overall",),
    "reasons": ("reasons", "comment"),
    "contact": ("contact", "contact_phone"),
}


class TypedField(StringField):  # type: ignore[misc]  # WTForms has no types
    """Text or a choice as it was sent; templates render the input, so it has no label."""

    def __init__(self, **given: object) -> None:
        super().__init__("", default="", **given)

    @property
    def is_sent(self) -> bool:
        """Whether the request has this field at all."""
        return bool(self.raw_data)

    @property
    def text(self) -> str:
        """The field's text without surrounding whitespace."""
        return str(self.data).strip()


class RatingField(TypedField):
    """A rating of 1 to 5, or empty."""

    def pre_validate(self, form: "AnswerForm") -> None:
        """Reject values that are no rating."""
        if self.text and self.text not in RATINGS:
            raise ValidationError(form.language.translate("Xin chọn một trong năm mức."))

    @property
    def rating(self) -> int | None:
        """The rating; call only without errors."""
        return int(self.text) if self.text else None


class ReasonsField(TypedField):
    """The chosen factors; an empty value only shows that the page asked."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Store every choice that is not empty."""
        self.data = [value for value in valuelist if value]


class CommentField(TypedField):
    """The citizen's comment, measured as it will be stored."""

    def pre_validate(self, form: "AnswerForm") -> None:
        """Reject a comment that is too long, and say by how many characters."""
        over = len(self.text) - COMMENT_LENGTH
        if over > 0:
            _ = form.language.translate
            sentence = _("Góp ý dài quá %(over)s ký tự; xin rút gọn còn 2.000 ký tự.")
            raise ValidationError(sentence % {"over": form.language.number(over)})

    @property
    def text(self) -> str:
        """The comment as it is stored: line ends as LF, Unicode NFC, without NUL bytes."""
        lines = self.data.replace("\r\n", "\n").replace("\r", "\n")
        return unicodedata.normalize("NFC", lines).replace("\0", "").strip()


class AnswerForm(Form):  # type: ignore[misc]  # WTForms has no types
    """The fields of the citizen's pages, with errors in the citizen's language.

    `ratings`: what was sent in any other field, by its name. Which of these are factors is only
    known once the link's questionnaire has been read; the rest is ignored.
    """

    overall = RatingField()
    reasons = ReasonsField()
    comment = CommentField()
    contact = TypedField()
    contact_phone = TypedField()
    # When the page was rendered, for the quality flags of an answer.
    shown = TypedField()

    def __init__(self, sent: MultiDict[str, str], language: Language) -> None:
        self.language = language
        super().__init__(sent)
        self.ratings = {name: sent[name].strip() for name in sent if name not in self}
        self.wrong_ratings: dict[str, str] = {}

    def validate_contact(self, contact: Field) -> None:
        """Yes or no; a phone number without a choice is an error."""
        _ = self.language.translate
        if contact.text not in {"", "yes", "no"}:
            raise ValidationError(_("Xin chọn “Có” hoặc “Không cần gọi”."))
        if self.contact_phone.text and not contact.text:
            raise ValidationError(
                _("Ông/Bà đã ghi số điện thoại; xin chọn có muốn được gọi lại hay không.")
            )

    def validate_contact_phone(self, phone: Field) -> None:
        """Reject a number that is too long; the rest is checked where numbers are parsed."""
        if len(phone.text) > PHONE_LENGTH:
            raise ValidationError(self._sentence(Invalid("bad_contact_phone")))

    @property
    def says_more(self) -> bool:
        """Whether the page of reasons was sent."""
        is_rated = any(text in RATINGS for text in self.ratings.values())
        return is_rated or any(self[name].is_sent for name in PAGES["reasons"])

    def check_ratings(self, factors: Collection[str]) -> None:
        """Validate ratings and reasons against the factors of the questionnaire."""
        _ = self.language.translate
        given = {name: self.ratings[name] for name in factors if self.ratings.get(name)}
        wrong = [name for name, text in given.items() if text not in RATINGS]
        self.wrong_ratings = dict.fromkeys(wrong, _("Xin chọn một trong năm mức."))
        if not set(self.reasons.data) <= set(factors):
            self.reasons.errors = [_("Xin chọn trong các mục dưới đây.")]

    @property
    def page(self) -> str:
        """The first page with an error in one of its fields."""
        return next(page for page in PAGES if self.faults(page))

    def faults(self, page: str) -> dict[str, str]:
        """Errors in the fields of a page: field → sentence."""
        wrong = self.wrong_ratings if page == "reasons" else {}
        fields = PAGES.get(page, ())
        return {**wrong, **{name: self[name].errors[0] for name in fields if self[name].errors}}

    def kept(self, page: str | None) -> list[tuple[str, str]]:
        """Every known field and rating that `page` does not ask, for hidden inputs."""
        shown = PAGES.get(page or "", ())
        kept = [
            (name, value) for name in FIELDS if name not in shown for value in self[name].raw_data
        ]
        if page != "reasons":
            kept += [(name, text) for name, text in self.ratings.items() if text in RATINGS]
        return kept

    def explain(self, refusal: Invalid) -> None:
        """Put an error that only the database could find beside its field.

        `check_ratings` already finds those of ratings and reasons.
        """
        if refusal.code in {"bad_rating", "bad_factor"}:
            return
        field = self.overall if refusal.code == "rating_first" else self.contact_phone
        field.errors = [self._sentence(refusal)]

    def _sentence(self, refusal: Invalid) -> str:
        _ = self.language.translate
        if refusal.code == "rating_first":
            return _("Xin chọn một mức trước; những gì Ông/Bà đã viết vẫn được giữ.")
        if refusal.code == "bad_contact_phone":
            return _("Xin ghi số di động, hoặc số bàn có mã vùng, ví dụ 0912 345 678.")
        raise refusal

    def submission(self) -> Submission:
        """The submission to store; call only without errors."""
        contact = self.contact.text
        ratings = {
            name: int(text) if text in RATINGS else 0 for name, text in self.ratings.items() if text
        }
        return Submission(
            overall=self.overall.rating,
            ratings=ratings or None,
            reasons=tuple(self.reasons.data) if self.reasons.is_sent else None,
            comment=self.comment.text if self.comment.is_sent else None,
            contact=contact == "yes" if contact else None,
            contact_phone=self.contact_phone.text if contact == "yes" else "",
            shown=self.shown.text,
        )


# One per language, prepared once, because most links are opened before anything is answered.
BLANK = {code: AnswerForm(MultiDict(), language) for code, language in LANGUAGES.items()}
