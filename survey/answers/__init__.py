"""A link's token or a phone's reply becomes a ballot.

`page` reads what a citizen sees; `store` writes what a citizen says.
"""

from survey.answers.page import AnswerPage, CaseGlimpse, Item, answer_page
from survey.answers.store import Given, disown, reopen, submit, submit_by_sms
from survey.answers.submission import Submission
from survey.ballots.contents import Said

__all__ = [
    "AnswerPage",
    "CaseGlimpse",
    "Given",
    "Item",
    "Said",
    "Submission",
    "answer_page",
    "disown",
    "reopen",
    "submit",
    "submit_by_sms",
]
