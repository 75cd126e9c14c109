"""Rows of a demo, written in bulk: what the features would have left, personal data past their
term already gone.

Dossiers lie in the order of their end, answers in no order at all.
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey import sealing
from survey.bulk import write_many, write_numbered
from survey.db import table_of
from survey.demo.answers import Asked
from survey.demo.dossiers import DossierDraft, PhoneBook
from survey.demo.scene import Scene
from survey.invitations.links import fresh_token
from survey.models.count import Cell, count_answers, count_finished, count_reached
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Decision, Invitation, OptOut, StaffPhone
from survey.models.message import Message, MessageKind, MessageState
from survey.models.questionnaire import Question, Questionnaire
from survey.models.response import Answer, Form, Mode, Response, seal_closing, seal_form
from survey.privacy.retention import TERMS
from survey.sms.phone import prefix_of
from survey.workdays import local_day

ROWS_AT_ONCE = 5000
DELIVERY = timedelta(seconds=9)
PROVIDER = "console"
# Invented, so that the page of costs has something to show.
DONG_A_MESSAGE = 850
Row = dict[str, object]


class Ledger:
    """Writes dossiers, coverage, invitations, messages and answers of one scene."""

    def __init__(self, session: Session, scene: Scene) -> None:
        self.session = session
        self.before = scene.now - timedelta(days=TERMS.contact_days)
        self.now = scene.now
        latest = session.scalars(select(Questionnaire).order_by(Questionnaire.version))
        self.questionnaires = {one.kind: one.id for one in latest}

    def write(self, dossiers: Sequence[DossierDraft], asked: Sequence[Asked]) -> dict[int, str]:
        """Write all of it; place in `asked` → id of the response, for those who answered."""
        of_dossier = {id(one.dossier): one for one in asked}
        rows = [self._dossier(one, of_dossier.get(id(one))) for one in dossiers]
        ids = write_numbered(self.session, insert(table_of(Dossier)), rows, "code")
        by_draft = {id(one): ids[one.code] for one in dossiers}
        self._write_entries(dossiers, by_draft)
        tokens = [fresh_token(is_full=one.is_full) for one in asked]
        rows = [
            self._invitation(one, by_draft[id(one.dossier)], token)
            for one, token in zip(asked, tokens, strict=True)
        ]
        ids = write_numbered(self.session, insert(table_of(Invitation)), rows, "dossier_id")
        messages = [
            self._message(one, row["token_hash"], ids[by_draft[id(one.dossier)]])
            for one, row in zip(asked, rows, strict=True)
        ]
        write_many(self.session, insert(table_of(Message)), messages)
        return self._write_answers(asked, tokens)

    def write_phones(self, book: PhoneBook) -> None:
        """Write the phones of staff and of those who want no more messages."""
        seal, index = sealing.seal, sealing.phone_index
        opted_out: list[Row] = []
        for phone, day in sorted(book.opted_out.items()):
            key = index(self.session, phone)
            sealed = seal(self.session, "opt_out.phone", key.hex(), phone)
            opted_out.append({"phone_index": key, "phone_sealed": sealed, "on": day})
        staff: list[Row] = []
        for phone in book.staff:
            key = index(self.session, phone)
            sealed = seal(self.session, "staff_phone.phone", key.hex(), phone)
            staff.append({"phone_index": key, "phone_sealed": sealed, "note": "Bộ phận một cửa"})
        write_many(self.session, insert(table_of(OptOut)), opted_out)
        write_many(self.session, insert(table_of(StaffPhone)), staff)

    def _dossier(self, one: DossierDraft, asked: Asked | None) -> Row:
        ended = one.finished is not None and one.finished < self.before
        kept = not ended or (asked is not None and asked.expires >= self.before)
        phone = one.phone if kept else None
        seal = sealing.seal
        return {
            "code": one.code,
            "agency_id": one.unit.id,
            "procedure_code": one.work.code,
            "channel": one.channel,
            "outcome": one.outcome,
            "received_at": one.received,
            "received_has_time": True,
            "due_at": one.due,
            "due_has_time": False,
            "finished_at": one.finished,
            "finished_has_time": one.finished is not None,
            "phone_sealed": seal(self.session, "dossier.phone", one.code, phone) if phone else None,
            "phone_index": sealing.phone_index(self.session, phone) if phone else None,
            "phone_kind": one.kind,
            "name_sealed": seal(self.session, "dossier.name", one.code, one.name) if kept else None,
        }

    def _write_entries(self, dossiers: Sequence[DossierDraft], ids: Mapping[int, int]) -> None:
        rows: list[Row] = []
        finished: Counter[tuple[Cell, str]] = Counter()
        invited: Counter[Cell] = Counter()
        for one in dossiers:
            cell = one.cell
            if cell is None:
                continue
            finished[cell, one.work.code] += 1
            invited[cell] += one.decision is Decision.ASKED
            rows.append(
                {
                    **cell._asdict(),
                    "dossier_id": ids[id(one)],
                    "decision": one.decision,
                    "procedure_code": one.work.code,
                }
            )
        write_many(self.session, insert(table_of(CoverageEntry)), rows)
        count_finished(self.session, finished, invited)

    def _invitation(self, one: Asked, dossier_id: int, token: str) -> Row:
        return {
            "dossier_id": dossier_id,
            "questionnaire_id": self.questionnaires["full"],
            "token_hash": sealing.invitation_hash(self.session, token),
            "reply_code": None,
            "expires_at": one.expires,
            "made_on": local_day(one.dossier.finished or self.now),
            "is_disowned": False,
        }

    def _message(self, one: Asked, token_hash: object, invitation_id: int) -> Row:
        message_id, attempt_id = secrets.token_hex(16), secrets.token_hex(16)
        phone = one.dossier.phone if one.due >= self.before else None
        sealed = sealing.seal(self.session, "message.phone", message_id, phone) if phone else None
        row = {
            "id": message_id,
            "kind": MessageKind.INVITATION,
            "invitation_id": invitation_id,
            "phone_sealed": sealed,
            "phone_index": sealing.phone_index(self.session, phone) if phone else None,
            "prefix": prefix_of(phone) if phone else None,
            "body_sealed": None,
            "token_hash": token_hash,
            "segments": 1,
            "encoding": "gsm7",
            "due_at": one.due,
            "expires_at": one.expires,
            "attempt": 1,
            "attempt_id": attempt_id,
            "provider": PROVIDER,
            "provider_id": attempt_id,
            "sent_at": one.sent,
            "settled_at": min(one.sent + DELIVERY, self.now),
            "cost_dong": DONG_A_MESSAGE,
            "looks": 0,
        }
        return row | _fate(one)

    def _write_answers(self, asked: Sequence[Asked], tokens: Sequence[str]) -> dict[int, str]:
        ids: dict[int, str] = {}
        responses: list[Row] = []
        answers: list[Row] = []
        for place in _shuffled(len(asked)):
            one, cell = asked[place], asked[place].dossier.cell
            if one.answered is None or cell is None:
                continue
            ids[place] = secrets.token_hex(16)
            responses.append(
                {
                    **cell._asdict(),
                    "id": ids[place],
                    "key": sealing.answer_key(self.session, tokens[place]),
                    "form_sealed": seal_form(self.session, ids[place], self._form(one)),
                    "flags": one.flags,
                }
            )
            answers.append(
                {
                    **dict.fromkeys(Question),
                    **one.factors,
                    "response_id": ids[place],
                    "version": 1,
                    "closing_sealed": seal_closing(self.session, ids[place], 1, 0),
                    "overall": one.rating,
                    "reasons": one.reasons,
                    "comment": one.comment,
                }
            )
        for table, rows in ((Response, responses), (Answer, answers)):
            for block in _blocks(rows):
                self.session.connection().execute(insert(table_of(table)), block)
        self._count(asked)
        return ids

    def _form(self, one: Asked) -> Form:
        return Form(Mode.WEB, self.questionnaires["full" if one.is_full else "short"])

    def _count(self, asked: Sequence[Asked]) -> None:
        ratings: Counter[tuple[Cell, str, str, int]] = Counter()
        delivered: Counter[Cell] = Counter()
        for one in asked:
            cell = one.dossier.cell
            if cell is None:
                continue
            delivered[cell] += one.reached
            if one.answered is None:
                continue
            given = {"overall": one.rating, **one.factors}
            for question, rating in given.items():
                ratings[cell, one.dossier.work.code, question, rating] += 1
        count_answers(self.session, ratings)
        count_reached(self.session, delivered)


_UNSENT: Row = {"sent_at": None, "cost_dong": None}


def _fate(one: Asked) -> Row:
    """What became of an invitation's message."""
    decision = one.dossier.decision
    if decision is Decision.PROVIDER_REFUSED:
        return {"state": MessageState.FAILED, "reason": "bad_number"} | _UNSENT
    if decision is Decision.EXPIRED_UNSENT:
        return {"state": MessageState.EXPIRED, "reason": "expired"} | _UNSENT
    if one.reached:
        return {"state": MessageState.DELIVERED, "reason": ""}
    return {"state": MessageState.UNDELIVERED, "reason": "unreachable"}


def _shuffled(count: int) -> list[int]:
    """Places in an order nobody can foresee, so that rows of answers lie in no order."""
    places = list(range(count))
    secrets.SystemRandom().shuffle(places)
    return places


def _blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]
