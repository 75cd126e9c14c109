"""A dossier and its stages, supplements, extensions and officer, as some source says them.

`facts` is what a source says, `comparing` sets it against what we know, `recording` stores it.
"""

from survey.dossiers.comparing import Comparison, Verdict, compare
from survey.dossiers.facts import (
    DossierFacts,
    ExtensionFacts,
    OfficerFacts,
    StageFacts,
    SupplementFacts,
)
from survey.dossiers.moments import Moment
from survey.dossiers.recording import record

__all__ = [
    "Comparison",
    "DossierFacts",
    "ExtensionFacts",
    "Moment",
    "OfficerFacts",
    "StageFacts",
    "SupplementFacts",
    "Verdict",
    "compare",
    "record",
]
