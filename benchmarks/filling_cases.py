"""Thousands of open cases about ballots with comments, as citizens and staff would leave them."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from benchmarks.filling import asked
from survey.ballots.contents import Ballot, Current, Pooled, pooled_row
from survey.bulk import write_many
from survey.cases.deadlines import reply_due
from survey.crypto.tokens import new_case_code
from survey.db import table_of
from survey.models.ballot import Mode, PooledBallot
from survey.models.case import Case, CaseEvent, CaseReason, CaseRecord, CaseState, EventKind
from survey.models.count import Cell, Frame
from survey.models.operator_alert import unordered_id
from survey.models.organisation import Procedure
from survey.models.questionnaire import QuestionnaireKind
from survey.period import Month
from survey.province import calendar_of
from survey.province.workdays import local_day

AGE_DAYS, SLOTS, ROWS_AT_ONCE = 25, 144, 1000
COMMENTED = 0.6
WORDS = (
    "Cán bộ hướng dẫn không rõ ràng, phải đi lại ba lần mới xong.",
    "Chờ quá lâu, hồ sơ trả trễ hẹn mà không ai báo trước.",
    "Thái độ của người tiếp nhận chưa đúng mực, nói trống không.",
    "Máy lấy số hỏng, phòng chờ nóng, không có chỗ ngồi cho người già.",
    "Bị yêu cầu thêm giấy tờ không có trong danh mục đã niêm yết.",
)
# In one of these comments out of so many; a search asks for it.
RARE, ONE_OF = "Thang máy không hoạt động.", 200


def fill_cases(session: Session, cases: int, now: datetime) -> list[str]:
    """Put so many open cases and their ballots into the database; gives their codes."""
    draw = random.Random(1)
    columns = [getattr(Frame, part) for part in Cell._fields]
    cells = [Cell(*row) for row in session.execute(select(*columns)).all()]
    procedures = dict(session.execute(select(Procedure.sector_code, Procedure.code)).all())
    questions = asked(session, QuestionnaireKind.SHORT)
    codes = _fresh_codes(cases)
    for start in range(0, cases, ROWS_AT_ONCE):
        ballots = []
        for _ in range(min(ROWS_AT_ONCE, cases - start)):
            cell = draw.choice(cells)
            pooled = Pooled(
                ballot=Ballot(
                    key=draw.randbytes(16),
                    cell=cell,
                    mode=Mode.WEB,
                    questions=questions,
                ),
                current=Current({"overall": draw.choice((1, 2))}),
                day=local_day(now),
                slot=draw.randrange(SLOTS),
                procedure_code=procedures[cell.sector_code],
            )
            ballots.append(pooled)
        given = [pooled_row(session, one, _comment(draw)) for one in ballots]
        write_many(session, insert(table_of(PooledBallot)), given)
        named = zip(codes[start:], ballots, strict=False)
        write_many(session, insert(table_of(Case)), list(_case_rows(session, named, now, draw)))
    return codes


def _fresh_codes(number: int) -> list[str]:
    """So many different codes: among ten thousand, one may well be drawn twice."""
    codes: set[str] = set()
    while len(codes) < number:
        codes.add(new_case_code())
    return sorted(codes)


def _comment(draw: random.Random) -> str:
    if draw.random() > COMMENTED:
        return ""
    words = draw.choice(WORDS)
    return f"{words} {RARE}" if draw.random() < 1 / ONE_OF else words


def _case_rows(
    session: Session, named: Iterable[tuple[str, Pooled]], now: datetime, draw: random.Random
) -> Iterator[dict[str, object]]:
    calendar = calendar_of(session)
    for code, one in named:
        key, cell = one.ballot.key.hex(), one.ballot.cell
        opened = now - timedelta(minutes=draw.randrange(AGE_DAYS * 24 * 60))
        record = CaseRecord(
            ballot_key=key,
            agency_id=cell.agency_id,
            sector_code=cell.sector_code,
            reason=CaseReason.VERY_BAD_RATING,
            words_version=1,
            opened_at=opened,
            began_at=opened,
            first_due_at=calendar.add_working_hours(opened, 8),
            due_at=reply_due(calendar, opened),
        )
        if draw.random() < 1 / 3:
            record = replace(record, state=CaseState.IN_PROGRESS, first_reaction_at=opened)
        events = (CaseEvent(opened, None, EventKind.OPENED, number=1),)
        yield {
            "id": unordered_id(),
            "code": code,
            "answer_hash": Case.record.hash_of(session, key),
            "month": Month.at(opened),
            "is_archived": False,
            "record_sealed": Case.record.encrypt(session, code, record),
            "timeline_sealed": Case.timeline.encrypt(session, code, events),
            "contact_sealed": None,
            "contact_index": None,
            "revision": unordered_id(),
        }
