"""May this phone be asked about this dossier? The closed list of reasons, checked in its order."""

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

# Invented numbers of the demo phone: asked again and again, so gap and intermediary rules leave
# them out while nothing is really sent.
# The last one is asked to reply by text, as where a provider brings replies.
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
    """A number in [0, 100) that is fixed for a dossier and that nobody without the key foresees."""
    digest = crypto.keyed_hash(session, f"draw.{purpose}", code)
    return int.from_bytes(digest[:4], "big") * 100 / 2**32


class Eligibility:
    """What is known about the phones of one chunk of dossiers, and the decision for each."""

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
        """Asked, or the first reason that applies. Dossiers come in order of finish."""
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
        """Codes of the dossiers whose receiver stands in a list."""
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
        """When the dossiers of a phone came in, of those phones that could be intermediaries."""
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
        """The last day each phone was asked; later days replace earlier ones."""
        since = local_day(self.now) - timedelta(days=self.province.phone_gap_days)
        query = (
            select(Dossier.phone_index, Invitation.made_on)
            .join(Invitation.dossier)
            .where(Dossier.phone_index.in_(phones), Invitation.made_on > since)
            .order_by(Invitation.made_on)
        )
        return {index: made_on for index, made_on in self.session.execute(query) if index}


def _phones(dossiers: Sequence[FinishedDossier]) -> Phones:
    """The phones of a chunk, as a query: the other end of each look-up is in the database too.

    Ids of dossiers just written stand in a row, and two ends are bound sooner than thousands; a
    stranger's dossier among them only makes the database look for one phone more.
    """
    ids = sorted(dossier.id for dossier in dossiers)
    is_run = bool(ids) and ids[-1] - ids[0] < 2 * len(ids)
    these = Dossier.id.between(ids[0], ids[-1]) if is_run else Dossier.id.in_(ids)
    return select(Dossier.phone_index).where(these, Dossier.phone_index.is_not(None))
