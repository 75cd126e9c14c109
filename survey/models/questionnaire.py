"""Questions and versions of questionnaires; a changed wording of a used one is a new version."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC
from survey.db import Base, one_of

# Code of the question that every answer rates; the only question that code refers to.
OVERALL = "overall"
LOWEST_RATING, HIGHEST_RATING = 1, 5
SATISFIED_FROM = 4
DISSATISFIED_UP_TO = 2


class QuestionnaireKind(StrEnum):
    """SHORT: overall rating, reasons, comment, contact. FULL: each factor is rated as well."""

    SHORT = "short"
    FULL = "full"


class Question(Base):
    """A question that citizens answer by a rating of 1–5: overall, or about a factor of service."""

    __tablename__ = "question"
    __table_args__ = (CheckConstraint("position >= 1", name="position"),)

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    # Position (from 1) in lists that combine questions of several questionnaires.
    position: Mapped[int]
    # Short name in tables, reports and the reasons that citizens can choose.
    name_vi: Mapped[str] = mapped_column(String(300))
    name_en: Mapped[str] = mapped_column(String(300))
    # Explanation in everyday words beside the name; may be empty.
    hint_vi: Mapped[str] = mapped_column(String(300))
    hint_en: Mapped[str] = mapped_column(String(300))

    __clear__: ClassVar = {PUBLIC: "code position name_vi name_en hint_vi hint_en"}


class Questionnaire(Base):
    """A version of a kind of questionnaire."""

    __tablename__ = "questionnaire"
    __table_args__ = (UniqueConstraint("kind", "version"), one_of("kind", QuestionnaireKind))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    # First local day on which new invitations use it.
    valid_from: Mapped[date]

    __clear__: ClassVar = {PUBLIC: "id kind version valid_from"}


class QuestionnaireItem(Base):
    """A question of a questionnaire: position (from 1), wording in Vietnamese and English."""

    __tablename__ = "questionnaire_item"
    __table_args__ = (CheckConstraint("position >= 1", name="position"),)

    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), primary_key=True)
    question: Mapped[str] = mapped_column(ForeignKey("question.code"), primary_key=True)
    position: Mapped[int]
    text_vi: Mapped[str] = mapped_column(String(300))
    text_en: Mapped[str] = mapped_column(String(300))

    __clear__: ClassVar = {PUBLIC: "questionnaire_id question position text_vi text_en"}
