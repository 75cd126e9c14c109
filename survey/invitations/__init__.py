"""Invitations: who is asked, who is not and for which reason, and how long a link is valid.

`coverage_ledger` decides for finished dossiers by the rules of `eligibility`, `links` finds the
invitation of a citizen's link, `coverage` adds up and verifies the coverage ledger.
"""

from survey.invitations.cells import FinishedDossier
from survey.invitations.coverage import CoverageFigures, coverage, missing_entries, verify_coverage
from survey.invitations.coverage_ledger import register_finished
from survey.invitations.eligibility import REHEARSAL_PHONES, REPLYING_PHONE
from survey.invitations.links import (
    asks_factors,
    find_by_token,
    may_answer,
    repudiate,
    stays_readable,
    stop,
)
from survey.messages.suppression import opt_out

__all__ = [
    "REHEARSAL_PHONES",
    "REPLYING_PHONE",
    "CoverageFigures",
    "FinishedDossier",
    "asks_factors",
    "coverage",
    "find_by_token",
    "may_answer",
    "missing_entries",
    "opt_out",
    "register_finished",
    "repudiate",
    "stays_readable",
    "stop",
    "verify_coverage",
]
