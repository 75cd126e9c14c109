"""The names and the order of all questions of all questionnaires, past ones too."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors import Invalid
from survey.models.questionnaire import OVERALL, Question

# Code of a question → its name, in the order of the questions.
Names = Mapping[str, str]


def names(session: Session) -> Names:
    """The Vietnamese name of each question."""
    query = select(Question.code, Question.name_vi).order_by(Question.position, Question.code)
    return dict(session.execute(query).all())


def factors(session: Session) -> tuple[str, ...]:
    """Codes of all questions except the overall one, in order."""
    return tuple(code for code in names(session) if code != OVERALL)


def check_question(session: Session, code: str) -> None:
    """Raise Invalid `unknown_question` if no question has this code."""
    if session.get(Question, code) is None:
        raise Invalid("unknown_question", code)
