"""Dossiers with stages, supplements, extensions and officers, as reported by a source.

`facts`: what a source reports; `comparing`: its differences from the database, with `progress` for
stages, supplements and extensions; `recording`: storing it.
"""

from survey.dossiers.comparing import Comparison, Verdict, compare
from survey.dossiers.facts import (
    DossierFacts,
    ExtensionFacts,
    OfficerFacts,
    StageFacts,
    SupplementFacts,
)
from survey.dossiers.progress import Progress, further_extensions, further_supplements
from survey.dossiers.recording import record, write_progress
from survey.dossiers.timestamps import Timestamp

__all__ = [
    "Comparison",
    "DossierFacts",
    "ExtensionFacts",
    "OfficerFacts",
    "Progress",
    "StageFacts",
    "SupplementFacts",
    "Timestamp",
    "Verdict",
    "compare",
    "further_extensions",
    "further_supplements",
    "record",
    "write_progress",
]
