"""A rotation of DATA_KEY invalidates nothing; a full re-encryption leaves no use of old keys."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import func, select, update

from survey import accounts, answers, audit, invitations
from survey.answers import Submission
from survey.ballots import checking
from survey.cases import access_control, notices, steps
from survey.crypto import keys
from survey.crypto.sealed import TEXT, declarations
from survey.crypto.values import open_with
from survey.db import table_of
from survey.intake.upload import held_table, hold_upload
from survey.models.case import Case, case_of
from survey.models.control_chart import (
    AlertKey,
    BaselineLimits,
    ChartState,
    ControlChart,
    ControlRule,
    Measure,
    RateChart,
    RateLimits,
    Signal,
    Sums,
)
from survey.models.dossier import Dossier
from survey.models.extension import Extension
from survey.models.intake import Upload
from survey.models.invitation import OptOut, StaffPhone
from survey.models.message import Conversation, Inbound, Message
from survey.models.organisation import Agency
from survey.models.province import Province
from survey.models.recipient import IndexUse, Recipient
from survey.models.staff import Staff
from survey.models.supplement import Supplement
from survey.monitoring.signals import extend, open_alert_keys, raise_signal
from survey.period import Month
from tests import ballots
from tests.conftest import FIXED, run_command, unit_of_work
from tests.features.answering import add_staff
from tests.features.exports import row, write_csv
from tests.features.stolen import dump
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

NEW_KEY = base64.urlsafe_b64encode(b"another key of thirty-two bytes!").decode()
EMAIL = "hai.buoc@example.vn"
ANGRY, CALM, LATE, SILENT, TALKER, OFFICER = (Wanted(number) for number in range(1, 7))
# The night in which reminders are parted from their dossiers, and the moment they may leave.
NIGHT, MORNING = datetime(2026, 5, 22, 18, tzinfo=UTC), datetime(2026, 5, 23, 1, tzinfo=UTC)
CLOSING, MAY = datetime(2026, 6, 15, 3, tzinfo=UTC), Month("2026-05")
LONG_ENOUGH = 6
DIP = AlertKey(ControlRule.RESPONSE_DIP, None)
TOLD = Signal(NOW.date(), NOW.date(), 0.1, 9, 20, 0.01)
REKEYS = pytest.mark.parametrize("options", [(), ("--full",)], ids=["rewrapped", "full"])


@pytest.fixture
def tokens(transact, runner, environment, tmp_path):
    """Data in every encrypted column; phone → token of those who were asked."""
    with transact() as session:
        ask_everybody(session)
        session.execute(update(Province).values(followup_percent=100))
        finish(session, [ANGRY, CALM, SILENT])
    for timestamp in (NOW, NIGHT):
        assert runner("messages", "send-due", "--now", timestamp.isoformat()).code == 0
    found = links(Path(environment["SMS_CONSOLE_FILE"]))
    with transact() as session:
        bad = Submission(overall=1, comment="Chậm quá.", contact=True)
        answers.submit(session, found[ANGRY.mobile], bad, NOW)
        answers.submit(session, found[CALM.mobile], Submission(overall=5), NOW)
        invitations.opt_out(session, Recipient.by_sms(CALM.mobile), NOW)
        finish(session, [LATE])  # its message waits
        _lists(session)
        _words_of_officials(session)
        _watch(session)
        notices.notify_of_deadline(session, session.scalars(select(Case)).one(), "delay", NOW)
        staff = add_staff(session)
        secret = pyotp.random_base32()
        staff.email = EMAIL
        code = pyotp.TOTP(secret).at(NOW)
        accounts.enable_second_factor(session, NOW, staff, secret, code)
        path = write_csv(tmp_path / "thang-5.csv", [row(1), row(2)])
        session.add(hold_upload(session, path, path.name, staff.id, NOW))
    assert runner("index", "close", "--period", "2026-05", "--now", CLOSING.isoformat()).code == 0
    with transact() as session:  # what waits for the night
        answers.submit(session, found[ANGRY.mobile], Submission(comment="Vẫn chậm."), NOW)
        audit.append_later(session, NOW, "case.contact", "case:PA000001", {})
    return found | {"secret": secret}


def _lists(session):
    """Add phones of staff, of citizens who got help, and of those who wrote to the hotline."""
    session.add(StaffPhone(id="1", **StaffPhone.phone.columns(session, "1", OFFICER.mobile)))
    talk = Conversation.phone.columns(session, "1", TALKER.mobile)
    session.add(Conversation(id="1", helped_on=NOW, **talk))
    text = Inbound.phone.columns(session, "1", TALKER.mobile)
    text |= Inbound.body.columns(session, "1", "Xin hỏi")
    session.add(Inbound(id="1", received_at=NOW, needs_person=True, **text))


def _words_of_officials(session):
    """Add the missing papers of a dossier, and the reason for its delay."""
    dossier = session.scalars(select(Dossier).where(Dossier.code == ANGRY.code)).one()
    key = {"dossier_id": dossier.id, "number": 1, "source": "file"}
    asked = Supplement(asked_at=NOW, asked_has_time=True, **key)
    letter = Extension(new_due_at=NOW, **key)
    session.add_all([asked, letter])
    asked.text, letter.reason = "Thiếu bản vẽ", "Chờ ý kiến"


def _watch(session):
    """Add a control chart, a rate chart and an open alert."""
    frozen = {"first_month": MAY, "last_month": MAY, "baseline_on": NOW.date()}
    agency_id = session.scalars(select(Agency.id)).first()
    chart = ControlChart(agency_id=agency_id, sector_group="land", **frozen)
    rate = RateChart(measure=Measure.RESPONSE, batch_from=NOW.date(), **frozen)
    session.add_all([chart, rate])
    chart.limits = BaselineLimits(0.1, 0.1, 0.5, 8, 1, 60, 20, 0.1, 100)
    chart.state = ChartState(since=NOW.date())
    rate.limits, rate.sums = RateLimits(0.1, 0.1, 0.1), Sums(3, 2)
    raise_signal(session, DIP, TOLD, NOW)


@REKEYS
def test_everything_works_with_the_new_key_alone(make_app, tokens, environment, options):
    """After a key rotation every link, waiting message, account, case, list, closing and alert
    works without the old key, which decrypts nothing any more.
    """
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    assert run_command(both, "privacy", "rekey", *options).code == 0
    alone = make_app(DATA_KEY=NEW_KEY)
    with unit_of_work(alone) as session:
        _use_links(session, tokens)
        _use_staff(session, tokens)
        _find_phones(session)
        assert open_alert_keys(session) == {DIP}
        extend(session, DIP, TOLD)
        upload = session.scalars(select(Upload)).one()
        assert held_table(session, upload).row_count == 2
        assert checking.check(session) == []
        assert audit.verify(session)[1]
    proven = run_command(alone, "index", "recompute", "--snapshot", "1", "--json")
    assert (proven.code, proven.json["ok"]) == (0, True)
    sent = run_command(alone, "messages", "send-due", "--now", MORNING.isoformat(), "--json").json
    # An invitation and a text about a case that waited, and a reminder that was parted before.
    assert sent["sent"] == 3
    with unit_of_work(alone) as session:
        token = links(Path(environment["SMS_CONSOLE_FILE"]))[LATE.mobile]
        answers.submit(session, token, Submission(overall=3), MORNING)
    old = run_command(make_app(), "cases", "list")
    assert (old.code, "wrong_key" in old.err) == (1, True)


def _use_links(session, tokens):
    """Answered links show and change their answer, and open links take one."""
    assert answers.answer_page(session, tokens[ANGRY.mobile], NOW).answer.overall == 1
    answers.submit(session, tokens[CALM.mobile], Submission(overall=4), NOW)
    assert answers.answer_page(session, tokens[CALM.mobile], NOW).answer.overall == 4
    assert answers.answer_page(session, tokens[SILENT.mobile], NOW).may_answer
    assert ballots.count(session) == 2
    closings = [
        [version.closing for version in one.ballot.versions]
        for one in ballots.all_found(session).values()
    ]
    assert closings == [[0, 1], [0, 1]]


def _use_staff(session, tokens):
    """The second factor is accepted, and a case is worked on with its contact data."""
    staff = session.scalars(select(Staff).where(Staff.email == EMAIL)).one()
    later = NOW + timedelta(hours=1)
    code = pyotp.TOTP(tokens["secret"]).at(later)
    assert accounts.check_second_factor(session, later, staff, code)
    case = session.scalars(select(Case)).one()
    assert case_of(session, bytes.fromhex(case.record.ballot_key)) is not None
    assert access_control.reveal(session, staff, case, "gọi lại", NOW).phone == ANGRY.mobile
    steps.take(session, staff, case, NOW)
    assert [one.kind for one in case.timeline] == ["opened", "citizen_added", "revealed", "taken"]


def _find_phones(session):
    """Every phone is found by its blind index, in every table that has one."""
    found = {
        Dossier.phone: ANGRY,
        Inbound.phone: TALKER,
        Conversation.phone: TALKER,
        OptOut.phone: CALM,
        StaffPhone.phone: OFFICER,
    }
    for sealed, wanted in found.items():
        holds = sealed.holds(session, wanted.mobile)
        found_row = session.scalars(select(sealed.owner).where(holds)).first()
        assert sealed.read(found_row) == wanted.mobile
    case = session.scalars(select(Case).where(Case.contact.holds(session, ANGRY.mobile))).one()
    assert case.contact.dossier_code == ANGRY.code
    asked = Recipient.by_sms(LATE.mobile)
    sent = Message.recipient.holds(session, asked.indexed_text())
    assert session.scalars(select(Message).where(sent)).first().recipient == asked
    told = Recipient.by_sms(ANGRY.mobile).indexed_text(IndexUse.CASE)
    apart = Message.recipient.holds(session, told)
    texted = session.scalars(select(Message).where(apart)).one()
    assert (texted.kind, texted.case_hash) == ("case_reply", Message.by_case.of(session, case.code))


def test_a_change_of_key_touches_a_handful_of_keys(make_app, tokens, transact):
    """`privacy rekey` writes only the wrapped keys and the audit log; a second time nothing."""
    with transact() as session:
        before = dump(session)
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    assert run_command(both, "privacy", "rekey", "--json").json == {"rewrapped": 3}
    with transact() as session:
        after = dump(session)
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed == {"wrapped_key", "audit_entry"}
    assert run_command(both, "privacy", "rekey", "--json").json == {"rewrapped": 0}
    with transact() as session:
        assert dump(session) == after


def test_a_full_rekey_leaves_nothing_under_the_former_keys(app, runner, tokens):
    """A full re-encryption replaces every ciphertext and blind index except hashes of values stored
    nowhere, and reports a damaged value and goes on.
    """
    with unit_of_work(app) as session:
        before, ring = _all_values(session), keys.keyring(session)
        assert {place for place, values in before.items() if not values} == set()
        damaged = session.scalars(select(Dossier).where(Dossier.code == LATE.code)).one()
        damaged.name_sealed = (damaged.name_sealed or b"")[:-1] + b"\0"
    full = runner("privacy", "rekey", "--full", "--json")
    assert (full.code, full.json["broken"]) == (1, 1)
    with unit_of_work(app) as session:
        after = _all_values(session)
        for place, values in after.items():
            kept = values & before[place]
            assert kept == (set() if place != "message.recipient_index" else kept), place
        for sealed in every_sealed():
            rows = session.scalars(select(sealed.owner)).all()
            columns = [(sealed.name_of(one), getattr(one, sealed.column)) for one in rows]
            opened = [
                open_with(ring.ciphers[0], sealed.place, name, value)
                for name, value in columns
                if value is not None
            ]
            assert set(opened) == {None}, sealed.place
    assert runner("privacy", "rekey", "--full", "--json").json["broken"] == 1


def every_sealed():
    """All columns that the models declare encrypted, table by table."""
    return [sealed for declared in declarations().values() for sealed in declared.sealed]


def _all_values(session):
    """`table.column` → the values of each encrypted column and each blind index."""
    found = {}
    for sealed in every_sealed():
        names = [sealed.column, *([sealed.index.column] if sealed.index else [])]
        for name in names:
            column = table_of(sealed.owner).c[name]
            values = session.scalars(select(column).where(column.is_not(None)))
            found[f"{column.table.name}.{name}"] = set(map(bytes, values))
    return found


def _text(value):
    """The text of a decrypted value, or the address of a recipient."""
    return value.address if isinstance(value, Recipient) else (value or "").strip()


def test_no_encrypted_text_stands_in_clear_anywhere(app, tokens):
    """No value of an encrypted column and no link token is part of any other column of a stolen
    database.
    """
    with unit_of_work(app) as session:
        hidden = {
            text
            for sealed in every_sealed()
            if sealed.codec is TEXT or sealed is Message.recipient
            for one in session.scalars(select(sealed.owner))
            if len(text := _text(sealed.read(one))) >= LONG_ENOUGH
        }
        said = [value for rows in dump(session).values() for row in rows for value in row.values()]
    assert {ANGRY.mobile, "Công dân thử", tokens["secret"]} < hidden
    hidden |= {one for name, one in tokens.items() if name != "secret"}
    hidden |= {text[3:] for text in hidden if text.startswith("+84")}
    clear = "\n".join(map(repr, said))
    assert not [text for text in hidden if text in clear]


def test_former_keys_go_when_nothing_needs_them(app, runner, tokens):
    """The nightly job finishes a full re-encryption and deletes the old keys nine days later, not
    before.
    """
    with unit_of_work(app) as session:
        keys.draw_next(session, NOW)
        keys.put_in_force(session)
    keys.forget(session.get_bind().engine)
    with unit_of_work(app) as session:
        assert {len(keys.keyring(session).ciphers), len(keys.keyring(session).index_keys)} == {2}
    for days, left in ((1, 2), (8, 2), (10, 1)):
        late = NOW + timedelta(days=days)
        assert runner("worker", "--once", "--now", late.isoformat()).code == 0
        keys.forget(session.get_bind().engine)
        with unit_of_work(app) as session:
            assert len(keys.keyring(session).ciphers) == left
            _find_phones(session)


def test_who_writes_with_a_former_key_meanwhile_is_found(app, runner, tokens):
    """An opt-out stored under a former key is found, so that a second one after the re-encryption
    adds no row.
    """
    with unit_of_work(app) as session:
        keys.draw_next(session, NOW)
        keys.put_in_force(session)
    keys.forget(session.get_bind().engine)
    with unit_of_work(app) as session:
        invitations.opt_out(session, Recipient.by_sms(CALM.mobile), NOW)
        assert session.scalar(select(func.count()).select_from(OptOut)) == 1
        assert session.scalars(select(Dossier).where(Dossier.phone.holds(session, ANGRY.mobile)))
    assert runner("privacy", "rekey", "--full").code == 0
    with unit_of_work(app) as session:
        invitations.opt_out(session, Recipient.by_sms(CALM.mobile), NOW)
        assert session.scalar(select(func.count()).select_from(OptOut)) == 1
