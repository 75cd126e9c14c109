"""Questions and questionnaires as data, and which questionnaire an invitation asks.

`questionnaires`: the questions of a questionnaire, and the one in force on a day.
`question_names`: the names and the order of all questions. `patterns`: counted ratings of complete
questionnaires.
"""

from survey.surveys.patterns import Pattern, most_given, read_patterns, rows_of
from survey.surveys.question_names import Names, check_question, factors, names
from survey.surveys.questionnaires import Questions, current, in_force, questions_of

__all__ = [
    "Names",
    "Pattern",
    "Questions",
    "check_question",
    "current",
    "factors",
    "in_force",
    "most_given",
    "names",
    "questions_of",
    "read_patterns",
    "rows_of",
]
