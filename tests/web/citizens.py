"""Citizens who hold a link, for the tests of their pages: dossiers on the real road to an SMS."""

import re
from datetime import timedelta

from sqlalchemy import func, select

from survey.invitations import register_finished
from survey.models.dossier import Dossier, Outcome, PhoneKind
from survey.models.invitation import Invitation
from survey.models.message import Message
from survey.models.organisation import Agency, Procedure
from survey.models.province import Province
from survey.models.recipient import Recipient
from tests.clocks import NOW

NAME = "Nguyễn Thị Bình"


def invite(session, *, now=NOW, kind="short", days_left=14, longest=False):
    """A finished dossier of a phone of its own; gives the token from its SMS.

    `longest` takes the agency and the procedure with the longest names there are.
    """
    dossier = _dossier(session, now, longest)
    phone = phone_of(dossier)
    session.add(dossier)
    dossier.phone, dossier.name = phone, NAME
    session.scalars(select(Province)).one().full_percent = 100 if kind == "full" else 0
    session.flush()
    register_finished(session, [dossier], {dossier.code: Recipient.by_sms(phone)}, now)
    session.flush()
    invitation = session.scalars(
        select(Invitation).where(Invitation.dossier_id == dossier.id)
    ).one()
    invitation.expires_at = now + timedelta(days=days_left)
    message = session.scalars(select(Message).where(Message.invitation_id == invitation.id)).one()
    return re.search(r"/s/([0-9A-Z]{12})", message.body)[1]


def phone_of(dossier):
    """The mobile number of a dossier made here."""
    return f"+8491230{dossier.code[-4:]}"


def _dossier(session, now, longest):
    number = (session.scalar(select(func.count()).select_from(Dossier)) or 0) + 1
    agency, procedure = _places(session, longest)
    return Dossier(
        code=f"H32.12-261118-{number:04}",
        agency_id=agency.id,
        procedure_code=procedure.code,
        channel="counter",
        outcome=Outcome.GRANTED,
        received_at=now - timedelta(days=9),
        received_has_time=True,
        finished_at=now - timedelta(days=1),
        finished_has_time=True,
        phone_kind=PhoneKind.MOBILE,
    )


def _places(session, longest):
    agencies = session.scalars(select(Agency).where(Agency.valid_to.is_(None))).all()
    procedures = session.scalars(select(Procedure).order_by(Procedure.code)).all()
    if longest:
        return (
            max(agencies, key=lambda one: len(one.name)),
            max(procedures, key=lambda one: len(one.name)),
        )
    commune = (one for one in agencies if one.level == "commune")
    return min(commune, key=lambda one: one.code), procedures[0]
