"""Bulk inserts store rows as given, few or many, on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from survey.bulk import FEW_ROWS, write_many, write_numbered
from survey.db import table_of
from survey.models.dossier import Channel, Dossier
from survey.models.intake import ImportRow, ImportRun
from survey.models.organisation import Agency, Procedure
from tests.conftest import unit_of_work

AT = datetime(2026, 3, 2, 1, 30, 0, 123_000, tzinfo=UTC)
ODD = ("", "\\N", "\\.", "a\tb\nc\\d", "“ngoặc”; 'nháy', \"kép\"", "\u202a{}%s%(x)s", "NULL")
COUNTS = (1, FEW_ROWS - 1, FEW_ROWS, 3 * FEW_ROWS)


def dossiers(session, count):
    """Rows of dossiers with unusual texts, empty cells and every byte value."""
    agency = session.scalars(select(Agency.id).order_by(Agency.code)).first()
    procedure = session.scalars(select(Procedure.code).order_by(Procedure.code)).first()
    return [
        {
            "code": f"{ODD[n % len(ODD)]}{n}",
            "agency_id": agency,
            "procedure_code": procedure,
            "channel": Channel.POST if n % 2 else "counter",
            "outcome": "granted",
            "received_at": AT + timedelta(hours=n),
            "received_has_time": n % 3 == 0,
            "finished_at": None if n % 2 else AT,
            "stage": 2 if n % 2 else 10,
            "phone_kind": "mobile",
            "phone_sealed": bytes(range(256)),
            "phone_index": n.to_bytes(16),
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("count", COUNTS)
def test_rows_come_back_as_they_were_written(app, count):
    """Texts with special characters of COPY and SQL, instants, bytes, NULL and defaults are stored
    exactly.
    """
    with unit_of_work(app) as session:
        rows = dossiers(session, count)
        ids = write_numbered(session, insert(table_of(Dossier)), rows, "code")
        later = write_numbered(
            session, insert(table_of(Dossier)), [{**rows[0], "code": "later"}], "code"
        )
    with unit_of_work(app) as session:
        found = {one.id: one for one in session.scalars(select(Dossier))}
        assert len(found) == count + 1
        assert later["later"] not in ids.values()
        for row in rows:
            one = found[ids[row["code"]]]
            assert {name: getattr(one, name) for name in row} == row
            assert (one.due_at, one.due_has_time, one.finished_has_time) == (None, False, False)


@pytest.mark.parametrize("count", COUNTS[1:])
def test_a_row_that_breaks_a_rule_undoes_all(app, count):
    """A row that breaks a constraint raises the same error in few and in many rows, and none is
    stored.
    """
    with unit_of_work(app) as session:
        rows = dossiers(session, count)
        with pytest.raises(IntegrityError):
            write_many(session, insert(table_of(Dossier)), [*rows, rows[0]])
        session.rollback()
    with unit_of_work(app) as session:
        assert session.scalar(select(func.count()).select_from(Dossier)) == 0
        write_many(session, insert(table_of(Dossier)), rows)


@pytest.mark.parametrize("count", COUNTS)
def test_rows_that_are_there_are_changed(app, engine, count):
    """An upsert (ON CONFLICT DO UPDATE) updates each of many existing rows."""
    dialect = postgresql if engine == "postgresql" else sqlite
    fresh = dialect.insert(table_of(ImportRow))
    statement = fresh.on_conflict_do_update(
        index_elements=["run_id", "row"], set_={"reason": fresh.excluded.reason}
    )
    with unit_of_work(app) as session:
        run = ImportRun(digest="x", file_name="x", export_day=date(2026, 3, 2), started_at=AT)
        session.add(run)
        session.flush()
        run_id = run.id
        for reason in ("before", "after"):
            rows = [
                {"run_id": run_id, "row": n, "outcome": "accepted", "reason": f"{reason} {n}"}
                for n in range(count)
            ]
            write_many(session, statement, rows)
    with unit_of_work(app) as session:
        kept = select(ImportRow.reason, ImportRow.dossier_code).order_by(ImportRow.row)
        assert session.execute(kept).all() == [(f"after {n}", "") for n in range(count)]
