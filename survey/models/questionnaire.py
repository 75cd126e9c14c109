"""Questionnaires: never edited once used, a new wording is a new version."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.crypto.reasons import PUBLIC
from survey.db import Base, one_of


class QuestionnaireKind(StrEnum):
    """Short: overall, reasons, comment, contact. Full: the five factors are rated as well."""

    SHORT = "short"
    FULL = "full"


class Question(StrEnum):
    """What is rated 1–5: the overall question and the five factors of SIPAS."""

    OVERALL = "overall"
    ACCESS = "access"
    PROCEDURE = "procedure"
    OFFICIALS = "officials"
    RESULT = "result"
    FEEDBACK = "feedback"


FACTORS = (
    Question.ACCESS,
    Question.PROCEDURE,
    Question.OFFICIALS,
    Question.RESULT,
    Question.FEEDBACK,
)
LOWEST_RATING, HIGHEST_RATING = 1, 5
SATISFIED_FROM = 4


class Questionnaire(Base):
    """One version of one kind of questionnaire."""

    __tablename__ = "questionnaire"
    __table_args__ = (UniqueConstraint("kind", "version"), one_of("kind", QuestionnaireKind))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    valid_from: Mapped[datetime]

    __clear__: ClassVar = {PUBLIC: "id kind version valid_from"}

    items: Mapped[list["QuestionnaireItem"]] = relationship(order_by="QuestionnaireItem.position")


class QuestionnaireItem(Base):
    """One question with its words in Vietnamese and English."""

    __tablename__ = "questionnaire_item"
    __table_args__ = (
        one_of("question", Question),
        CheckConstraint("position >= 1", name="position"),
    )

    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(10), primary_key=True)
    position: Mapped[int]
    text_vi: Mapped[str] = mapped_column(String(300))
    text_en: Mapped[str] = mapped_column(String(300))

    __clear__: ClassVar = {PUBLIC: "questionnaire_id question position text_vi text_en"}
