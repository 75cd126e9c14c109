"""The publishable figures of a closed month are stored in clear, so that a lost key loses none."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from survey import indices
from survey.errors import NotFound, Refused
from survey.indices import Breakdown
from survey.reports import report_index
from tests.conftest import unit_of_work
from tests.features.test_disclosure_control import LATER, MONTH, told_by_sector

__all__ = ["told_by_sector"]
ROW = text("SELECT published FROM snapshot")


def test_published_tables_are_what_pages_show(transact, told_by_sector):
    """A closing's public tables hold, without a key, every line that pages and reports show with
    equal figures, and no suppressed line.
    """
    with transact() as session:
        indices.close(session, MONTH, LATER)
        published_tables = indices.published_tables(session, MONTH, LATER)
        stored = session.execute(ROW).scalar_one()
    public = json.loads(stored) if isinstance(stored, str) else stored
    hidden = {
        (by, one.key)
        for by in Breakdown
        for one in published_tables[by]
        if one.is_suppressed and one.rated
    }
    assert hidden
    for by in Breakdown:
        lines = {line["key"]: line for line in public["figures"][by]}
        assert set(lines) == {
            one.key for one in published_tables[by] if one.rated and not one.is_suppressed
        }
        for one in published_tables[by]:
            if one.key in lines:
                line = lines[one.key]
                assert (line["rated"], line["index"]) == (one.rated, one.index)
    assert not {(Breakdown.AGENCY, rule["agency"]) for rule in public["rules"]} & hidden


def test_a_built_report_lies_in_the_database(transact, make_app):
    """Another host serves a built report with the same bytes, and refuses a changed one."""
    built = datetime(2026, 11, 20, tzinfo=UTC)
    with transact() as session:
        report_index.store(session, MONTH, "bao-cao.html", b"<!doctype html>", built)
        report_index.store(session, MONTH, "bao-cao.html", b"<!doctype html>2", built)
    with unit_of_work(make_app()) as session:
        file = report_index.file_of(session, MONTH, "bao-cao.html")
        assert (file.content, file.size, file.built_at) == (b"<!doctype html>2", 16, built)
        file.content = b"other"
        session.flush()
        with pytest.raises(Refused, match="report_file_broken"):
            report_index.file_of(session, MONTH, "bao-cao.html")
        with pytest.raises(NotFound, match="no_report_file"):
            report_index.file_of(session, MONTH, "bao-cao.pdf")
