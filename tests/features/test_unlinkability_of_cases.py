"""A stolen database without a key does not reveal who wished to be called about a complaint."""

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.cases import opening, steps
from survey.cases.notices import Way
from survey.models.case import Case, CloseReason
from survey.models.staff import Staff
from tests.conftest import Ran
from tests.features import answering
from tests.features.stolen import Row, Tables, Web, dump
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
CALLED, SILENT = 14, 6
LATER = NOW + timedelta(hours=1)
# Shared by all cases of a month, and by all that ended long ago: these lead to nobody.
OF_ALL = {"month", "is_archived", "place"}
# The last is as long as an import lets one be.
NAMES = ("An", "Nguyễn Thị Minh Khai", "Ễ" * 200)


def _work_on(session: Session, staff: Staff, codes: Sequence[str]) -> None:
    """Handle the cases, each third in another way, and send all messages about them."""
    for number, code in enumerate(codes):
        _work(session, staff, number, session.scalars(select(Case).where(Case.code == code)).one())


def _work(session: Session, staff: Staff, number: int, case: Case) -> None:
    steps.take(session, staff, case, NOW)
    letter = ("Chúng tôi xin lỗi và đã trả hồ sơ.", Way.PLAIN)
    if number % 3 == 0:
        steps.postpone(session, staff, case, "Chờ đơn vị xác minh", NOW)
        steps.reply(session, staff, case, letter, NOW)
    elif number % 3 == 1:
        steps.reply(session, staff, case, letter, NOW)
        steps.close(session, staff, case, steps.Ending(CloseReason.RESOLVED), NOW)
        opening.reopen(session, case, NOW)
    else:
        ending = steps.Ending(CloseReason.UNREACHABLE, "Chúng tôi gọi chưa gặp.", way=Way.ACCENTED)
        steps.close(session, staff, case, ending, NOW)


# Answering takes long: the promises about one engine read the same dump.
dumps: dict[str, tuple[Tables, Web]] = {}


@pytest.fixture
def stolen(
    engine: str, transact: Transact, runner: Callable[..., Ran], environment: dict[str, str]
) -> tuple[Tables, Web]:
    """A dump of cases at every stage, most with a wish to be called, with sent and waiting
    messages; and the links between its rows.
    """
    if engine in dumps:
        return copy.deepcopy(dumps[engine])
    with transact() as session:
        ask_everybody(session)
        wanted = [Wanted(number) for number in range(1, CALLED + SILENT + 1)]
        for number, dossier in enumerate(finish(session, wanted)):
            name = NAMES[number % len(NAMES)]
            dossier.name = name
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    tokens = links(Path(environment["SMS_CONSOLE_FILE"]))
    for number, one in enumerate(wanted):
        sent = Submission(overall=1, comment="Chậm quá.", contact=number < CALLED)
        with transact() as session:
            answers.submit(session, tokens[one.mobile], sent, NOW)
    with transact() as session:
        staff = answering.add_staff(session)
        codes = session.scalars(select(Case.code).where(Case.contact_index.is_not(None))).all()
        assert len(codes) == CALLED
        _work_on(session, staff, codes[: CALLED // 2])
    assert runner("messages", "send-due", "--now", LATER.isoformat()).code == 0
    with transact() as session:
        _work_on(session, session.scalars(select(Staff)).one(), codes[CALLED // 2 :])
    with transact() as session:
        tables = dump(session)
        dumps[engine] = (tables, Web(session, tables))
    return copy.deepcopy(dumps[engine])


def test_no_value_of_a_case_stands_in_another_table(stolen: tuple[Tables, Web]) -> None:
    """No value of a case equals one of another table, so that no join finds a row."""
    tables, _ = stolen
    there = {_plain(value) for name in tables if name != "case" for value in _values(tables[name])}
    joined = {
        column
        for row in tables["case"]
        for column, value in row.items()
        if column not in OF_ALL and value is not None and _plain(value) in there
    }
    assert joined == set()


def test_from_a_case_one_reaches_nothing(stolen: tuple[Tables, Web]) -> None:
    """No chain of equal values and foreign keys leads from a case to another row."""
    tables, web = stolen
    for row in tables["case"]:
        assert web.reach("case", row) == {("case", row["place"])}


def test_no_dossier_shows_that_its_citizen_was_written_to(stolen: tuple[Tables, Web]) -> None:
    """No message about a case leads to a dossier, which would reveal who complained."""
    tables, web = stolen
    about_cases = [row for row in tables["message"] if row["kind"] == "case_reply"]
    assert {row["state"] for row in about_cases} == {"ready", "sent"}
    for row in about_cases:
        assert {name for name, _ in web.reach("message", row)} == {"message"}
    for row in tables["dossier"]:
        kinds = {web.row(one)["kind"] for one in web.reach("dossier", row) if one[0] == "message"}
        assert "case_reply" not in kinds


def test_contact_data_are_equally_long(stolen: tuple[Tables, Web]) -> None:
    """Encrypted contact data have one length, which would else match the length of a name."""
    tables, _ = stolen
    sealed = [row["contact_sealed"] for row in tables["case"]]
    assert sealed.count(None) == SILENT
    assert len({len(bytes(one)) for one in sealed if one}) == 1
    assert len({len(bytes(row["name_sealed"])) for row in tables["dossier"]}) == len(NAMES)


def test_that_attack_finds_a_planted_link(stolen: tuple[Tables, Web], transact: Transact) -> None:
    """With a planted column that names the dossier, the attack finds all data of the citizen."""
    tables, _ = stolen
    for name in ("dossier", "case"):
        tables[name][0]["planted"] = "H32.15-260501-0001"
    with transact() as session:
        web = Web(session, tables)
    reached = {name for name, _ in web.reach("case", tables["case"][0])}
    assert {"dossier", "coverage_entry", "invitation"} <= reached


def _values(rows: Any) -> list[Any]:
    return [value for row in rows for column, value in _columns(row) if column != "place"]


def _columns(row: Row) -> list[tuple[str, Any]]:
    return [(column, value) for column, value in row.items() if value is not None]


def _plain(value: Any) -> Any:
    """A value in a form that compares equal whatever type the engine returns."""
    return str(value) if isinstance(value, dict | list) else value
