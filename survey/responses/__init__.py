"""A token or a phone's reply becomes answers and counts, once.

`page` reads what a citizen sees; `store` writes what a citizen says.
"""

from survey.responses.page import AnswerPage, CaseGlimpse, Item, Said, answer_page
from survey.responses.store import Submission, disown, reopen, submit, submit_by_sms

__all__ = [
    "AnswerPage",
    "CaseGlimpse",
    "Item",
    "Said",
    "Submission",
    "answer_page",
    "disown",
    "reopen",
    "submit",
    "submit_by_sms",
]
