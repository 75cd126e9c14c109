"""Reads the questionnaires of a province and their questions from its reference files.

`questionnaires.csv` lists the questions of each version; `question_names.csv` gives questions short
names. A question without a line in `question_names.csv` has its wording as its name.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.catalogues import gettext
from survey.errors import Conflict, Invalid
from survey.models.questionnaire import (
    OVERALL,
    Questionnaire,
    QuestionnaireItem,
    QuestionnaireKind,
)
from survey.reference.files import day, lines, number

ASKED = "questionnaires.csv"
# A code is the name of a field of the citizen's form, so it may not be the name of another field.
CODE = re.compile(r"(?!(?:reasons|comment|contact|contact_phone|shown)$)[a-z][a-z0-9_]{0,19}")
Values = Mapping[str, object]


def questions(folder: Path) -> Iterator[Values]:
    """Every question that some questionnaire asks, in the order of the file.

    Invalid `reference_broken` for a bad code.
    """
    named = {row["code"]: row for _, row in lines(folder, "question_names.csv")}
    asked: dict[str, Mapping[str, str]] = {}
    for place, row in lines(folder, ASKED):
        if not CODE.fullmatch(row["question"]):
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: mã câu hỏi “%(code)s” chưa đúng.", place=place, code=row["question"]
                ),
            )
        asked.setdefault(row["question"], row)
    for position, (code, row) in enumerate(asked.items(), start=1):
        words = named.get(code, {})
        yield {
            "code": code,
            "position": position,
            "name_vi": words.get("name_vi") or row["text_vi"],
            "name_en": words.get("name_en") or row["text_en"],
            "hint_vi": words.get("hint_vi", ""),
            "hint_en": words.get("hint_en", ""),
        }


def questionnaires(folder: Path) -> Iterator[Values]:
    """The questionnaire of each line of the file, with kind, version and first day.

    Invalid `reference_broken` unless both kinds are present, all lines of a version give the same
    first day, every short version asks the overall question only, and every full version asks it
    and others.
    """
    asked: dict[tuple[str, int], set[str]] = {}
    begins: dict[tuple[str, int], date] = {}
    for place, row in lines(folder, ASKED):
        if row["kind"] not in set(QuestionnaireKind):
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: không có loại phiếu “%(kind)s”.", place=place, kind=row["kind"]
                ),
            )
        first, version = day(place, row["valid_from"]), number(place, row["version"])
        if first is None or version is None or number(place, row["position"]) is None:
            raise Invalid(
                "reference_broken",
                gettext("%(place)s: cần số của bản, ngày hiệu lực, thứ tự.", place=place),
            )
        if begins.setdefault((row["kind"], version), first) != first:
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: bản %(version)s có hai ngày hiệu lực.", place=place, version=version
                ),
            )
        asked.setdefault((row["kind"], version), set()).add(row["question"])
        yield {"kind": row["kind"], "version": version, "valid_from": first}
    if missing := {*QuestionnaireKind} - {kind for kind, _version in asked}:
        raise Invalid(
            "reference_broken",
            gettext("%(place)s: thiếu phiếu loại %(kind)s.", place=ASKED, kind=", ".join(missing)),
        )
    for (kind, version), codes in asked.items():
        _check_asked(kind, version, codes)


def _check_asked(kind: str, version: int, codes: set[str]) -> None:
    is_short = codes == {OVERALL}
    if OVERALL not in codes or is_short is not (kind == QuestionnaireKind.SHORT):
        raise Invalid(
            "reference_broken",
            gettext(
                "%(place)s: phiếu %(kind)s bản %(version)s hỏi chưa đúng. Phiếu ngắn chỉ hỏi câu "
                "hỏi chung, phiếu đầy đủ hỏi thêm từng yếu tố.",
                place=ASKED,
                kind=kind,
                version=version,
            ),
        )


def items(session: Session, folder: Path) -> Iterator[Values]:
    """The questions of every version, with position and wording.

    Conflict `reference_broken` when the file adds, changes or leaves out a question of a version
    that is already loaded.
    """
    versions = {(one.kind, one.version): one.id for one in session.scalars(select(Questionnaire))}
    known: dict[int, dict[str, QuestionnaireItem]] = {}
    for item in session.scalars(select(QuestionnaireItem)):
        known.setdefault(item.questionnaire_id, {})[item.question] = item
    asked: dict[int, set[str]] = {}
    for place, row in lines(folder, ASKED):
        of = versions[row["kind"], number(place, row["version"]) or 0]
        values = {
            "questionnaire_id": of,
            "question": row["question"],
            "position": number(place, row["position"]),
            "text_vi": row["text_vi"],
            "text_en": row["text_en"],
        }
        asked.setdefault(of, set()).add(row["question"])
        there = known.get(of, {}).get(row["question"])
        if of in known and (there is None or _differs(there, values)):
            raise _in_use(place, row["version"])
        yield values
    for (_, version), of in versions.items():
        if of in asked and known.get(of, {}).keys() - asked[of]:
            raise _in_use(ASKED, version)


def _in_use(place: str, version: object) -> Conflict:
    return Conflict(
        "reference_broken",
        gettext(
            "%(place)s: bản %(version)s đã được dùng nên không sửa được, hãy thêm một bản mới.",
            place=place,
            version=version,
        ),
    )


def _differs(there: QuestionnaireItem, values: Values) -> bool:
    return any(getattr(there, name) != value for name, value in values.items())
