"""One submitted form or SMS reply: its validation, and how it updates the previous answer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from survey.ballots.contents import Answer
from survey.errors import Invalid
from survey.models.questionnaire import HIGHEST_RATING, LOWEST_RATING, OVERALL

COMMENT_LENGTH = 2000
# Control characters become blanks, since nobody types them; line breaks and tabs stay.
_CONTROL = dict.fromkeys({*range(32), 127} - {9, 10, 13}, " ")


@dataclass(frozen=True, slots=True)
class Submission:
    """The values of one form or SMS reply; None where it did not ask.

    `overall`: 1–5. `ratings`: factor → 1–5. `reasons`: factors, empty if none was chosen.
    `comment`: up to 2,000 characters, empty to remove it. `contact`: whether a call is wanted.
    `contact_phone`: as typed, empty for the dossier's number.
    """

    overall: int | None = None
    ratings: dict[str, int] | None = None
    reasons: tuple[str, ...] | None = None
    comment: str | None = None
    contact: bool | None = None
    contact_phone: str = ""
    # Signed time at which the form was shown (`survey.answers.flags.shown_at`); empty if missing.
    shown: str = ""

    def checked(self, factors: Collection[str]) -> "Submission":
        """The validated submission, without ratings of factors that are not asked.

        Invalid `bad_rating` (not 1–5), `bad_factor` (unknown reason) or `comment_too_long`.
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
        """The answer before, updated with this submission; reasons in the order of `factors`.

        Invalid `rating_first` if there is no rating in either.
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
