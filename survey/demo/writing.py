"""Bulk-write a demo's rows as the features would have, without personal data past retention.

Dossiers are written in the order of their end, ballots in random order.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from survey.ballots.aggregates import Aggregate, store_aggregate
from survey.ballots.contents import Ballot, Version, counted_row
from survey.bulk import write_many, write_numbered
from survey.db import table_of
from survey.demo.answers import Asked
from survey.demo.dossiers import DossierDraft, PhoneBook
from survey.demo.progress import DraftWay, Ways
from survey.demo.scenario import Scenario
from survey.dossiers import write_progress
from survey.invitations.links import fresh_token
from survey.models.ballot import CountedBallot, Flag, Mode, ballot_key
from survey.models.count import Cell, add_counts, count_finished, count_reached
from survey.models.dossier import Dossier
from survey.models.invitation import (
    CoverageEntry,
    Decision,
    Invitation,
    OptOut,
    StaffPhone,
    random_id,
)
from survey.models.message import Message, MessageKind, MessageState
from survey.models.message_channel import MessageChannel
from survey.models.questionnaire import OVERALL
from survey.models.recipient import Recipient
from survey.models.stage import Source
from survey.period import Month
from survey.privacy.retention import TERMS
from survey.province.workdays import local_day
from survey.surveys import Questions

DELIVERY = timedelta(seconds=9)
PROVIDER = "console"
# An invented price, so that the page of costs shows amounts.
DONG_A_MESSAGE = 850
Row = dict[str, object]


class Ledger:
    """Writes dossiers, coverage entries, invitations, messages and ballots of one scenario."""

    def __init__(
        self, session: Session, scenario: Scenario, full: Questions, short: Questions
    ) -> None:
        self.session = session
        self.full, self.short = full, short
        self.before = scenario.now - timedelta(days=TERMS.contact_days)
        self.now = scenario.now
        self.ways = Ways(scenario)

    def write(self, dossiers: Sequence[DossierDraft], asked: Sequence[Asked]) -> dict[int, Ballot]:
        """Write all rows; return index in `asked` → ballot, for those who answered."""
        of_dossier = {id(one.dossier): one for one in asked}
        ways = self.ways.draw(dossiers)
        rows = [
            self._dossier(one, of_dossier.get(id(one))) | _stage(way)
            for one, way in zip(dossiers, ways, strict=True)
        ]
        ids = write_numbered(self.session, insert(table_of(Dossier)), rows, "code")
        by_draft = {id(one): ids[one.code] for one in dossiers}
        write_progress(
            self.session,
            [
                (ids[one.code], way.progress, Source.FILE)
                for one, way in zip(dossiers, ways, strict=True)
            ],
        )
        self._write_entries(dossiers, by_draft)
        tokens = [fresh_token(is_full=one.is_full) for one in asked]
        rows = [
            self._invitation(one, by_draft[id(one.dossier)], token)
            for one, token in zip(asked, tokens, strict=True)
        ]
        ids = write_numbered(self.session, insert(table_of(Invitation)), rows, "dossier_id")
        messages = [
            self._message(one, token, ids[by_draft[id(one.dossier)]])
            for one, token in zip(asked, tokens, strict=True)
        ]
        write_many(self.session, insert(table_of(Message)), messages)
        return self._write_answers(asked, tokens)

    def write_phones(self, book: PhoneBook) -> None:
        """Write the phones of staff and of people who opted out."""
        opted_out: list[Row] = []
        for phone, day in sorted(book.opted_out.items()):
            row = random_id()
            columns = OptOut.phone.columns(self.session, row, phone)
            opted_out.append({"id": row, "on": day, **columns})
        staff: list[Row] = []
        for phone in book.staff:
            row = random_id()
            columns = StaffPhone.phone.columns(self.session, row, phone)
            staff.append({"id": row, "note": "Bộ phận một cửa", **columns})
        write_many(self.session, insert(table_of(OptOut)), opted_out)
        write_many(self.session, insert(table_of(StaffPhone)), staff)

    def _dossier(self, one: DossierDraft, asked: Asked | None) -> Row:
        ended = one.finished is not None and one.finished < self.before
        kept = not ended or (asked is not None and asked.expires >= self.before)
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
            "phone_kind": one.kind,
            **Dossier.phone.columns(self.session, one.code, (one.phone or None) if kept else None),
            **Dossier.name.columns(self.session, one.code, one.name if kept else None),
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
            "questionnaire_id": self.full.questionnaire_id,
            "token_hash": Invitation.by_token.of(self.session, token),
            "reply_code": None,
            "expires_at": one.expires,
            "made_on": local_day(one.dossier.finished or self.now),
            "is_repudiated": False,
        }

    def _message(self, one: Asked, token: str, invitation_id: int) -> Row:
        message_id, attempt_id = secrets.token_hex(16), secrets.token_hex(16)
        phone = one.dossier.phone if one.due >= self.before else None
        recipient = Recipient.by_sms(phone) if phone else None
        row = {
            "id": message_id,
            "kind": MessageKind.INVITATION,
            "invitation_id": invitation_id,
            "channel": MessageChannel.SMS,
            "recipient_sealed": Message.recipient.encrypt(self.session, message_id, recipient),
            "recipient_index": recipient
            and Message.recipient.hash_of(self.session, recipient.indexed_text()),
            "prefix": recipient.prefix if recipient else None,
            "body_sealed": None,
            "token_hash": Message.by_token.of(self.session, token),
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

    def _write_answers(self, asked: Sequence[Asked], tokens: Sequence[str]) -> dict[int, Ballot]:
        ballots: dict[int, Ballot] = {}
        rows: list[Row] = []
        for place in _shuffled(len(asked)):
            one, cell = asked[place], asked[place].dossier.cell
            if one.answered is None or cell is None:
                continue
            ballot = ballots[place] = self._ballot(one, cell, tokens[place])
            rows.append(counted_row(self.session, ballot, one.comment or ""))
        write_many(self.session, insert(table_of(CountedBallot)), rows)
        self._count(asked, ballots)
        return ballots

    def _ballot(self, one: Asked, cell: Cell, token: str) -> Ballot:
        ratings = {OVERALL: one.rating, **one.factors}
        reasons = tuple(filter(None, one.reasons.split(";")))
        return Ballot(
            key=ballot_key(self.session, token),
            cell=cell,
            mode=Mode.WEB,
            questions=self.full if one.is_full else self.short,
            flags=frozenset(Flag(flag) for flag in one.flags.split(";") if flag),
            versions=(Version(0, ratings, reasons),),
        )

    def _count(self, asked: Sequence[Asked], ballots: Mapping[int, Ballot]) -> None:
        ratings: Counter[tuple[Cell, str, int]] = Counter()
        delivered: Counter[Cell] = Counter()
        aggregates: dict[Month, Aggregate] = {}
        for place, one in enumerate(asked):
            cell = one.dossier.cell
            if cell is None:
                continue
            delivered[cell] += one.reached
            if place in ballots:
                ballot = ballots[place]
                sums = aggregates.setdefault(cell.month, Aggregate())
                sums.add(ballot, one.dossier.work.code, 1)
                for question, rating in ballot.counted.items():
                    ratings[cell, question, rating] += 1
        add_counts(self.session, ratings)
        for month, sums in sorted(aggregates.items()):
            store_aggregate(self.session, month, sums)
        count_reached(self.session, delivered)


def _stage(way: DraftWay) -> Row:
    """The columns of a dossier that its progress determines."""
    return {"stage": int(way.progress.stage), "first_due_at": way.first_due}


_UNSENT: Row = {"sent_at": None, "cost_dong": None}


def _fate(one: Asked) -> Row:
    """The delivery result of an invitation's message."""
    decision = one.dossier.decision
    if decision is Decision.PROVIDER_REFUSED:
        return {"state": MessageState.FAILED, "reason": "bad_number"} | _UNSENT
    if decision is Decision.EXPIRED_UNSENT:
        return {"state": MessageState.EXPIRED, "reason": "expired"} | _UNSENT
    if one.reached:
        return {"state": MessageState.DELIVERED, "reason": ""}
    return {"state": MessageState.UNDELIVERED, "reason": "unreachable"}


def _shuffled(count: int) -> list[int]:
    """A cryptographically random order, so that row order does not reveal the order of answers."""
    places = list(range(count))
    secrets.SystemRandom().shuffle(places)
    return places
