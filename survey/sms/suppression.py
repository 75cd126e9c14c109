"""Phones that want no more messages: our list, which every way of sending obeys."""

from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey import sealing
from survey.models.invitation import OptOut
from survey.workdays import local_day


def opt_out(session: Session, e164: str, now: datetime) -> None:
    """Write a phone's wish down, once. Only the day is kept."""
    index = sealing.phone_index(session, e164)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    wish = dialect.insert(OptOut).values(
        phone_index=index,
        phone_sealed=sealing.seal(session, "opt_out.phone", index.hex(), e164),
        on=local_day(now),
    )
    session.execute(wish.on_conflict_do_nothing())
