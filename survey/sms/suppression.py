"""Phones that want no more messages: our list, which every way of sending obeys."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.models.invitation import OptOut, random_id
from survey.workdays import local_day


def opt_out(session: Session, e164: str, now: datetime) -> None:
    """Write a phone's wish down, once. Only the day is kept."""
    if session.scalars(select(OptOut.id).where(OptOut.phone.holds(session, e164))).first():
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    wish_id = random_id()
    columns = OptOut.phone.columns(session, wish_id, e164)
    wish = dialect.insert(OptOut).values(id=wish_id, on=local_day(now), **columns)
    session.execute(wish.on_conflict_do_nothing())
