"""Facts about a dossier between submission and result, from files and other sources."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select

from survey.db import db
from survey.dossiers import (
    DossierFacts,
    ExtensionFacts,
    OfficerFacts,
    StageFacts,
    SupplementFacts,
    Timestamp,
    Verdict,
    record,
)
from survey.messages.phone import Phone
from survey.models.dossier import Dossier, DossierChange
from survey.models.extension import Extension
from survey.models.officer import Officer
from survey.models.organisation import Agency
from survey.models.stage import DossierStage, Source, Stage
from survey.models.supplement import Supplement
from tests.features.exports import CITIZEN_ID, dump
from tests.features.running_dossiers import (
    FIRST_DAY,
    MORE,
    NOW,
    ON_ITS_WAY,
    WORDS,
    import_rows,
    running_row,
)


def _stages(session):
    query = select(DossierStage).order_by(DossierStage.at, DossierStage.stage)
    return [
        (one.stage, f"{one.at + timedelta(hours=7):%d/%m %H:%M}") for one in session.scalars(query)
    ]


def _day(day, month=3):
    return datetime(2026, month, day, tzinfo=UTC) - timedelta(hours=7)


def _tables(app):
    """All tables that an import may change, except its own record."""
    tables = (Dossier, DossierChange, DossierStage, Supplement, Extension, Officer)
    with app.app_context():
        return [
            db.session.execute(select(*table.__table__.columns).order_by(*table.__table__.c)).all()
            for table in tables
        ]


def test_a_running_dossier_keeps_what_a_file_says_of_it(runner, app, transact, tmp_path):
    """Stage, supplement, extension, officer, applicant, way of return and receiving agency are
    stored, and what officials wrote about people is encrypted.
    """
    assert import_rows(runner, tmp_path, [running_row()]) == [("accepted", {"not_returned"})]
    with transact() as session:
        dossier = session.scalars(select(Dossier)).one()
        assert (dossier.stage, dossier.finished_at) == (Stage.SUPPLEMENT_ASKED, None)
        assert (dossier.applicant_kind, dossier.return_channel) == ("business", "post")
        assert session.get_one(Agency, dossier.receiving_agency_id).code == "LOC-KH-W22333"
        assert (dossier.first_due_at, dossier.due_at) == (_day(16), _day(23))
        officer = session.get_one(Officer, dossier.officer_id)
        assert (officer.code, officer.name) == ("CB07", "Phạm Văn Thụ Lý")
        assert _stages(session) == [(5, "05/03 09:30")]
        asked = session.scalars(select(Supplement)).one()
        assert (asked.number, asked.asked_at, asked.asked_has_time) == (1, _day(5), False)
        assert (asked.asked_by, asked.source) == ("Phạm Văn Thụ Lý", "file")
        assert (asked.old_due_at, asked.new_due_at) == (_day(16), _day(23))
        assert "Lê Thử" in asked.text
        assert CITIZEN_ID not in asked.text
        letter = session.scalars(select(Extension)).one()
        assert (letter.letter_at, letter.new_due_at) == (_day(13), _day(25))
        assert (letter.signer, letter.reason) == ("Võ Thị Ký", ON_ITS_WAY["reason"])
    with app.app_context():
        everything = dump(db.session.connection())
    assert not [words for words in WORDS if words in everything]


def test_the_same_file_again_changes_nothing(runner, app, tmp_path):
    """The same file on the same or a later day is a duplicate and changes no table."""
    bare_stage = {"status": "Đang xử lý", "officer": "Ngô Văn Chỉ Có Tên"}
    rows = [
        running_row(1),
        running_row(2, bare_stage),
        running_row(3, {"status": "Đã trả"}, returned="09/03/2026"),
    ]
    import_rows(runner, tmp_path, rows)
    before = _tables(app)
    for now in (FIRST_DAY, "2026-03-19T10:00:00+07:00"):
        assert {outcome for outcome, _ in import_rows(runner, tmp_path, rows, now)} == {"duplicate"}
        assert _tables(app) == before


def test_later_files_add_to_the_way_of_a_dossier(runner, app, transact, tmp_path):
    """Each later file adds its new stages and supplements, and an older file removes nothing."""
    second = ON_ITS_WAY | {"stage_at": "12/03/2026", "asked": "12/03/2026", "missing": "Bản vẽ"}
    days = (
        ("2026-03-03", running_row(1, {"status": "Đang giải quyết"})),
        ("2026-03-05", running_row(1, ON_ITS_WAY)),
        ("2026-03-09", running_row(1, {"status": "Đã bổ sung, chờ xử lý"})),
        ("2026-03-12", running_row(1, second)),
        (
            "2026-03-20",
            running_row(1, {"status": "Đã trả kết quả"}, returned="19/03/2026 15:00"),
        ),
    )
    for day, cells in days:
        said = import_rows(runner, tmp_path, [cells], f"{day}T10:00:00+07:00")
        assert said[0][0] == "accepted", day
    before = _tables(app)
    for day, cells in days[:2]:
        assert import_rows(runner, tmp_path, [cells], f"{day}T18:00:00+07:00")[0][0] == "duplicate"
    assert _tables(app) == before
    with transact() as session:
        assert session.scalar(select(Dossier.stage)) == Stage.RETURNED
        assert _stages(session) == [
            *((4, "03/03 00:00"), (5, "05/03 09:30"), (4, "09/03 00:00"), (5, "12/03 00:00")),
        ]
        asked = session.scalars(select(Supplement).order_by(Supplement.number)).all()
        assert [(one.number, one.asked_at) for one in asked] == [(1, _day(5)), (2, _day(12))]
        assert session.scalar(select(func.count()).select_from(Extension)) == 1
        corrections = select(DossierChange.field).where(DossierChange.after_finish.is_(True))
        assert session.scalars(corrections).all() == []


def test_what_cannot_be_read_is_left_out_with_a_hint(runner, transact, tmp_path):
    """An unreadable cell of these columns is left out and named, and its row is accepted."""
    odd = dict.fromkeys(MORE, "??")
    wrong = {"not_returned", "stage_unread", "first_due_unread", "applicant_kind_unread"}
    wrong |= {"return_unread", "receiving_agency_unread", "supplement_unread", "extension_unread"}
    lone = {"status": "4", "stage_at": "sớm", "missing": "Bản vẽ", "letter": "13/03/2026"}
    hints = {"not_returned", "stage_unread", "supplement_unread", "extension_unread"}
    said = import_rows(
        runner, tmp_path, [running_row(1, odd), running_row(2, lone), running_row(3, {})]
    )
    assert said == [("accepted", wrong), ("accepted", hints), ("accepted", {"not_returned"})]
    with transact() as session:
        stages = session.scalars(select(Dossier.stage).order_by(Dossier.code)).all()
        assert stages == [Stage.RECEIVED, Stage.IN_WORK, Stage.RECEIVED]
        assert session.scalar(select(func.count()).select_from(Supplement)) == 0


def _facts(session, **changes):
    agency = session.scalars(select(Agency.id).where(Agency.code == "LOC-KH-W22366")).one()
    facts = DossierFacts(
        code="H32.15-260302-0001",
        agency_id=agency,
        procedure_code="1.012783",
        channel="online",
        outcome="open",
        received=Timestamp(date(2026, 3, 2)),
        due=Timestamp(date(2026, 3, 16)),
        finished=None,
        phone=Phone("+84905000001", "mobile"),
        name="Công dân thử",
        source=Source.API,
    )
    return facts._replace(**changes)


def _record(transact, now=NOW, **changes):
    with transact() as session:
        recorded = record(session, [_facts(session, **changes)], now)
        return recorded.comparisons[0].verdict


def test_what_is_older_than_what_we_know_is_stale(transact):
    """Facts with an older time of change than the stored ones of their source are stale and change
    nothing.
    """
    first, later = NOW, NOW + timedelta(hours=1)
    assert _record(transact, changed_at=first) is Verdict.NEW
    assert _record(transact, changed_at=first) is Verdict.UNCHANGED
    assert _record(transact, changed_at=later) is Verdict.UNCHANGED
    other = {
        "due": Timestamp(date(2026, 3, 20)),
        "stage": StageFacts(Stage.READY, Timestamp(NOW.date())),
    }
    assert _record(transact, changed_at=first, **other) is Verdict.STALE
    with transact() as session:
        dossier = session.scalars(select(Dossier)).one()
        assert (dossier.stage, dossier.due_at) == (Stage.RECEIVED, _day(16))
        assert dossier.changed_at == later
    assert _record(transact, changed_at=later, **other) is Verdict.CHANGED


def test_the_first_due_date_stays_beside_the_one_in_force(transact):
    """A moved due date keeps the first one, and a time added to the same day is not a move."""
    _record(transact)
    assert _record(transact, due=Timestamp(date(2026, 3, 16), time(17))) is Verdict.CHANGED
    for day in (20, 27):
        assert _record(transact, due=Timestamp(date(2026, 3, day))) is Verdict.CHANGED
    with transact() as session:
        dossier = session.scalars(select(Dossier)).one()
        assert (dossier.first_due_at, dossier.first_due_has_time) == (
            _day(16, 3) + timedelta(hours=17),
            True,
        )
        assert dossier.due_at == _day(27)
    named = {"due": Timestamp(date(2026, 3, 27)), "first_due": Timestamp(date(2026, 3, 13))}
    assert _record(transact, **named) is Verdict.CHANGED
    assert _record(transact, **named) is Verdict.UNCHANGED


def test_supplements_are_known_by_their_id_or_their_day(transact):
    """A supplement with a known id or day is completed, one with another id or day is added."""
    first = SupplementFacts(Timestamp(date(2026, 3, 4)), source_id="a1")
    assert _record(transact, supplements=(first,)) is Verdict.NEW
    full = first._replace(
        asked=Timestamp(date(2026, 3, 4), time(8)),
        text="Bản vẽ",
        new_due=Timestamp(date(2026, 3, 20)),
    )
    same_day = SupplementFacts(Timestamp(date(2026, 3, 4)), source_id="a2")
    for _ in range(2):
        verdict = _record(transact, supplements=(full, same_day))
    assert verdict is Verdict.UNCHANGED
    with transact() as session:
        known = session.scalars(select(Supplement).order_by(Supplement.number)).all()
        assert [(one.source_id, one.text) for one in known] == [("a1", "Bản vẽ"), ("a2", None)]
        assert known[0].asked_at == _day(4) + timedelta(hours=8)
        assert [one.source for one in known] == ["api", "api"]


def test_a_second_letter_is_a_second_extension(transact):
    """A letter for a known date completes its extension, and another letter is another one."""
    date_alone = ExtensionFacts(Timestamp(date(2026, 3, 20)))
    _record(transact, extensions=(date_alone,))
    letter = date_alone._replace(letter=Timestamp(date(2026, 3, 13)), reason="Chờ ý kiến")
    assert _record(transact, extensions=(letter,)) is Verdict.CHANGED
    assert _record(transact, extensions=(letter,)) is Verdict.UNCHANGED
    second = ExtensionFacts(Timestamp(date(2026, 3, 27)), letter=Timestamp(date(2026, 3, 19)))
    assert _record(transact, extensions=(second,)) is Verdict.CHANGED
    with transact() as session:
        known = session.scalars(select(Extension).order_by(Extension.number)).all()
        assert [(one.letter_at, one.reason) for one in known] == [
            *((_day(13), "Chờ ý kiến"), (_day(19), None)),
        ]
        assert session.scalars(select(Dossier.due_at)).one() == _day(16)


def test_stages_come_in_any_order(transact):
    """The newest stage is the current one in whatever order stages arrive, and the end of a dossier
    is final.
    """
    day = date(2026, 3, 6)
    told = (
        (StageFacts(Stage.RECEIVED, Timestamp(date(2026, 3, 2))), Stage.RECEIVED),
        (StageFacts(Stage.SUPPLEMENT_ASKED, Timestamp(day, time(9))), Stage.SUPPLEMENT_ASKED),
        (StageFacts(Stage.SUPPLEMENT_ASKED, Timestamp(day)), Stage.SUPPLEMENT_ASKED),
        (StageFacts(Stage.IN_WORK, Timestamp(date(2026, 3, 4))), Stage.SUPPLEMENT_ASKED),
        (StageFacts(Stage.IN_WORK, Timestamp(day, time(15)), is_seen=True), Stage.IN_WORK),
        (StageFacts(Stage.SUPPLEMENT_ASKED, Timestamp(day), is_seen=True), Stage.SUPPLEMENT_ASKED),
        (StageFacts(Stage.RECEIVED, Timestamp(date(2026, 3, 9)), is_seen=True), Stage.RECEIVED),
    )
    for stage, present in told:
        _record(transact, stage=stage)
        with transact() as session:
            assert session.scalar(select(Dossier.stage)) == present, stage
    end = StageFacts(Stage.STOPPED, Timestamp(date(2026, 3, 10)), is_seen=True)
    _record(transact, stage=end, finished=Timestamp(date(2026, 3, 10), time(9)))
    late = StageFacts(Stage.IN_WORK, Timestamp(date(2026, 3, 12)), is_seen=True)
    assert _record(transact, stage=late) is Verdict.UNCHANGED
    assert _record(transact, finished=Timestamp(date(2026, 3, 10), time(9))) is Verdict.UNCHANGED
    with transact() as session:
        assert session.scalar(select(Dossier.stage)) == Stage.STOPPED
        assert _stages(session) == [
            *((4, "04/03 00:00"), (5, "06/03 09:00"), (4, "06/03 15:00"), (2, "09/03 00:00")),
            (8, "10/03 09:00"),
        ]


def test_corrections_of_officer_and_applicant_leave_a_line(transact):
    """A changed officer, applicant kind, agency or way of return is recorded as a change without
    any name.
    """
    _record(transact)
    said = {"officer": OfficerFacts("CB1"), "applicant_kind": "citizen", "return_channel": "post"}
    with transact() as session:
        other = session.scalars(select(Agency.id).where(Agency.code == "LOC-KH-W22333")).one()
    said["receiving_agency_id"] = other
    assert _record(transact, **said) is Verdict.CHANGED
    named = said | {"officer": OfficerFacts("CB1", "Phạm Văn Thụ Lý")}
    assert _record(transact, **named) is Verdict.UNCHANGED
    fresh = named | {"officer": OfficerFacts("CB2", "Võ Văn Mới"), "applicant_kind": "business"}
    assert _record(transact, **fresh) is Verdict.CHANGED
    assert _record(transact, **fresh) is Verdict.UNCHANGED
    with transact() as session:
        lines = session.execute(select(DossierChange.field, DossierChange.old, DossierChange.new))
        assert sorted(map(tuple, lines)) == [
            ("applicant_kind", "", "citizen"),
            ("applicant_kind", "citizen", "business"),
            ("officer_id", "", "•••"),
            ("officer_id", "•••", "•••"),
            ("receiving_agency_id", "", "LOC-KH-W22333"),
            ("return_channel", "", "post"),
        ]


def test_a_stage_of_the_future_is_a_slip(runner, transact, tmp_path):
    """A stage dated after the export counts as of the export's day, so that later stages are
    accepted.
    """
    slip = ON_ITS_WAY | {"stage_at": "05/03/2062"}
    ((outcome, hints),) = import_rows(runner, tmp_path, [running_row(1, slip)])
    assert (outcome, "stage_unread" in hints) == ("accepted", True)
    later = ON_ITS_WAY | {"status": "Đang xử lý", "stage_at": "12/03/2026"}
    import_rows(runner, tmp_path, [running_row(1, later)], "2026-03-12T10:00:00+07:00")
    with transact() as session:
        assert session.scalars(select(Dossier.stage)).one() == Stage.IN_WORK
