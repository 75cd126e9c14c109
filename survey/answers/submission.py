"""What one form or one reply says, and what it makes of what was said before."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from survey.ballots.contents import Answer
from survey.errors import Invalid
from survey.models.questionnaire import HIGHEST_RATING, LOWEST_RATING, OVERALL

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

    def checked(self, factors: Collection[str]) -> "Submission":
        """What it says of the factors that are asked; ratings of others answer nothing.

        Raises Invalid with the field's code when a value is out of range, unknown or too long.
        """
        asked = {name: one for name, one in (self.ratings or {}).items() if name in factors}
        ratings = [*asked.values(), *([] if self.overall is None else [self.overall])]
        if any(not LOWEST_RATING <= rating <= HIGHEST_RATING for rating in ratings):
            raise Invalid("bad_rating")
        if not {*(self.reasons or ())} <= {*factors}:
            raise Invalid("bad_factor")
        if self.comment is not None and len(self.comment) > COMMENT_LENGTH:
            raise Invalid("comment_too_long", str(len(self.comment) - COMMENT_LENGTH))
        return replace(self, ratings=asked or None)

    def over(self, before: Answer | None, factors: Sequence[str]) -> Answer:
        """What was said before with what this form says put over it, reasons in the order of the
        factors; Invalid `rating_first` when nothing was rated.
        """
        ratings = dict(before.ratings) if before else {}
        if self.overall is not None:
            ratings[OVERALL] = self.overall
        if not ratings:
            raise Invalid("rating_first")
        ratings.update(self.ratings or {})
        reasons = before.reasons if before else ()
        if self.reasons is not None:
            reasons = tuple(factor for factor in factors if factor in self.reasons)
        comment = before.comment if before else ""
        if self.comment is not None:
            comment = self.comment.translate(_CONTROL).strip()
        return Answer(ratings, reasons, comment)
