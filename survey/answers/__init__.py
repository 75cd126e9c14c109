"""Answers: what a citizen says, through a link or by SMS reply, is stored as a ballot.

`page` reads the data of the answer page, `submitting` writes answers, and `conversation` handles
inbound SMS.
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
