"""The opt-out (suppression) list: phones that get no more messages, on any channel."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.models.invitation import OptOut, random_id
from survey.models.recipient import Recipient
from survey.province.workdays import local_day


def opt_out(session: Session, recipient: Recipient, now: datetime) -> None:
    """Add a recipient to the opt-out list, once; valid on every channel. Only the day is stored."""
    if session.scalars(
        select(OptOut.id).where(OptOut.phone.holds(session, recipient.indexed_text()))
    ).first():
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    wish_id = random_id()
    columns = OptOut.phone.columns(session, wish_id, recipient.address)
    wish = dialect.insert(OptOut).values(id=wish_id, on=local_day(now), **columns)
    session.execute(wish.on_conflict_do_nothing())
