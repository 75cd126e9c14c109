"""Signals of manipulation, seen while somebody answers; only the flag is stored, and it deletes
nothing.

How long the form was open is told by a signed moment inside it, never by a row. How many answer at
once is told by tallies of ten minutes, which count answers and no rating, name neither agency nor
time to who lacks the key, and are gone the day after.
"""

import hmac
import math
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import Insert, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.db import connection_of, read_plain, settings_of
from survey.models.count import RATED, Count
from survey.models.questionnaire import HIGHEST_RATING, Question
from survey.models.response import Answer, AnswerTally, Flag, Response
from survey.workdays import local_day

# Nobody reads the question and taps sooner.
TOO_FAST = timedelta(seconds=2)
SLOT = timedelta(minutes=10)
# So many answers of ten minutes are never a burst.
LEAST_BURST = 6
# A month's answers as if all came in so many slots: links are sent in heaps, so answers come so.
BUSY_SLOTS = 60
# The months before, each a value of the statement.
LOOKED_AT = tuple(f"month_{number}" for number in range(12))
DEVIATIONS = 3.1
_DIGEST = "sha256"
_MAC_LENGTH = 12
_MONTHS = (
    select(func.sum(RATED).label("answers"))
    .where(
        Count.agency_id == bindparam("agency_id"),
        # One by one: so they are found by the key of the counts, and the statement stays the same.
        Count.month.in_([bindparam(name) for name in LOOKED_AT]),
        Count.question == Question.OVERALL,
    )
    .group_by(Count.month)
    .subquery()
)
_FULLEST = select(func.max(_MONTHS.c.answers))


def shown_at(session: Session, token: str, now: datetime) -> str:
    """A signed moment for the form of a link: milliseconds in hex, and what proves them ours."""
    moment = f"{int(now.timestamp() * 1000):x}"
    return f"{moment}.{_mac(session, token, moment)}"


def is_too_fast(session: Session, token: str, shown: str, now: datetime) -> bool:
    """Whether the form was sent sooner than a person can read it; False when it does not say."""
    moment, _, mac = shown.partition(".")
    if not moment or not hmac.compare_digest(mac.encode(), _mac(session, token, moment).encode()):
        return False
    return now - datetime.fromtimestamp(int(moment, 16) / 1000, UTC) < TOO_FAST


def is_burst(session: Session, agency_id: int, rating: int, month: str, now: datetime) -> bool:
    """Count one more answer to an agency; whether a top rating came among too many at once."""
    key = AnswerTally.by_slot.of(session, f"{agency_id}|{int(now.timestamp()) // SLOT.seconds}")
    connection = connection_of(session)
    row = {"key": key, "day": local_day(now), "answers": 1}
    answers = connection.execute(_counting(connection.dialect.name), row).scalar_one()
    if rating < HIGHEST_RATING or answers < LEAST_BURST:
        return False
    usual = _busiest(session, agency_id, month) / BUSY_SLOTS
    return bool(answers > LEAST_BURST / 2 + usual + DEVIATIONS * math.sqrt(usual))


def flags_of(response: Response, answer: Answer, seen: frozenset[Flag] = frozenset()) -> str:
    """The flags of a response after a version: those of its first, and same ratings everywhere."""
    kept = {Flag(flag) for flag in response.flags.split(";") if flag} | seen
    ratings = [getattr(answer, question) for question in Question]
    is_same = None not in ratings and len(set(ratings)) == 1
    kept = kept | {Flag.SAME_EVERYWHERE} if is_same else kept - {Flag.SAME_EVERYWHERE}
    return ";".join(flag for flag in Flag if flag in kept)


def forget_tallies(session: Session, now: datetime) -> None:
    """Drop the tallies of days that are over: ten minutes never belong to two."""
    session.execute(delete(AnswerTally).where(AnswerTally.day < local_day(now)))


@cache
def _counting(dialect_name: str) -> Insert:
    """The statement that adds an answer to its tally; built once, since every answer needs it."""
    fresh = (postgresql if dialect_name == "postgresql" else sqlite).insert(AnswerTally)
    statement: Insert = fresh.on_conflict_do_update(
        index_elements=[AnswerTally.key],
        set_={"answers": AnswerTally.answers + 1},
    ).returning(AnswerTally.answers)
    return statement


def _busiest(session: Session, agency_id: int, month: str) -> int:
    """Answers of the agency's fullest month among the twelve before this one."""
    year, number = map(int, month.split("-"))
    last = 12 * year + number - 1
    before = range(last - len(LOOKED_AT), last)
    months = [f"{one // 12}-{one % 12 + 1:02}" for one in before]
    place = {"agency_id": agency_id, **dict(zip(LOOKED_AT, months, strict=True))}
    ((answers,),) = read_plain(session, _FULLEST, place)
    return answers or 0


def _mac(session: Session, token: str, moment: str) -> str:
    key = settings_of(session).secret_key.encode()
    return hmac.digest(key, f"shown {token} {moment}".encode(), _DIGEST).hex()[:_MAC_LENGTH]
