"""The kinds of error that features raise, each with a code; `survey.wording` has their texts."""


class SurveyError(Exception):
    """An error with a stable code; `detail` is shown to people and never holds personal data."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class NotFound(SurveyError):
    """The thing asked for does not exist, or this person may not see it."""


class Invalid(SurveyError):
    """The input is wrong; the detail names the wrong part."""


class Refused(SurveyError):
    """The input is right, but a rule forbids the step now."""


class Conflict(SurveyError):
    """The step conflicts with stored data, for example because somebody else changed them first."""
