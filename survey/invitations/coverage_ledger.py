"""The coverage ledger: each finished dossier is invited, or not invited for one stated reason.

Ledger entry, invitation, queued message (transactional outbox) and sampling frame are written in
one transaction, a chunk of dossiers at a time.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey import surveys
from survey.ballots import followups
from survey.bulk import write_many, write_numbered
from survey.crypto.tokens import TOKEN_LENGTH, new_reply_code, reply_secret
from survey.db import settings_of, table_of
from survey.errors import Refused
from survey.invitations.cells import FinishedDossier, cell_of, finished_instant
from survey.invitations.eligibility import REPLYING_PHONE, Eligibility, draw
from survey.invitations.links import fresh_token
from survey.messages import outbox
from survey.messages.placeholders import Wording
from survey.messages.providers import abilities
from survey.messages.text import SmsText, short_agency_name
from survey.messages.versions import approved, compose_as
from survey.models.count import Cell, count_finished
from survey.models.dossier import Dossier, Outcome
from survey.models.followup import Card
from survey.models.invitation import CoverageEntry, Decision, Invitation
from survey.models.message import MessageKind
from survey.models.organisation import Agency, Procedure
from survey.models.province import Province
from survey.models.questionnaire import QuestionnaireKind
from survey.models.recipient import Recipient
from survey.province import province_of
from survey.province.workdays import local_day

WRITE_ENTRY = insert(table_of(CoverageEntry))
WRITE_INVITATION = insert(table_of(Invitation))
# Names of the texts of invitations.
TEXTS = ("invitation", "invitation_refused", "invitation_two_way")
# Stand for the digits of the code and for the token in a cached text; neither agency names nor
# wordings contain them.
BLANK_DIGITS = "§§§§"
BLANK_TOKEN = "Z" * TOKEN_LENGTH


class Ask(NamedTuple):
    """A dossier whose citizen is invited, with what its message needs."""

    dossier: FinishedDossier
    cell: Cell
    due_at: datetime
    expires_at: datetime
    token: str | None
    reply_code: str | None


def register_finished(
    session: Session,
    dossiers: Sequence[FinishedDossier],
    recipients: Mapping[str, Recipient],
    now: datetime,
) -> None:
    """Decide for finished dossiers without an entry in the coverage ledger, and queue the
    invitations.

    `recipients`: dossier code → recipient. The dossiers must have their ids (flushed before).
    """
    province = province_of(session)
    sectors = _sectors(session, dossiers)
    by_finish = sorted(dossiers, key=lambda dossier: (finished_instant(dossier), dossier.code))
    eligibility = Eligibility(session, province, by_finish, recipients, now)
    asked: list[tuple[FinishedDossier, Cell]] = []
    entries = []
    for dossier in by_finish:
        cell = cell_of(dossier, sectors[dossier.procedure_code])
        decision = eligibility.decide(dossier, cell.sector_code)
        entries.append((dossier, cell, decision))
        if decision is Decision.ASKED:
            asked.append((dossier, cell))
    _write_entries(session, entries)
    asks = _prepare(session, province, asked, now)
    _invite(session, asks, recipients, now)


def _sectors(session: Session, dossiers: Sequence[FinishedDossier]) -> dict[str, str]:
    codes = {dossier.procedure_code for dossier in dossiers}
    query = select(Procedure.code, Procedure.sector_code).where(Procedure.code.in_(codes))
    return dict(session.execute(query).all())


def _write_entries(
    session: Session, entries: Sequence[tuple[FinishedDossier, Cell, Decision]]
) -> None:
    """Write entries and update the sampling frame.

    Its cells are written in a fixed order, so that concurrent writers cannot deadlock.
    """
    if not entries:
        return
    rows = [
        {
            "dossier_id": dossier.id,
            "decision": decision,
            "agency_id": cell.agency_id,
            "sector_code": cell.sector_code,
            "month": cell.month,
            "channel": cell.channel,
            "lateness": cell.lateness,
            "procedure_code": dossier.procedure_code,
        }
        for dossier, cell, decision in entries
    ]
    write_many(session, WRITE_ENTRY, rows)
    finished = Counter((cell, dossier.procedure_code) for dossier, cell, _ in entries)
    invited = Counter(cell for _, cell, decision in entries if decision is Decision.ASKED)
    count_finished(session, finished, invited)


def _prepare(
    session: Session,
    province: Province,
    dossiers: Sequence[tuple[FinishedDossier, Cell]],
    now: datetime,
) -> list[Ask]:
    settings = settings_of(session)
    delay = timedelta(minutes=0 if settings.is_rehearsal else province.invite_delay_minutes)
    replying = Dossier.phone.hashes_of(session, REPLYING_PHONE) if settings.is_rehearsal else ()
    takes_replies = abilities.of_provider(settings.sms).two_way
    asks = []
    for dossier, cell in dossiers:
        due_at = max(now, finished_instant(dossier) + delay) if delay else now
        is_full = draw(session, "full", dossier.code) < province.full_percent
        two_way = takes_replies or (dossier.phone_index in replying)
        asks.append(
            Ask(
                dossier=dossier,
                cell=cell,
                due_at=due_at,
                expires_at=due_at + timedelta(days=province.link_days),
                token=None if two_way else fresh_token(is_full=is_full),
                reply_code=new_reply_code() if two_way else None,
            )
        )
    return asks


def _invite(
    session: Session, asks: Sequence[Ask], recipients: Mapping[str, Recipient], now: datetime
) -> None:
    """Write invitations and queue their messages."""
    if not asks:
        return
    # Always the full questionnaire: only the token determines whether all questions are asked.
    made_on = local_day(now)
    full = surveys.current(session, QuestionnaireKind.FULL, made_on)
    if full is None:
        raise Refused("no_questionnaire")
    rows = [
        {
            "dossier_id": ask.dossier.id,
            "questionnaire_id": full.questionnaire_id,
            "token_hash": Invitation.by_token.of(session, ask.token) if ask.token else None,
            "reply_code": ask.reply_code,
            "expires_at": ask.expires_at,
            "made_on": made_on,
        }
        for ask in asks
    ]
    ids = write_numbered(session, WRITE_INVITATION, rows, "dossier_id")
    names = dict(session.execute(select(Agency.id, Agency.name)).all())
    wordings = {name: approved(session, name) for name in TEXTS}
    drafts = [
        outbox.Draft(
            kind=MessageKind.INVITATION,
            recipient=recipients[ask.dossier.code],
            text=_text(session, ask, names[ask.dossier.agency_id], wordings),
            due_at=ask.due_at,
            expires_at=ask.expires_at,
            invitation_id=ids[ask.dossier.id],
            token=ask.token,
        )
        for ask in asks
    ]
    outbox.enqueue_many(session, now, drafts)
    followups.store(session, list(_cards(session, asks, recipients, ids)))


def _cards(
    session: Session,
    asks: Sequence[Ask],
    recipients: Mapping[str, Recipient],
    ids: Mapping[int, int],
) -> Iterator[tuple[str, Card]]:
    """(month, follow-up card) of a seeded random share of those asked."""
    percent = province_of(session).followup_percent
    for ask in asks:
        code, cell = ask.dossier.code, ask.cell
        if draw(session, "follow-up", code) < percent:
            secret = ask.token or reply_secret(ids[ask.dossier.id], ask.reply_code or "")
            place = (cell.agency_id, cell.sector_code, cell.channel, cell.lateness)
            yield cell.month, Card(secret, recipients[code].address, code, *place)


def _text(
    session: Session, ask: Ask, agency_name: str, wordings: Mapping[str, Wording | None]
) -> SmsText:
    settings = settings_of(session)
    values = {"agency": short_agency_name(agency_name), "last4": ask.dossier.code[-4:]}
    if ask.reply_code:
        name, number = "invitation_two_way", settings.sms.reply_number
        return compose_as(wordings[name], name, code=ask.reply_code, reply_number=number, **values)
    granted = ask.dossier.outcome in {Outcome.GRANTED, Outcome.OPEN}
    name = "invitation" if granted else "invitation_refused"
    template = _template(wordings[name], name, values["agency"], settings.public_url)
    text = template.text.replace(BLANK_DIGITS, values["last4"], 1).replace(
        BLANK_TOKEN, ask.token or ""
    )
    return template._replace(text=text)


@cache
def _template(wording: Wording | None, name: str, agency: str, public_url: str) -> SmsText:
    """Template cache: the text of an agency with placeholders as long as the final values.

    So encoding and segments stay valid when code and token are inserted.
    """
    url = f"{public_url}/s/{BLANK_TOKEN}"
    return compose_as(wording, name, agency=agency, last4=BLANK_DIGITS, url=url)
