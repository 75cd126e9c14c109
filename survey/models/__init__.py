"""All models, imported so that the metadata is complete."""

from survey.models import (
    alert,
    audit,
    case,
    count,
    dossier,
    intake,
    invitation,
    job,
    message,
    organisation,
    questionnaire,
    response,
    snapshot,
    staff,
    target,
    text_version,
)

__all__ = [
    "alert",
    "audit",
    "case",
    "count",
    "dossier",
    "intake",
    "invitation",
    "job",
    "message",
    "organisation",
    "questionnaire",
    "response",
    "snapshot",
    "staff",
    "target",
    "text_version",
]
