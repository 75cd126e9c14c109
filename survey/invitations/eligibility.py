"""Eligibility: whether a phone may be asked about a dossier. Reasons are checked in fixed order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey import crypto
from survey.db import settings_of
from survey.invitations.cells import FinishedDossier, finished_instant
from survey.models.dossier import Dossier, PhoneKind
from survey.models.invitation import Decision, Invitation, OptOut, StaffPhone
from survey.models.organisation import Sector
from survey.models.province import Province
from survey.models.recipient import Recipient
from survey.province.workdays import local_day

# Invented numbers of the demo phone: exempt from the rules on recent invitations and intermediaries
# in a rehearsal, where nothing is really sent.
# The last one is asked to reply by text, as with a two-way provider.
REPLYING_PHONE = "+84900990099"
REHEARSAL_PHONES = ("+84900000001", "+84900000002", REPLYING_PHONE)

EVERYBODY = 100
Phones = Select[bytes | None]
BY_KIND = {
    PhoneKind.MISSING: Decision.NO_PHONE,
    PhoneKind.INVALID: Decision.BAD_PHONE,
    PhoneKind.LANDLINE: Decision.LANDLINE,
    PhoneKind.FOREIGN: Decision.FOREIGN,
}


def draw(session: Session, purpose: str, code: str) -> float:
    """A pseudo-random number in [0, 100), fixed for a dossier and unpredictable without the key."""
    digest = crypto.keyed_hash(session, f"draw.{purpose}", code)
    return int.from_bytes(digest[:4], "big") * 100 / 2**32


class Eligibility:
    """Data about the phones of one chunk of dossiers, and the decision for each dossier."""

    def __init__(
        self,
        session: Session,
        province: Province,
        dossiers: Sequence[FinishedDossier],
        recipients: Mapping[str, Recipient],
        now: datetime,
    ) -> None:
        self.session = session
        self.province = province
        self.now = now
        phones = _phones(dossiers)
        self.opted_out = self._listed(OptOut, recipients)
        self.staff = self._listed(StaffPhone, recipients)
        self.free = self._rehearsal_indexes()
        self.handed_in = self._handed_in(phones)
        self.asked_on = self._asked_on(phones)
        self.sampled = {
            sector.code: sector.sample_percent for sector in session.scalars(select(Sector))
        }

    def decide(self, dossier: FinishedDossier, sector_code: str) -> Decision:
        """ASKED, or the first reason that applies. Must be called in the order of finish."""
        index = dossier.phone_index
        if dossier.phone_kind != PhoneKind.MOBILE or index is None:
            return BY_KIND.get(PhoneKind(dossier.phone_kind), Decision.NO_PHONE)
        timestamp = finished_instant(dossier)
        oldest = self.now - timedelta(days=self.province.max_age_days)
        reasons = (
            (Decision.OPTED_OUT, dossier.code in self.opted_out),
            (Decision.INTERMEDIARY, self._is_intermediary(index, timestamp)),
            (Decision.ASKED_RECENTLY, self._asked_recently(index)),
            (Decision.STAFF_PHONE, dossier.code in self.staff),
            (Decision.TOO_OLD, timestamp < oldest),
            (Decision.SAMPLED_OUT, self._is_sampled_out(dossier, sector_code)),
        )
        for reason, applies in reasons:
            if applies:
                return reason
        self.asked_on[index] = local_day(self.now)
        return Decision.ASKED

    def _is_sampled_out(self, dossier: FinishedDossier, sector_code: str) -> bool:
        share = self.sampled[sector_code]
        return share < EVERYBODY and draw(self.session, "sample", dossier.code) >= share

    def _is_intermediary(self, index: bytes, timestamp: datetime) -> bool:
        if index in self.free or index not in self.handed_in:
            return False
        since = timestamp - timedelta(days=self.province.intermediary_days)
        near = sum(since < received <= timestamp for received in self.handed_in[index])
        return near > self.province.intermediary_over

    def _asked_recently(self, index: bytes) -> bool:
        last = self.asked_on.get(index)
        if last is None or index in self.free:
            return False
        return (local_day(self.now) - last).days < self.province.phone_gap_days

    def _rehearsal_indexes(self) -> set[bytes]:
        if not settings_of(self.session).is_rehearsal:
            return set()
        return {Dossier.phone.hash_of(self.session, phone) for phone in REHEARSAL_PHONES}

    def _listed(
        self, table: type[OptOut | StaffPhone], recipients: Mapping[str, Recipient]
    ) -> set[str]:
        """Codes of the dossiers whose recipient is in a list, found by blind index."""
        if self.session.scalar(select(table.id).limit(1)) is None:
            return set()
        owners: defaultdict[bytes, list[str]] = defaultdict(list)
        for code, recipient in recipients.items():
            for index in table.phone.hashes_of(self.session, recipient.indexed_text()):
                owners[index].append(code)
        found = self.session.scalars(
            select(table.phone_index).where(table.phone_index.in_(list(owners)))
        )
        return {code for index in found for code in owners[index]}

    def _handed_in(self, phones: Phones) -> Mapping[bytes, list[datetime]]:
        """Blind index of a phone → receipt of its dossiers, for possible intermediaries only."""
        many = (
            select(Dossier.phone_index)
            .where(Dossier.phone_index.in_(phones))
            .group_by(Dossier.phone_index)
            .having(func.count() > self.province.intermediary_over)
        )
        found: dict[bytes, list[datetime]] = defaultdict(list)
        query = select(Dossier.phone_index, Dossier.received_at)
        for index, received in self.session.execute(query.where(Dossier.phone_index.in_(many))):
            found[index or b""].append(received)
        return found

    def _asked_on(self, phones: Phones) -> dict[bytes, date]:
        """Blind index of a phone → the last day it was asked within the gap."""
        since = local_day(self.now) - timedelta(days=self.province.phone_gap_days)
        query = (
            select(Dossier.phone_index, Invitation.made_on)
            .join(Invitation.dossier)
            .where(Dossier.phone_index.in_(phones), Invitation.made_on > since)
            .order_by(Invitation.made_on)
        )
        return {index: made_on for index, made_on in self.session.execute(query) if index}


def _phones(dossiers: Sequence[FinishedDossier]) -> Phones:
    """The blind indexes of a chunk's phones as a subquery, so that they stay in the database.

    Ids of dossiers just written are mostly consecutive, and BETWEEN is faster than thousands of
    parameters; another dossier in the range only adds one phone to look up.
    """
    ids = sorted(dossier.id for dossier in dossiers)
    is_run = bool(ids) and ids[-1] - ids[0] < 2 * len(ids)
    these = Dossier.id.between(ids[0], ids[-1]) if is_run else Dossier.id.in_(ids)
    return select(Dossier.phone_index).where(these, Dossier.phone_index.is_not(None))
