"""Fixtures: a closed month with its four report files, and single steps on cases."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from survey.cases import steps
from survey.models.case import Case
from survey.models.staff import Staff
from tests.conftest import FIXED, run_command, running, unit_of_work
from tests.features import report_data
from tests.features.report_data import MONTH, NOW


@pytest.fixture(scope="module")
def closed(sqlite_copies, tmp_path_factory):
    """An application in which October 2026 and the month before are closed; tests only add data."""
    folder = tmp_path_factory.mktemp("closed")
    database = {"DATABASE_URL": sqlite_copies.copy(folder)}
    with running({**FIXED, **database, "SMS_CONSOLE_FILE": str(folder / "sms.jsonl")}) as app:
        with unit_of_work(app) as session:
            for month in (report_data.BEFORE, MONTH):
                report_data.province(session, month)
                report_data.close(session, month)
        yield app


@pytest.fixture(scope="module")
def built(closed, tmp_path_factory):
    """Format → path of the four files of October 2026."""
    made = run_command(
        closed, "report", "build", "--period", MONTH, "--formats", "html,pdf,docx,xlsx",
        "--out", tmp_path_factory.mktemp("built") / "new", "--now", NOW.isoformat(), "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    return {Path(name).suffix[1:]: Path(name) for name in made.json["files"]}


@pytest.fixture
def work(transact):
    """`with work(staff_id, code) as (session, staff, case):` is one unit of work on the newest
    case.
    """

    @contextmanager
    def one_step(staff_id, code):
        with transact() as session:
            staff = session.get_one(Staff, staff_id)
            revision = session.scalar(select(Case.revision).where(Case.code == code))
            yield session, staff, steps.claim(session, staff, code, revision)

    return one_step
