"""The content of a ballot, and its serialisation for encryption.

A ballot holds one version of the ratings for each closing of its month: the last one given before
that closing. Replaced versions leave only a SHA-256 hash chain, so that a closing can be proven
(docs/decisions/0003).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from survey.crypto.sealed import row_name
from survey.models.ballot import CountedBallot, Flag, Mode, PooledBallot
from survey.models.count import Cell
from survey.models.questionnaire import DISSATISFIED_UP_TO, OVERALL
from survey.period import Month
from survey.surveys import Questions, questions_of


@dataclass(frozen=True, slots=True)
class Answer:
    """A citizen's last answer: question → rating 1–5 (given ratings only), reasons, comment."""

    ratings: Mapping[str, int]
    reasons: tuple[str, ...] = ()
    comment: str = ""

    @property
    def overall(self) -> int:
        """The overall rating, which every answer has."""
        return self.ratings[OVERALL]

    @property
    def is_dissatisfied(self) -> bool:
        """Whether the overall rating is 1 or 2."""
        return self.overall <= DISSATISFIED_UP_TO

    @property
    def is_more_than_a_rating(self) -> bool:
        """Whether the answer has other ratings, reasons or a comment beside the overall rating."""
        return len(self.ratings) > 1 or bool(self.reasons or self.comment)


@dataclass(frozen=True, slots=True)
class Version:
    """The ratings and reasons that count from one closing to the next.

    `closing`: number of closings of the month before this version. `replaced`: digest over the
    versions that it replaced, empty if there were none.
    """

    closing: int
    ratings: Mapping[str, int]
    reasons: tuple[str, ...] = ()
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class Current:
    """The new version of a pooled ballot; its `closing` is known only when it is counted."""

    ratings: Mapping[str, int]
    reasons: tuple[str, ...] = ()
    replaced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """Applicant, return channel and receiving agency, stored for counts by further groups."""

    # "citizen" or "business", empty if unknown.
    applicant: str = ""
    # How the result was returned: counter, online or post; empty if unknown.
    return_channel: str = ""
    # Agency that received the dossier, if it differs from the deciding agency of the cell.
    receiving_agency_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One citizen's answer to one invitation."""

    key: bytes
    cell: Cell
    mode: Mode
    # Questionnaire that was asked.
    questions: Questions
    flags: frozenset[Flag] = frozenset()
    descent: Descent = field(default_factory=Descent)
    # One version per closing. The stored counts hold the last one; empty before it is counted.
    versions: tuple[Version, ...] = ()

    @property
    def counted(self) -> Mapping[str, int]:
        """The ratings of this ballot that the stored counts include."""
        return self.versions[-1].ratings if self.versions else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A ballot in the pool: what was counted of it before, and the version that replaces it."""

    ballot: Ballot
    # None: the recipient repudiated the dossier, so versions after the last closing are removed.
    current: Current | None
    # Local day and ten-minute slot in which the ballot entered the pool; procedure of the dossier.
    day: date
    slot: int
    procedure_code: str
    # Number of changes on the local day `changed_on`, for the daily limit of a link.
    changes: int = 0
    changed_on: date | None = None

    @property
    def ratings(self) -> Mapping[str, int]:
        """The ratings of the new version; empty if the ballot was repudiated."""
        return self.current.ratings if self.current else {}

    @property
    def is_withdrawn(self) -> bool:
        """Whether the ballot was repudiated after it was counted.

        `counted_as` then needs the number of closings to decide which versions stay.
        """
        return self.current is None and bool(self.ballot.versions)


def flags_of(ballot: Ballot, ratings: Mapping[str, int]) -> frozenset[Flag]:
    """The flags of a ballot, plus SAME_EVERYWHERE if a complete questionnaire has equal ratings."""
    pattern = ballot.questions.pattern(ratings)
    is_same = pattern is not None and len(set(pattern.ratings)) == 1
    return ballot.flags | {Flag.SAME_EVERYWHERE} if is_same else ballot.flags


def digest_of(version: Version | Current) -> str:
    """SHA-256 (hexadecimal) over a version and, through `replaced`, over those it replaced."""
    answer = [sorted(version.ratings.items()), list(version.reasons), version.replaced]
    return hashlib.sha256(json.dumps(answer).encode()).hexdigest()


def replacing(
    before: Version | Current, ratings: Mapping[str, int], reasons: Sequence[str]
) -> Current:
    """A new version that replaces `before` and holds its digest."""
    return Current(dict(ratings), tuple(reasons), digest_of(before))


def counted_row(session: Session, ballot: Ballot, comment: str) -> dict[str, object]:
    """Values of an encrypted row of table `ballot`."""
    name = row_name(ballot.key)
    return {
        "key": ballot.key,
        "month": ballot.cell.month,
        "content_sealed": CountedBallot.content.encrypt(session, name, _pack(ballot)),
        "comment_sealed": CountedBallot.comment.encrypt(session, name, comment or None),
    }


def open_counted(session: Session, key: bytes, month: Month, sealed: bytes) -> Ballot:
    """Decrypt a counted ballot; Refused `encrypted_value_broken` if it was moved or changed."""
    content = CountedBallot.content.decrypt(session, row_name(key), sealed)
    return _unpack(session, key, month, content)


def pooled_row(session: Session, pooled: Pooled, comment: str) -> dict[str, object]:
    """Values of an encrypted row of table `ballot_pool`."""
    ballot, current = pooled.ballot, pooled.current
    answer = current and [current.ratings, ";".join(current.reasons), current.replaced]
    when = [pooled.day.isoformat(), pooled.slot, pooled.procedure_code]
    changed_on = pooled.changed_on and pooled.changed_on.isoformat()
    name, packed = row_name(ballot.key), [*_pack(ballot), answer, *when, pooled.changes, changed_on]
    return {
        "key": ballot.key,
        "month": ballot.cell.month,
        "content_sealed": PooledBallot.content.encrypt(session, name, packed),
        "comment_sealed": PooledBallot.comment.encrypt(session, name, comment or None),
    }


def open_pooled(session: Session, key: bytes, month: Month, sealed: bytes) -> Pooled:
    """Decrypt a ballot of the pool; Refused as in `open_counted`."""
    content = PooledBallot.content.decrypt(session, row_name(key), sealed)
    *packed, answer, day, slot, procedure_code, changes, changed_on = content
    return Pooled(
        ballot=_unpack(session, key, month, packed),
        current=Current(answer[0], _split(answer[1]), answer[2]) if answer else None,
        day=date.fromisoformat(day),
        slot=slot,
        procedure_code=procedure_code,
        changes=changes,
        changed_on=date.fromisoformat(changed_on) if changed_on else None,
    )


def _pack(ballot: Ballot) -> list[Any]:
    cell, descent = ballot.cell, ballot.descent
    return [
        *(cell.agency_id, cell.sector_code, cell.channel, cell.lateness),
        *(ballot.mode, ballot.questions.questionnaire_id, ";".join(sorted(ballot.flags))),
        *(descent.applicant, descent.return_channel, descent.receiving_agency_id),
        [
            [one.closing, one.ratings, ";".join(one.reasons), one.replaced]
            for one in ballot.versions
        ],
    ]


def _unpack(session: Session, key: bytes, month: Month, packed: Sequence[Any]) -> Ballot:
    agency_id, sector, channel, lateness, mode, questionnaire_id, flags, *rest = packed
    applicant, return_channel, receiving, versions = rest
    return Ballot(
        key=key,
        cell=Cell(agency_id, sector, month, channel, lateness),
        mode=Mode(mode),
        questions=questions_of(session, questionnaire_id),
        flags=frozenset(map(Flag, _split(flags))) if flags else frozenset(),
        descent=Descent(
            applicant=applicant, return_channel=return_channel, receiving_agency_id=receiving
        ),
        versions=tuple(
            Version(closing, ratings, _split(reasons), replaced)
            for closing, ratings, reasons, replaced in versions
        ),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def counted_as(pooled: Pooled, before: Ballot | None, closings: int) -> Ballot | None:
    """The counted ballot that a pooled ballot becomes.

    `before`: the ballot as it was counted so far. `closings`: number of closings of its month so
    far. Versions of earlier closings stay; a version since the last closing is replaced. None if
    nothing remains, because the ballot was repudiated and no closing counted it.
    """
    kept = before.versions if before else ()
    if pooled.current is None:
        kept = tuple(one for one in kept if one.closing < closings)
        return replace(pooled.ballot, versions=kept) if kept else None
    current = pooled.current
    version = Version(closings, current.ratings, current.reasons, current.replaced)
    earlier = tuple(one for one in kept if one.closing < closings)
    return replace(pooled.ballot, versions=(*earlier, version))
