"""One dossier from the messy file to the report, through commands and pages only.

Its twins: one whose citizen forgets, one who wants no more messages, one whose link has expired.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from survey.period import Month
from survey.province.workdays import LOCAL, Calendar
from tests.clocks import NOW
from tests.conftest import Ran
from tests.journey.workbook import write_export
from tests.seeding import links
from tests.web.staff_accounts import post, sign_in

Runner = Callable[..., Ran]
# Rows of the workbook that are not finished in the first export.
WALKER, FORGETFUL, UNWILLING = 34, 65, 69
WALKER_PHONE, FORGETFUL_PHONE, UNWILLING_PHONE = "+84914000257", "+84905000303", "+84905000274"
EARLIER = timedelta(days=20)
WORDS = "Cán bộ quát tôi trước mặt mọi người, hồ sơ trễ ba lần hẹn."
REPLY = "Chúng tôi xin lỗi Ông/Bà. Cán bộ đã được nhắc nhở và phân công lại."


@dataclass(frozen=True)
class Calendars:
    """The days of the walk, around the day on which the citizen is asked."""

    now: datetime

    @property
    def first_export(self) -> datetime:
        """Evening of the first export's last day."""
        return datetime.combine(self.now.date() - EARLIER, time(21), LOCAL)

    @property
    def finish(self) -> datetime:
        """When the three dossiers were finished: yesterday morning."""
        return datetime.combine(self.now.date() - timedelta(days=1), time(9, 30))

    @property
    def month(self) -> Month:
        """The period they count in."""
        return Month.at(self.finish)

    @property
    def closing(self) -> datetime:
        """A day on which that period may be closed."""
        return datetime.combine(self.finish.date() + timedelta(days=50), time(10), LOCAL)


def sending_time(instant: datetime) -> str:
    """The next moment at which messages may leave."""
    return Calendar().next_send_time(instant, time(8), time(20)).isoformat()


def send(runner: Runner, instant: datetime, console: Path) -> dict[str, str]:
    """Send what is due; phone → token."""
    sent = runner("messages", "send-due", "--now", sending_time(instant), "--json").json
    assert sent["sent"] > 0
    assert (sent["failed"], sent["unknown"], sent["waiting"]) == (0, 0, 0)
    return links(console)


def rate(citizen: FlaskClient, token: str) -> None:
    """One tap, then why, then no call."""
    page = f"/s/{token}"
    assert citizen.get(page).status_code == 200
    assert citizen.post(page, data={"overall": "1"}).status_code == 303
    assert citizen.post(page, data={"reasons": "officials", "comment": WORDS}).status_code == 303
    assert citizen.post(page, data={"contact": "no"}).status_code == 303


def handle(app: Flask, runner: Runner) -> None:
    """A handler signs in for the first time, takes the case and replies."""
    made = runner("staff", "add", "dd.nong@khanhhoa.vn", "--role", "handler", "--json").json
    handler = app.test_client()
    sign_in(handler, made["email"], made["password"])
    chosen = "nước trong xanh biếc quê nhà"
    post(
        handler,
        "/staff/password",
        old_password=made["password"],
        new_password=chosen,
        new_password_again=chosen,
    )
    queue = handler.get("/staff/cases?view=all")
    code = re.search(r"/staff/cases/(PA\w{6})", queue.text)
    assert code, queue.text
    page = f"/staff/cases/{code[1]}"
    assert WORDS in handler.get(page).text
    revision = re.search(r'name="revision" value="(\d+)"', handler.get(page).text)
    assert post(handler, f"{page}/take", page=page, revision=revision[1]).status_code == 303
    form = handler.get(page).text
    fields = dict(re.findall(r'name="(revision|seen)" value="(\d+)"', form))
    replied = post(handler, f"{page}/reply", page=page, reply=REPLY, way="page", **fields)
    assert replied.status_code == 303, replied.text


def test_from_the_messy_file_to_the_report(
    app: Flask, runner: Runner, environment: dict[str, str], tmp_path: Path
) -> None:
    """What one citizen says is answered in writing and counted in the month's report."""
    days = Calendars(NOW.astimezone(LOCAL))
    console = Path(environment["SMS_CONSOLE_FILE"])
    first, later = tmp_path / "first.xlsx", tmp_path / "later.xlsx"
    write_export(first, days.first_export.date(), {})
    imported = runner("intake", "import", first, "--now", days.first_export.isoformat(), "--json")
    assert (imported.json["rows"], imported.json["rejected"]) == (131, 13)
    expired = send(runner, days.first_export, console)

    finished = dict.fromkeys((WALKER, FORGETFUL, UNWILLING), days.finish)
    write_export(later, days.first_export.date(), finished)
    again = runner("intake", "import", later, "--now", days.now.isoformat(), "--json").json
    assert (again["accepted"], again["rejected"], again["rows"]) == (3, 13, 131)
    tokens = send(runner, days.now, console)
    assert {WALKER_PHONE, FORGETFUL_PHONE, UNWILLING_PHONE} <= set(tokens)

    citizen = app.test_client()
    rate(citizen, tokens[WALKER_PHONE])
    assert citizen.post(f"/s/{tokens[UNWILLING_PHONE]}/stop").status_code == 303
    assert citizen.get(f"/s/{next(iter(expired.values()))}").status_code == 404
    handle(app, runner)
    thanks = citizen.get(f"/s/{tokens[WALKER_PHONE]}").text
    assert REPLY in thanks

    for words in (("coverage", "verify", "--period", days.month), ("index", "rebuild", "--check")):
        assert runner(*words).code == 0
    assert runner("audit", "verify").code == 0
    read_report(runner, days, tmp_path)


def read_report(runner: Runner, days: Calendars, folder: Path) -> None:
    """The month is closed; figures, files and digest tell of the one answer."""
    closing = ("--now", days.closing.isoformat(), "--json")
    closed = runner("index", "close", "--period", days.month, *closing).json
    (line,) = runner("index", "show", "--period", days.month, "--by", "overall", *closing).json
    assert (line["rated"], line["satisfied"], line["provisional"]) == (1, 0, False)
    formats = ("--formats", "html,docx,xlsx", "--out", folder)
    built = runner("report", "build", "--period", days.month, *formats, *closing).json
    assert built["digest"] == closed["digest"]
    page = next(Path(file) for file in built["files"] if file.endswith(".html"))
    assert closed["digest"][:12] in page.read_text(encoding="utf-8")


def test_a_second_dossier_of_the_unwilling_is_not_asked(
    app: Flask, runner: Runner, environment: dict[str, str], tmp_path: Path
) -> None:
    """Who wants no more messages is counted as such, and never sent another."""
    days = Calendars(NOW.astimezone(LOCAL))
    console = Path(environment["SMS_CONSOLE_FILE"])
    export = tmp_path / "export.xlsx"
    write_export(export, days.first_export.date(), {UNWILLING: days.finish})
    runner("intake", "import", export, "--now", days.now.isoformat())
    token = send(runner, days.now, console)[UNWILLING_PHONE]
    assert app.test_client().post(f"/s/{token}/stop").status_code == 303
    later = days.now + timedelta(days=40)
    row = (tmp_path / "one.csv").resolve()
    row.write_text(
        "Mã hồ sơ;Mã TTHC;Cơ quan thực hiện;Số điện thoại;Ngày tiếp nhận;Ngày hẹn trả;"
        f"Ngày trả thực tế\nH32.15-{later:%y%m%d}-0099;1.012785;Văn phòng Đăng ký đất đai tỉnh;"
        f"0{UNWILLING_PHONE[3:]};{later:%d/%m/%Y};{later:%d/%m/%Y};{later:%d/%m/%Y}\n",
        encoding="utf-8",
    )
    after = later + timedelta(days=1)
    runner("intake", "import", row, "--now", after.isoformat())
    shown = runner("coverage", "show", "--period", Month.at(later), "--json").json
    assert shown["not_invited"] == {"opted_out": 1}
