"""Questions and questionnaires as rows: never edited once used, a new wording is a new version."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC
from survey.db import Base, one_of

# The one question that every answer rates, and the only one that code knows by name.
OVERALL = "overall"
LOWEST_RATING, HIGHEST_RATING = 1, 5
SATISFIED_FROM = 4
DISSATISFIED_UP_TO = 2


class QuestionnaireKind(StrEnum):
    """Short: overall, reasons, comment, contact. Full: each factor is rated as well."""

    SHORT = "short"
    FULL = "full"


class Question(Base):
    """What citizens rate 1–5: the overall question, or a factor of the service."""

    __tablename__ = "question"
    __table_args__ = (CheckConstraint("position >= 1", name="position"),)

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    # Place in lists of questions of more than one questionnaire.
    position: Mapped[int]
    # How tables, reports and the reasons to choose from call it.
    name_vi: Mapped[str] = mapped_column(String(300))
    name_en: Mapped[str] = mapped_column(String(300))
    # What belongs to it in everyday words, beside its name; empty without.
    hint_vi: Mapped[str] = mapped_column(String(300))
    hint_en: Mapped[str] = mapped_column(String(300))

    __clear__: ClassVar = {PUBLIC: "code position name_vi name_en hint_vi hint_en"}


class Questionnaire(Base):
    """One version of one kind of questionnaire."""

    __tablename__ = "questionnaire"
    __table_args__ = (UniqueConstraint("kind", "version"), one_of("kind", QuestionnaireKind))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    # First local day on which invitations are made with it.
    valid_from: Mapped[date]

    __clear__: ClassVar = {PUBLIC: "id kind version valid_from"}


class QuestionnaireItem(Base):
    """One question with its words in Vietnamese and English."""

    __tablename__ = "questionnaire_item"
    __table_args__ = (CheckConstraint("position >= 1", name="position"),)

    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), primary_key=True)
    question: Mapped[str] = mapped_column(ForeignKey("question.code"), primary_key=True)
    position: Mapped[int]
    text_vi: Mapped[str] = mapped_column(String(300))
    text_en: Mapped[str] = mapped_column(String(300))

    __clear__: ClassVar = {PUBLIC: "questionnaire_id question position text_vi text_en"}
