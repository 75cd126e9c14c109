"""The citizen's form: what was sent becomes a submission, or errors beside what was typed."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from werkzeug.datastructures import MultiDict

from survey.answers import Submission
from survey.answers.submission import COMMENT_LENGTH
from survey.errors import Invalid
from survey.models.questionnaire import FACTORS, HIGHEST_RATING, LOWEST_RATING
from survey.web.language import Language

RATINGS = tuple(str(rating) for rating in range(LOWEST_RATING, HIGHEST_RATING + 1))
FIELDS = ("overall", *FACTORS, "reasons", "comment", "contact", "contact_phone")
PHONE_LENGTH = 40
# Which page asks a field; the first page with an error is shown again.
PAGES: Mapping[str, Sequence[str]] = {
    "rate": ("overall",),
    "reasons": (*FACTORS, "reasons", "comment"),
    "contact": ("contact", "contact_phone"),
}


@dataclass(slots=True)
class AnswerForm:
    """What was typed, field by field, and what is wrong with it."""

    sent: MultiDict[str, str]
    # Field → sentence in the citizen's language.
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """Factors that were ticked; the empty value only says that the page asked."""
        return [value for value in self.sent.getlist("reasons") if value]

    @property
    def page(self) -> str:
        """The first page that asks for a field with an error."""
        return next(page for page, fields in PAGES.items() if self.errors.keys() & set(fields))

    def kept(self, page: str | None) -> list[tuple[str, str]]:
        """Every known field that `page` does not show, to travel along hidden."""
        shown = PAGES.get(page or "", ())
        return [
            (name, value)
            for name in FIELDS
            if name not in shown
            for value in self.sent.getlist(name)
        ]

    def check(self, language: Language) -> None:
        """Fill `errors` with what can be judged without the database."""
        _ = language.translate
        for name in ("overall", *FACTORS):
            if self._text(name) and self._text(name) not in RATINGS:
                self.errors[name] = _("Xin chọn một trong năm mức.")
        if not set(self.reasons) <= set(FACTORS):
            self.errors["reasons"] = _("Xin chọn trong các mục dưới đây.")
        over = len(self.comment) - COMMENT_LENGTH
        if over > 0:
            sentence = _("Góp ý dài quá %(over)s ký tự; xin rút gọn còn 2.000 ký tự.")
            self.errors["comment"] = sentence % {"over": language.number(over)}
        self._check_contact(language)

    def _check_contact(self, language: Language) -> None:
        _ = language.translate
        contact, phone = self._text("contact"), self._text("contact_phone")
        if contact not in {"", "yes", "no"}:
            self.errors["contact"] = _("Xin chọn “Có” hoặc “Không cần gọi”.")
        elif phone and not contact:
            self.errors["contact"] = _(
                "Ông/Bà đã ghi số điện thoại; xin chọn có muốn được gọi lại hay không."
            )
        if len(phone) > PHONE_LENGTH:
            self.explain(Invalid("bad_contact_phone"), language)

    def explain(self, refusal: Invalid, language: Language) -> None:
        """Put a refusal that only the database could find beside its field."""
        _ = language.translate
        if refusal.code == "rating_first":
            self.errors["overall"] = _(
                "Xin chọn một mức trước; những gì Ông/Bà đã viết vẫn được giữ."
            )
        elif refusal.code == "bad_contact_phone":
            self.errors["contact_phone"] = _(
                "Xin ghi số di động, hoặc số bàn có mã vùng, ví dụ 0912 345 678."
            )
        else:
            raise refusal

    @property
    def overall(self) -> str:
        """The rating as it was sent, without blanks; empty when none was."""
        return self._text("overall")

    @property
    def comment(self) -> str:
        """The comment as it is counted and stored: one sign per line end, composed letters."""
        lines = self.sent.get("comment", "").replace("\r\n", "\n").replace("\r", "\n")
        return unicodedata.normalize("NFC", lines).replace("\0", "").strip()

    def submission(self) -> Submission:
        """What the form asks to store; call only without errors."""
        overall, contact = self._text("overall"), self._text("contact")
        ratings = {str(name): int(self._text(name)) for name in FACTORS if self._text(name)}
        return Submission(
            overall=int(overall) if overall else None,
            ratings=ratings or None,
            reasons=tuple(self.reasons) if "reasons" in self.sent else None,
            comment=self.comment if "comment" in self.sent else None,
            contact=contact == "yes" if contact else None,
            contact_phone=self._text("contact_phone") if contact == "yes" else "",
            shown=self._text("shown"),
        )

    def _text(self, name: str) -> str:
        return self.sent.get(name, "").strip()
