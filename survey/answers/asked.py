"""The question that a citizen answers: invitation, cell and questionnaire, in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, literal, select
from sqlalchemy.orm import Session

from survey import invitations
from survey.answers.page import clean_token
from survey.ballots.contents import Descent
from survey.db import connection_of
from survey.models.ballot import CountedBallot, Mode, PooledBallot
from survey.models.count import Cell
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.questionnaire import QuestionnaireKind
from survey.surveys import Questions, in_force, questions_of

# Everything a rating needs, in one statement and as a plain row: most answers are only a rating.
_QUESTION = (
    select(
        Invitation.dossier_id,
        Invitation.questionnaire_id,
        in_force(QuestionnaireKind.SHORT, Invitation.made_on).label("short_id"),
        Invitation.expires_at,
        Invitation.is_repudiated,
        CoverageEntry.agency_id,
        CoverageEntry.sector_code,
        CoverageEntry.month,
        CoverageEntry.channel,
        CoverageEntry.lateness,
        CoverageEntry.procedure_code,
        Dossier.applicant_kind,
        Dossier.return_channel,
        Dossier.receiving_agency_id,
        # Most links have no ballot yet; then no further statement is needed.
        select(literal(1))
        .where(PooledBallot.key == bindparam("key"))
        .union_all(select(literal(1)).where(CountedBallot.key == bindparam("key")))
        .limit(1)
        .scalar_subquery()
        .label("is_answered"),
    )
    .join(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
    .join(Dossier, Dossier.id == Invitation.dossier_id)
)
BY_TOKEN = _QUESTION.where(Invitation.token_hash == bindparam("token_hash"))
BY_ID = _QUESTION.where(Invitation.id == bindparam("invitation_id"))


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that a citizen answers: a row of `_QUESTION`."""

    dossier_id: int
    # `questions`: what this link asks to rate; `factors`: what may be chosen as a reason.
    questions: Questions
    factors: tuple[str, ...]
    is_full: bool
    expires_at: datetime
    is_repudiated: bool
    cell: Cell
    procedure_code: str
    descent: Descent
    is_answered: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """Where an answer comes from: the statement and values that find its question, the key of its
    ballot, and web or SMS (`mode`).
    """

    statement: Select[*tuple[Any, ...]]
    key: bytes
    values: Mapping[str, Any]
    mode: Mode
    # Token of the link; empty for an answer by SMS.
    token: str = ""

    def asked(self, session: Session) -> Asked | None:
        """Read the question as it is now; None if the invitation does not exist."""
        given = {**self.values, "key": self.key}
        row = connection_of(session).execute(self.statement, given).first()
        if row is None:
            return None
        full = questions_of(session, row.questionnaire_id)
        is_full = invitations.asks_factors(clean_token(self.token))
        return Asked(
            dossier_id=row.dossier_id,
            questions=full if is_full else questions_of(session, row.short_id),
            factors=full.factors,
            is_full=is_full,
            expires_at=row.expires_at,
            is_repudiated=row.is_repudiated,
            cell=Cell(row.agency_id, row.sector_code, row.month, row.channel, row.lateness),
            procedure_code=row.procedure_code,
            descent=Descent(
                applicant=row.applicant_kind,
                return_channel=row.return_channel,
                receiving_agency_id=row.receiving_agency_id,
            ),
            is_answered=bool(row.is_answered),
        )
