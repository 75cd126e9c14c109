"""What one form or one reply says, and what it makes of what was said before."""

from dataclasses import dataclass

from survey.ballots.contents import Said
from survey.errors import Invalid
from survey.models.questionnaire import FACTORS, HIGHEST_RATING, LOWEST_RATING, Question

COMMENT_LENGTH = 2000
# Signs that nobody types; line breaks and tabs stay.
_CONTROL = dict.fromkeys({*range(32), 127} - {9, 10, 13}, " ")


@dataclass(frozen=True, slots=True)
class Submission:
    """What one form sent; None means the form did not ask.

    `overall` 1–5; `ratings` factor → 1–5; `reasons` factors (empty: none chosen); `comment` (empty:
    removed);
    `contact` whether to be called; `contact_phone` as typed, empty for the dossier's own number.
    """

    overall: int | None = None
    ratings: dict[str, int] | None = None
    reasons: tuple[str, ...] | None = None
    comment: str | None = None
    contact: bool | None = None
    contact_phone: str = ""
    # When the form was drawn, signed (`survey.answers.flags.shown_at`); empty: it does not say.
    shown: str = ""

    def check(self) -> None:
        """Raise Invalid with the field's code when a value is out of range, unknown or too long."""
        ratings = [self.overall] if self.overall is not None else []
        ratings += list((self.ratings or {}).values())
        if any(not LOWEST_RATING <= rating <= HIGHEST_RATING for rating in ratings):
            raise Invalid("bad_rating")
        if not set(self.ratings or ()) <= set(FACTORS) or not set(self.reasons or ()) <= set(
            FACTORS
        ):
            raise Invalid("bad_factor")
        if self.comment is not None and len(self.comment) > COMMENT_LENGTH:
            raise Invalid("comment_too_long", str(len(self.comment) - COMMENT_LENGTH))

    def over(self, before: Said | None) -> Said:
        """What was said before with what this form says put over it; Invalid `rating_first` when
        nothing was rated.
        """
        ratings = dict(before.ratings) if before else {}
        if self.overall is not None:
            ratings[Question.OVERALL.value] = self.overall
        if not ratings:
            raise Invalid("rating_first")
        ratings.update(self.ratings or {})
        reasons = before.reasons if before else ()
        if self.reasons is not None:
            reasons = tuple(factor.value for factor in FACTORS if factor in self.reasons)
        comment = before.comment if before else ""
        if self.comment is not None:
            comment = self.comment.translate(_CONTROL).strip()
        return Said(ratings, reasons, comment)
