"""The part of a closed month that may be stored unencrypted: the published lines and no others."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from survey.disclosure import Breakdown
from survey.indices.disclosure_control import suppressed_payload
from survey.indices.figures import read_figure

AS_STORED = ("month", "formula", "closed_at", "frame", "coverage", "late", "scoring", "names")
LEFT_OUT = ("covers", "provisional")


def published(session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The public part of a closing's payload.

    `figures` {breakdown: [line]}, `factors` {question: [overall line]}; a line is a `Figure`.
    Suppressed lines are left out, and so are lines without a rating, so that a missing line does
    not reveal which of the two it is.
    """
    protected = suppressed_payload(session, payload)
    figures = {by.value: _shown(protected["figures"][by]) for by in Breakdown}
    agencies = {line["key"] for line in figures[Breakdown.AGENCY]}
    return {
        **{name: payload[name] for name in AS_STORED},
        "figures": figures,
        "rules": [rule for rule in payload["rules"] if rule["agency"] in agencies],
        "factors": {
            question: _shown(tables[Breakdown.OVERALL])
            for question, tables in payload["factors"].items()
        },
    }


def _shown(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    figures = [asdict(one) for one in map(read_figure, rows) if one.rated and not one.is_suppressed]
    return [{name: value for name, value in one.items() if name not in LEFT_OUT} for one in figures]
