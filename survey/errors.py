"""The families of refusal. A feature raises one with a code; the words for a code stand in web and
cli edges.
"""


class SurveyError(Exception):
    """A refusal with a stable code; `detail` is for people and never holds personal data."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class NotFound(SurveyError):
    """What was asked for is not there, or not for this person."""


class Invalid(SurveyError):
    """The input is wrong; the detail says what to do."""


class Refused(SurveyError):
    """The input is right, but a rule forbids the step now."""


class Conflict(SurveyError):
    """Somebody else changed the same thing first."""
