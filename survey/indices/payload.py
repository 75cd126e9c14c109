"""The figures of a month as one JSON object: from live counts, or again from stored inputs.

month, formula, closed_at
figures   {by: [Figure]}                 the overall question, by every breakdown
factors   {question: {by: [Figure]}}     the five factors, by every breakdown
frame     {finished, invited, delivered, answered}
coverage  {invited, not_invited: {reason: n}}
late      {agency code: {finished, late}}
rules     [{agency, label, rule, value, limit, operator, quote, source, proven}]
          bars that agencies touch
judging   {confidence, judged_from, floors}   the rules that judged
corrections  number of dossiers changed after their cell was fixed
inputs    what else was counted, so that everything above can be computed again (`Inputs`);
          closed months only
inputs_digest  SHA-256 of `inputs` and of the answers counted
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.indices.figures import FORMULA, LIVE_FORMULA, Breakdown
from survey.indices.judging import Rules, broken, figures, read_rules, rules_in_force, rules_row
from survey.indices.tallies import Line, Source, Stored, lines_of, tallies
from survey.indices.targets import TargetInForce
from survey.invitations.coverage import coverage
from survey.models.count import LEVELS, Frame, ProcedureCount, ProcedureFrame
from survey.models.dossier import DossierChange, Lateness
from survey.models.invitation import CoverageEntry
from survey.models.organisation import Agency
from survey.models.questionnaire import FACTORS, Question

FRAME = ("finished", "invited", "delivered", "answered")
Row = list[Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the figures of a month need beside the answers, as it stood at one moment.

    `frame`: agency code, sector, channel, lateness, then the numbers of FRAME. `procedure_frame`:
    procedure, channel, lateness, finished. `procedure_counts`: procedure, channel, lateness,
    question, n1 … n5 (answers do not know their procedure, so these cannot be counted again; their
    sums can). Rows are sorted.
    """

    rules: Rules
    lines: Mapping[Breakdown, Sequence[Line]]
    frame: Sequence[Row]
    procedure_frame: Sequence[Row]
    procedure_counts: Sequence[Row]
    coverage: Mapping[str, Any]
    corrections: int

    def to_json(self) -> dict[str, Any]:
        """The inputs as they stand in a payload."""
        lines = {by.value: [_line_row(line) for line in found] for by, found in self.lines.items()}
        return {
            "rules": rules_row(self.rules),
            "lines": lines,
            "frame": self.frame,
            "procedure_frame": self.procedure_frame,
            "procedure_counts": self.procedure_counts,
            "coverage": self.coverage,
            "corrections": self.corrections,
        }


def read_inputs(row: Mapping[str, Any]) -> Inputs:
    """Inputs from a payload."""
    lines = {
        Breakdown(by): [_read_line(line) for line in found] for by, found in row["lines"].items()
    }
    return Inputs(**{**row, "rules": read_rules(row["rules"]), "lines": lines})


def _line_row(line: Line) -> dict[str, Any]:
    target = line.target and {**asdict(line.target), "value": str(line.target.value)}
    return {"key": line.key, "label": line.label, "target": target}


def _read_line(row: Mapping[str, Any]) -> Line:
    target = row["target"]
    if target is not None:
        target = TargetInForce(**{**target, "value": Fraction(target["value"])})
    return Line(row["key"], row["label"], target)


def read_live(session: Session, month: str, source: Source) -> Inputs:
    """The inputs as they stand now."""
    covered = coverage(session, month)
    return Inputs(
        rules=rules_in_force(session, month),
        lines={by: lines_of(session, month, by, source) for by in Breakdown},
        frame=_frame(session, month),
        procedure_frame=_rows(session, ProcedureFrame, month, ("finished",)),
        procedure_counts=_rows(session, ProcedureCount, month, LEVELS, "question"),
        coverage={"invited": covered.invited, "not_invited": covered.not_invited},
        corrections=_corrections(session, month),
    )


def _frame(session: Session, month: str) -> list[Row]:
    cell = (Agency.code, Frame.sector_code, Frame.channel, Frame.lateness)
    numbers = [getattr(Frame, name) for name in FRAME]
    query = (
        select(*cell, *numbers)
        .join(Agency, Agency.id == Frame.agency_id)
        .where(Frame.month == month)
    )
    return sorted(list(row) for row in session.execute(query))


def _rows(
    session: Session,
    table: type[ProcedureFrame | ProcedureCount],
    month: str,
    numbers: Sequence[str],
    *more: str,
) -> list[Row]:
    names = ("procedure_code", "channel", "lateness", *more, *numbers)
    columns = table.__table__.columns
    query = select(*(columns[name] for name in names)).where(columns["month"] == month)
    return sorted(list(row) for row in session.execute(query))


def _corrections(session: Session, month: str) -> int:
    query = (
        select(func.count(func.distinct(DossierChange.dossier_id)))
        .join(CoverageEntry, CoverageEntry.dossier_id == DossierChange.dossier_id)
        .where(CoverageEntry.month == month, DossierChange.after_finish.is_(True))
    )
    return session.scalar(query) or 0


def draft_payload(
    session: Session, month: str, now: datetime, *, provisional: bool
) -> dict[str, Any]:
    """The payload from the counts as they stand now."""
    source = Stored(session, month)
    inputs = read_live(session, month, source)
    return compose(month, now.isoformat(), inputs, source, provisional=provisional)


def closing_payload(
    month: str, closed_at: str, inputs: Inputs, source: Source, answers_digest: str
) -> dict[str, Any]:
    """The payload of a closing: figures, inputs, and the digest that ties the answers to them."""
    row = inputs.to_json()
    digest = sha256(f"{sha256(canonical(row))}:{answers_digest}")
    payload = compose(month, closed_at, inputs, source, provisional=False)
    return {**payload, "inputs": row, "inputs_digest": digest}


def compose(
    month: str, at: str, inputs: Inputs, source: Source, *, provisional: bool
) -> dict[str, Any]:
    """Every figure of a month from inputs and counts; `at` is an instant in ISO form."""

    def judged(by: Breakdown, question: str) -> list[dict[str, Any]]:
        counted = tallies(source, inputs.lines[by], by, question)
        found = figures(counted, inputs.rules, provisional=provisional)
        return [asdict(one) for one in found]

    agencies = tallies(source, inputs.lines[Breakdown.AGENCY], Breakdown.AGENCY, Question.OVERALL)
    return {
        "month": month,
        "formula": LIVE_FORMULA if provisional else FORMULA,
        "closed_at": at,
        "figures": {by.value: judged(by, Question.OVERALL) for by in Breakdown},
        "factors": {
            factor.value: {by.value: judged(by, factor) for by in Breakdown} for factor in FACTORS
        },
        "frame": {name: sum(row[place] for row in inputs.frame) for place, name in _PLACES},
        "coverage": dict(inputs.coverage),
        "late": _late(inputs.frame),
        "rules": broken(agencies, inputs.rules),
        "judging": rules_row(inputs.rules),
        "corrections": inputs.corrections,
    }


_PLACES = list(enumerate(FRAME, start=4))


def _late(frame: Sequence[Row]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for agency, _sector, _channel, lateness, finished, *_ in frame:
        if finished:
            sums = found.setdefault(agency, {"finished": 0, "late": 0})
            sums["finished"] += finished
            sums["late"] += finished if lateness == Lateness.LATE else 0
    return found


def canonical(document: Mapping[str, Any]) -> str:
    """Canonical JSON: what a digest is taken over."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
