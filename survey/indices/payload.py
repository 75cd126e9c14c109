"""The figures of a month as one JSON object, computed from live counts or from stored inputs.

month, formula, closed_at
figures   {by: [Figure]}                 the overall question, by every breakdown
factors   {question: {by: [Figure]}}     the factors, by every breakdown
names     [[question, name]]             the factors in their order
frame     {finished, invited, delivered, answered}
coverage  {invited, not_invited: {reason: n}}
late      {agency code: {finished, late}}
rules     [{agency, label, rule, value, limit, operator, quote, source, proven}]
          thresholds that agencies violate
judging   {confidence, verdict_from, floors}   the rules of the verdicts
corrections  number of dossiers changed after their cell was fixed
revision  changes of the previous month since its closing (`indices.revision`), or null
counted   {cells: [agency code, sector, channel, lateness, n1 … n5], factors: [agency code, sector,
          channel, lateness, factor, n1 … n5], patterns: [[factors], [ratings of these, overall,
          frequency]]}, so that closed months can be compared and added up; closed months only
inputs    the other counts, from which everything above can be recomputed (`Inputs`); closed months
          only
inputs_digest  SHA-256 of `inputs` and of the counted answers
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from survey.disclosure import Breakdown
from survey.indices.figures import FORMULA, LIVE_FORMULA
from survey.indices.line_counts import Line, Source, counts
from survey.indices.scoring import Rules, figures, floor_violations, read_rules, rules_row
from survey.models.dossier import Lateness
from survey.models.questionnaire import OVERALL
from survey.period import Month
from survey.province.targets import TargetInForce

FRAME = ("finished", "invited", "delivered", "answered")
Row = list[Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the figures of a month need besides the answers, read at one point in time.

    `frame` (the sampling frame): agency code, sector, channel, lateness, then the numbers of FRAME.
    `procedure_frame`: procedure, channel, lateness, finished. `procedure_counts`: procedure,
    channel, lateness, question, n1 … n5 (ballots do not store their procedure, so only the sums of
    these rows can be recounted). Rows are sorted. `factors`: code and name of each factor, in
    order. `salt`: random, so that nobody can find a payload from its digest by brute force; empty
    in drafts, which have no digest.
    """

    rules: Rules
    lines: Mapping[Breakdown, Sequence[Line]]
    frame: Sequence[Row]
    procedure_frame: Sequence[Row]
    procedure_counts: Sequence[Row]
    coverage: Mapping[str, Any]
    corrections: int
    revision: Mapping[str, Any] | None
    factors: Sequence[Row]
    salt: str = ""

    def to_json(self) -> dict[str, Any]:
        """The inputs in the form that a payload stores."""
        lines = {by.value: [_line_row(line) for line in found] for by, found in self.lines.items()}
        return {
            "rules": rules_row(self.rules),
            "lines": lines,
            "frame": self.frame,
            "procedure_frame": self.procedure_frame,
            "procedure_counts": self.procedure_counts,
            "coverage": self.coverage,
            "corrections": self.corrections,
            "revision": self.revision,
            "factors": self.factors,
            "salt": self.salt,
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


def closing_payload(
    month: Month,
    closed_at: str,
    inputs: Inputs,
    source: Source,
    patterns: Sequence[Row],
    answers_digest: str,
) -> dict[str, Any]:
    """The payload of a closing: figures, inputs, and a digest that binds the answers to them."""
    row = inputs.to_json()
    digest = sha256(f"{sha256(canonical(row))}:{answers_digest}")
    payload = compose(month, closed_at, inputs, source, provisional=False)
    factors = sorted(
        [*row[:4], factor, *row[4:]]
        for factor, _name in inputs.factors
        for row in cells_of(source, factor)
    )
    counted = {"cells": cells_of(source), "factors": factors, "patterns": patterns}
    return {**payload, "counted": counted, "inputs": row, "inputs_digest": digest}


def cells_of(source: Source, question: str = OVERALL) -> list[Row]:
    """Ratings: agency code, sector, channel, lateness, n1 … n5; empty cells left out."""
    rated = source.rated(Breakdown.AGENCY, (question,))
    return sorted(
        [agency, *stratum, *ratings]
        for agency, strata in rated.items()
        for stratum, ratings in strata.items()
        if any(ratings)
    )


def compose(
    month: Month, at: str, inputs: Inputs, source: Source, *, provisional: bool
) -> dict[str, Any]:
    """Every figure of a month from inputs and counts; `at` is a timestamp in ISO 8601 form."""

    def scored(by: Breakdown, question: str) -> list[dict[str, Any]]:
        counted = counts(source, inputs.lines[by], by, question)
        found = figures(counted, inputs.rules, provisional=provisional)
        return [asdict(one) for one in found]

    agencies = counts(source, inputs.lines[Breakdown.AGENCY], Breakdown.AGENCY, OVERALL)
    return {
        "month": month,
        "formula": LIVE_FORMULA if provisional else FORMULA,
        "closed_at": at,
        "figures": {by.value: scored(by, OVERALL) for by in Breakdown},
        "factors": {
            factor: {by.value: scored(by, factor) for by in Breakdown}
            for factor, _name in inputs.factors
        },
        "names": inputs.factors,
        "frame": {name: sum(row[place] for row in inputs.frame) for place, name in _PLACES},
        "coverage": dict(inputs.coverage),
        "late": _late(inputs.frame),
        "rules": floor_violations(agencies, inputs.rules),
        "scoring": rules_row(inputs.rules),
        "corrections": inputs.corrections,
        "revision": inputs.revision,
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
    """Canonical JSON, over which digests are computed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
