"""Heartbeats: one row for each process, so that one dead host of two is noticed."""

import os
import socket
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session, aliased

from survey.models.job import Heartbeat, ProcessKind

BEAT_SECONDS = 5.0
# A process that gave no sign of life for so long is dead or stuck.
SILENT_AFTER = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(days=1)


def process_name(process: int | None = None) -> str:
    """Name of this process, or of another one of this host, as owner of leases; ≤ 64 characters."""
    return f"{_host()}:{os.getpid() if process is None else process}"


def begin(session: Session, kind: ProcessKind, at: datetime) -> None:
    """Write the first heartbeat; delete those of dead processes of this kind on this host."""
    ours = Heartbeat.process.startswith(f"{_host()}:", autoescape=True)
    known = session.scalars(select(Heartbeat.process).where(Heartbeat.kind == kind, ours))
    dead = [name for name in known if not _runs(int(name.rpartition(":")[2]))]
    session.execute(delete(Heartbeat).where(Heartbeat.process.in_(dead)))
    beat(session, kind, at)


def beat(session: Session, kind: ProcessKind, at: datetime) -> None:
    """Write a heartbeat of this process; delete rows of processes silent for FORGOTTEN_AFTER."""
    session.execute(delete(Heartbeat).where(Heartbeat.at < at - FORGOTTEN_AFTER))
    session.merge(Heartbeat(process=process_name(), kind=kind, at=at))


def end(session: Session, kind: ProcessKind) -> None:
    """Delete this process's row, unless it is the last of its kind: its silence must be noticed."""
    other = aliased(Heartbeat)
    others = exists().where(other.kind == kind, other.process != process_name())
    session.execute(delete(Heartbeat).where(Heartbeat.process == process_name(), others))


def is_any_alive(session: Session, kind: ProcessKind, now: datetime) -> bool:
    """Whether at least one process of a kind has a heartbeat within SILENT_AFTER."""
    alive = exists().where(Heartbeat.kind == kind, Heartbeat.at >= now - SILENT_AFTER)
    return bool(session.scalar(select(alive)))


def silence(session: Session, kind: ProcessKind, now: datetime) -> str:
    """Which process of a kind is silent since when, or `never seen`; empty if none is silent."""
    query = select(Heartbeat).where(Heartbeat.kind == kind).order_by(Heartbeat.at)
    oldest = session.scalars(query).first()
    if oldest is None:
        return "never seen"
    if now - oldest.at <= SILENT_AFTER:
        return ""
    return f"{oldest.process} is silent since {oldest.at:%Y-%m-%dT%H:%M:%SZ}"


def most_silent(session: Session) -> dict[ProcessKind, datetime]:
    """Kind of process → last heartbeat of its longest silent process."""
    oldest = select(Heartbeat.kind, func.min(Heartbeat.at)).group_by(Heartbeat.kind)
    return {ProcessKind(kind): at for kind, at in session.execute(oldest)}


def _host() -> str:
    return socket.gethostname()[:50]


def _runs(process: int) -> bool:
    """Whether a process of this host is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user, but is alive
        return True
    return True
