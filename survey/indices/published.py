"""What of a closed month may stand in clear: the lines that pages and reports show, no other."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from survey.indices.figures import Breakdown, read_figure
from survey.indices.shield import shielded

AS_STORED = ("month", "formula", "closed_at", "frame", "coverage", "late", "rules", "judging")
NOT_TOLD = ("covers", "provisional")


def published(session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The public part of a closing's payload.

    `figures` {breakdown: [line]}, of a line that must be hidden its key and label alone;
    `factors` {question: line} of the whole. A line is a `Figure`.
    """
    protected = shielded(session, payload)
    return {
        **{name: payload[name] for name in AS_STORED},
        "figures": {by.value: list(map(_told, protected["figures"][by])) for by in Breakdown},
        "factors": {
            question: _told(tables[Breakdown.OVERALL][0])
            for question, tables in payload["factors"].items()
            if tables.get(Breakdown.OVERALL)
        },
    }


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    figure = read_figure(row)
    if figure.is_hidden:
        return {"key": figure.key, "label": figure.label}
    return {name: value for name, value in asdict(figure).items() if name not in NOT_TOLD}
