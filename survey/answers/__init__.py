"""A link's token or a phone's reply becomes a ballot.

`page` reads what a citizen sees; `submitting` writes what a citizen says.
"""

from survey.answers.page import AnswerPage, CaseGlimpse, Item, answer_page
from survey.answers.submission import Submission
from survey.answers.submitting import Given, reopen, repudiate, submit, submit_by_sms
from survey.ballots.contents import Answer

__all__ = [
    "Answer",
    "AnswerPage",
    "CaseGlimpse",
    "Given",
    "Item",
    "Submission",
    "answer_page",
    "reopen",
    "repudiate",
    "submit",
    "submit_by_sms",
]
