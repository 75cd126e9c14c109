"""Whole imports through the command, on both databases."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import func, select

from survey.db import db
from survey.models.dossier import Dossier, DossierChange
from survey.models.intake import ImportRow, ImportRun
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.message import Message
from tests.conftest import unit_of_work
from tests.features.exports import (
    CITIZEN_ID,
    DATA,
    HEADER,
    dump,
    expected,
    outcomes,
    row,
    write_csv,
)

NOW = "2026-03-20T10:00:00+07:00"
BINDING = {
    *("phone_missing", "phone_invalid", "phone_landline", "phone_old_prefix"),
    *("phone_foreign", "not_returned"),
}
LAST_DAY = {"messy_dossiers.csv": "2022-12-31", "messy_dossiers.xlsx": "2026-06-30"}


def _import(runner, path, *more, now=NOW):
    ran = runner("intake", "import", path, "--now", now, "--json", *more)
    assert ran.code == 0, ran.err
    return {name: value for name, value in ran.json.items() if name != "file"}


def _counts(rows, accepted, rejected, duplicate):
    return {"rows": rows, "accepted": accepted, "rejected": rejected, "duplicate": duplicate}


@pytest.mark.parametrize("name", LAST_DAY)
def test_messy_files_come_out_as_expected(runner, app, tmp_path, name):
    """Every row of the messy files has the expected outcome, reason and values."""
    counts = _import(runner, DATA / name, "--outcomes", tmp_path / "out.csv", now=LAST_DAY[name])
    wanted, found = expected(name), outcomes(tmp_path / "out.csv")
    assert found.keys() == wanted.keys()
    for number, line in wanted.items():
        told, hoped = found[number]["reason"], line["reason"]
        assert found[number]["outcome"] == line["expected"], number
        if line["expected"] == "rejected":
            assert told == hoped, number
        if line["expected"] == "accepted":
            assert set(told.split(";")) & BINDING == set(hoped.split(";")) & BINDING, number
    outcome = [line["expected"] for line in wanted.values()]
    kinds = ("accepted", "rejected", "duplicate")
    assert counts == _counts(len(wanted), *(outcome.count(kind) for kind in kinds))
    accepted = [line["dossier_code"] for line in wanted.values() if line["expected"] == "accepted"]
    with app.app_context():
        assert sorted(db.session.scalars(select(Dossier.code))) == sorted(accepted)
        finished = select(func.count()).where(Dossier.finished_at.is_not(None))
        entries = db.session.scalar(select(func.count()).select_from(CoverageEntry))
        assert entries == db.session.scalar(finished)


def test_a_dry_run_says_the_same_and_writes_nothing(runner, app, tmp_path):
    """A dry run reports the counts of the import after it and leaves the database unchanged."""
    name = "messy_dossiers.xlsx"
    with app.app_context():
        before = dump(db.session.connection())
    dry = _import(
        runner, DATA / name, "--dry-run", "--outcomes", tmp_path / "dry.csv", now="2026-06-30"
    )
    with app.app_context():
        assert dump(db.session.connection()) == before
    wet = _import(runner, DATA / name, "--outcomes", tmp_path / "wet.csv", now="2026-06-30")
    assert dry == wet
    assert (tmp_path / "dry.csv").read_bytes() == (tmp_path / "wet.csv").read_bytes()


def test_a_later_file_updates_with_history(runner, app, tmp_path):
    """Unchanged rows are duplicates, changed ones update their dossier and record each change."""
    first = [row(1), row(2, returned=""), row(3), row(4)]
    later = [
        row(1),
        row(2, due="18/03/2026"),
        row(3, agency="UBND phường Bắc Nha Trang"),
        row(4, phone="0914000999"),
        row(5),
    ]
    write_csv(tmp_path / "first.csv", first)
    write_csv(tmp_path / "later.csv", later)
    assert _import(runner, tmp_path / "first.csv") == _counts(4, 4, 0, 0)
    with app.app_context():
        early = select(CoverageEntry.dossier_id).join(
            Dossier, Dossier.id == CoverageEntry.dossier_id
        )
        assert len(db.session.scalars(early).all()) == 3
    out = tmp_path / "out.csv"
    assert _import(runner, tmp_path / "later.csv", "--outcomes", out) == _counts(5, 4, 0, 1)
    assert [line["reason"] for line in outcomes(out).values()] == [
        *("unchanged", "updated", "updated", "updated", ""),
    ]
    with app.app_context():
        query = (
            select(Dossier.code, DossierChange.field, DossierChange.old, DossierChange.new)
            .add_columns(DossierChange.after_finish)
            .join(Dossier, Dossier.id == DossierChange.dossier_id)
            .order_by(Dossier.code, DossierChange.field)
        )
        changes = [tuple(line) for line in db.session.execute(query)]
        assert len(db.session.scalars(select(CoverageEntry.dossier_id)).all()) == 5
    assert changes == [
        ("H32.15-260302-0002", "due_at", "2026-03-16", "2026-03-18", False),
        ("H32.15-260302-0002", "finished_at", "", "2026-03-12T15:30", False),
        ("H32.15-260302-0002", "outcome", "open", "granted", False),
        ("H32.15-260302-0003", "agency_id", "LOC-KH-W22366", "LOC-KH-W22333", True),
        ("H32.15-260302-0004", "phone", "•••", "•••", True),
    ]
    assert runner("coverage", "verify", "--period", "2026-03", "--json", "--now", NOW).code == 0


def test_an_older_export_takes_nothing_back(runner, tmp_path):
    """A file that is older than the stored facts changes nothing."""
    write_csv(tmp_path / "new.csv", [row(1)])
    less = row(1, returned="", due="", phone="", name="", channel="", received="02/03/2026")
    write_csv(tmp_path / "old.csv", [less])
    _import(runner, tmp_path / "new.csv")
    assert _import(runner, tmp_path / "old.csv") == _counts(1, 0, 0, 1)


def test_names_and_numbers_of_citizens_do_not_lie_about(runner, app, tmp_path):
    """No table holds a citizen's identity number, nor a name or a phone in clear."""
    named = row(2, name=f"Trần Thị Thử, CCCD {CITIZEN_ID}", phone="0914000777")
    _import(runner, write_csv(tmp_path / "a.csv", [row(1), named]))
    with app.app_context():
        everything = dump(db.session.connection())
    for secret in (CITIZEN_ID, "Trần Thị Thử", "Công dân thử", "914000777", "905000001"):
        assert secret not in everything


NUMERIC = {
    "8.49050002E10": "+84905000200",
    "9,050003E8": "+84905000300",
    905000004.0: "+84905000004",
    84905000005: "+84905000005",
    "8.49E+10": "",
    "4.41E+11": "",
    84905000.123: "",
}


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
def test_a_phone_printed_as_a_number_is_exact_or_nobodys(runner, app, tmp_path, extension):
    """A phone in scientific or decimal notation is read exactly or not at all, so that no stranger
    is asked.
    """
    rows = [row(number, phone=phone) for number, phone in enumerate(NUMERIC, 1)]
    path = tmp_path / f"phones.{extension}"
    if extension == "csv":
        write_csv(path, rows)
    else:
        book = openpyxl.Workbook()
        for cells in (HEADER, *rows):
            book.active.append(cells)
        book.save(path)
    out = tmp_path / "out.csv"
    assert _import(runner, path, "--outcomes", out) == _counts(len(rows), len(rows), 0, 0)
    hints = ["" if phone else "phone_invalid" for phone in NUMERIC.values()]
    assert [line["reason"] for line in outcomes(out).values()] == hints
    with unit_of_work(app) as session:
        called = {one.recipient.address for one in session.scalars(select(Message))}
    assert called == set(NUMERIC.values()) - {""}


def test_a_killed_import_ends_like_one_that_was_not(app, environment, runner, tmp_path):
    """An import that is killed half way and run again gives the result of a single run."""
    rows = [row(n, code=f"H32.15-260302-{n:05}", phone="") for n in range(1, 12001)]
    rows[5500][1] = rows[10][1]  # a duplicate far apart, on both sides of the kill
    rows[3000][3] = "Sở Không Có"
    path = write_csv(tmp_path / "long.csv", rows)
    command = [sys.executable, "-m", "flask", "--app", "survey", "intake", "import", str(path)]
    process = subprocess.Popen([*command, "--now", NOW], env=environment, stderr=subprocess.PIPE)
    while _next_row(app) < 1000:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stopped = _next_row(app)
    assert 1000 <= stopped < 12000
    out = tmp_path / "resumed.csv"
    counts = _import(runner, path, "--outcomes", out)
    assert counts == _counts(12000, 11998, 1, 1)
    told = outcomes(out)
    assert list(told) == list(range(2, 12002))
    assert {line["reason"] for line in told.values()} == {
        *("phone_missing", "unknown_agency", "same_row_again"),
    }
    with unit_of_work(app) as session:
        assert session.scalar(select(func.count()).select_from(Dossier)) == 11998
        assert session.scalar(select(func.count()).select_from(CoverageEntry)) == 11998
        assert session.scalar(select(func.count()).select_from(ImportRun)) == 1
        assert session.scalar(select(func.count()).select_from(ImportRow)) == 12000


def test_two_exports_of_the_same_days_may_be_imported_at_once(app, environment, runner, tmp_path):
    """Two concurrent imports of the same days both succeed, with each dossier stored once and each
    phone asked once.
    """
    rows = [row(n, phone=f"0905{n % 1500:06}") for n in range(1, 4001)]
    files = [write_csv(tmp_path / "a.csv", rows), write_csv(tmp_path / "b.csv", rows[::-1])]
    command = [sys.executable, "-m", "flask", "--app", "survey", "intake", "import", "--now", NOW]
    both = [
        subprocess.Popen([*command, str(path)], env=environment, stderr=subprocess.PIPE)
        for path in files
    ]
    for process in both:
        _, told = process.communicate()
        assert process.returncode == 0, told
    with unit_of_work(app) as session:
        assert session.scalar(select(func.count()).select_from(Dossier)) == 4000
        phones = select(Dossier.phone_index).join(Invitation).group_by(Dossier.phone_index)
        assert session.scalars(phones.having(func.count() > 1)).all() == []
    assert runner("coverage", "verify", "--period", "2026-03").code == 0


def _next_row(app):
    with app.app_context():
        return db.session.scalar(select(func.max(ImportRun.next_row))) or 0


def test_outcomes_that_cannot_be_written_stop_before_the_import(runner, app, tmp_path):
    """An unwritable path for the outcomes is refused before any row is stored."""
    path = write_csv(tmp_path / "one.csv", [row(1)])
    for place in (tmp_path, tmp_path / "none" / "out.csv", Path("/proc/none.csv")):
        ran = runner("intake", "import", path, "--now", NOW, "--outcomes", place)
        assert ran.code == 2, place
        assert "Không ghi được" in ran.err
    with unit_of_work(app) as session:
        assert session.scalar(select(func.count()).select_from(ImportRun)) == 0


def test_outcomes_lost_on_a_full_disk_are_there_after_the_next_try(runner, tmp_path):
    """After outcomes could not be written, running the command again writes them all."""
    path, out = write_csv(tmp_path / "two.csv", [row(1), row(2)]), tmp_path / "out.csv"
    assert runner("intake", "import", path, "--now", NOW, "--outcomes", "/dev/full").code == 2
    assert _import(runner, path, "--outcomes", out) == _counts(2, 2, 0, 0)
    assert [line["outcome"] for line in outcomes(out).values()] == ["accepted", "accepted"]


def test_outcomes_never_replace_the_file_they_tell_of(runner, tmp_path):
    """The export itself, also by another name, is refused as the file for the outcomes."""
    path = write_csv(tmp_path / "one.csv", [row(1)])
    before, other = path.read_bytes(), tmp_path / "same.csv"
    other.symlink_to(path)
    ran = runner("intake", "import", path, "--now", NOW, "--outcomes", other)
    assert ran.code == 2
    assert "chính tệp đang nạp" in ran.err
    assert path.read_bytes() == before


def test_a_finish_after_the_last_day_of_the_export_is_pointed_out(runner, tmp_path):
    """A return date after the export is accepted with a warning."""
    rows = [row(1, returned="20/03/2026 23:00"), row(2, returned="21/03/2026")]
    out = tmp_path / "out.csv"
    path = write_csv(tmp_path / "years.csv", rows)
    assert _import(runner, path, "--outcomes", out) == _counts(2, 2, 0, 0)
    assert [line["reason"] for line in outcomes(out).values()] == ["", "returned_in_future"]


def test_a_folder_is_no_file(runner, tmp_path):
    """A path that is not a file is refused with that reason."""
    ran = runner("intake", "import", tmp_path, "--now", NOW)
    assert ran.code == 2
    assert "không phải một tệp" in ran.err
