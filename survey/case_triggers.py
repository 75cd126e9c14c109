"""Which answer opens a case: a bad rating, a comment with grave words, or a wish to be called.

A ballot has at most one case; open cases of one rule and one agency share one alert. Comments are
searched with a versioned word list, with and without diacritics.
"""

import csv
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy.orm import Session

from survey.ballots.contents import Answer
from survey.cases.opening import (
    About,
    Trigger,
    add_contact,
    add_from_citizen,
    close_to_agency,
    forget_contact,
    open_again,
    open_case,
    raise_reason,
    record_contact,
)
from survey.db import advisory_lock
from survey.messages.text import unaccent
from survey.models.case import ORDER_LOCK, Case, CaseReason, CaseState, ContactWish, case_of
from survey.models.count import Cell

__all__ = [
    "Change",
    "ContactWish",
    "grave_topics",
    "raise_for_answer",
    "withdraw_contact",
    "words_version",
]

WORDS = Path(__file__).parent / "reference" / "data" / "alert_words.csv"
GRAVE_TOPICS = frozenset({"money", "harassment", "help"})
# Hexadecimal digits of a comment's digest (128 bits), so that no two comments share a digest.
DIGEST_LENGTH = 32
# Most serious first.
SEVERITY = (CaseReason.GRAVE_WORDS, CaseReason.CALL_BACK_WISH, CaseReason.VERY_BAD_RATING)
# How many words the sign "…" in a phrase may stand for, and how many may stand between a negation
# such as "không phải" and the phrase.
GAP = 3
NEGATION_REACH = 2

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_CLAUSE = re.compile(r"[.,;:!?()\n…]+")
_WORD = re.compile(r"\d+|[^\W\d_\u1780-\u17ff]+|[\u1780-\u17ff]+")
_KHMER = re.compile(r"[\u1780-\u17ff]")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a ballot: key, cell, the answer before (None: it is a first answer) and after."""

    key: bytes
    cell: Cell
    before: Answer | None
    after: Answer


def raise_for_answer(
    session: Session, now: datetime, change: Change, contact: ContactWish | None
) -> Case | None:
    """Open the case that an answer needs, or update the case of its ballot; None without a case.

    A rating of 1 or 2, a comment with grave words, or a wish to be called needs a person. Runs in
    the transaction that stores the answer.
    """
    trigger = _trigger(change.after, contact)
    if trigger is None and change.before is None:  # most answers; saves the lock and the query
        return None
    # A wish to be called locks no row of the ballot: two requests at once would open two cases.
    advisory_lock(session, f"ballot:{change.key.hex()}")
    case = _case_of(session, change.key)
    if case is None:
        about = About(change.key, change.cell.agency_id, change.cell.sector_code)
        return open_case(session, now, about, trigger, contact) if trigger else None
    _add(session, now, case, change)
    record = case.record
    is_graver = trigger is not None and _is_more_serious(trigger.reason, record.reason)
    if trigger and is_graver:
        raise_reason(case, trigger)
    is_grave_anew = trigger is not None and trigger.grave_words not in {"", record.held_words}
    if trigger and is_grave_anew:
        close_to_agency(session, now, case, trigger)
    is_call = contact is not None and add_contact(session, now, case, contact)
    needs_work = is_graver or is_grave_anew or is_call
    if needs_work and record.state in {CaseState.REPLIED, CaseState.CLOSED}:
        open_again(session, now, case)
    if is_call:
        record_contact(session, now, case)
    return case


def withdraw_contact(session: Session, now: datetime, ballot_key: bytes) -> None:
    """Erase the contact data of a ballot's case, because the citizen no longer wishes to be called.

    Without a case nothing happens.
    """
    case = _case_of(session, ballot_key)
    if case is not None:
        forget_contact(session, now, case)


def grave_topics(comment: str) -> frozenset[str]:
    """The topics (money, harassment, help) of those grave phrases that are not negated."""
    return frozenset(
        topic
        for clause in _CLAUSE.split(comment)
        if (words := _read_words(clause))
        for topic in _topics(words)
    )


def words_version() -> int:
    """The version of the word list in force, which rises whenever a phrase is added or removed."""
    return _lexicon().version


def _case_of(session: Session, ballot_key: bytes) -> Case | None:
    advisory_lock(session, ORDER_LOCK, shared=True)
    query = case_of(session, ballot_key).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).first()


def _trigger(answer: Answer, contact: ContactWish | None) -> Trigger | None:
    """The most serious reason for which an answer needs a case; None when it needs none."""
    version = words_version()
    if answer.comment and grave_topics(answer.comment):
        digest = hashlib.sha256(answer.comment.encode()).hexdigest()[:DIGEST_LENGTH]
        return Trigger(CaseReason.GRAVE_WORDS, version, digest)
    if contact:
        return Trigger(CaseReason.CALL_BACK_WISH, version)
    return Trigger(CaseReason.VERY_BAD_RATING, version) if answer.is_dissatisfied else None


def _is_more_serious(reason: CaseReason, than: str) -> bool:
    return SEVERITY.index(reason) < SEVERITY.index(CaseReason(than))


def _add(session: Session, now: datetime, case: Case, change: Change) -> None:
    """Write into the timeline what was changed; the comment itself stays in the ballot."""
    before, after = change.before, change.after
    if before is None or before == after:
        return
    changes = []
    if before.overall != after.overall:
        changes.append(f"Đổi mức đánh giá từ {before.overall} thành {after.overall}.")
    if before.comment != after.comment:
        changes.append("Bổ sung góp ý." if after.comment else "Xóa góp ý.")
    if before.reasons != after.reasons:
        changes.append("Chọn lại lý do.")
    if changes:
        add_from_citizen(session, now, case, " ".join(changes))


@dataclass(frozen=True, slots=True)
class _Word:
    """A word in two forms: with diacritics, its tone mark at the end, and without diacritics."""

    written: str
    bare: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase of the word list.

    "…" stands for a gap, "#" for a number; "!" after a word demands its diacritics.
    """

    topic: str
    words: tuple[_Word, ...]


@dataclass(frozen=True, slots=True)
class _Lexicon:
    version: int
    grave: tuple[_Phrase, ...]
    exceptions: tuple[_Phrase, ...]
    negations: tuple[_Phrase, ...]
    short_forms: dict[str, tuple[str, ...]]


def _topics(words: list[_Word]) -> list[str]:
    """The topics of one clause: its grave phrases that are neither negated nor exceptions."""
    lexicon = _lexicon()
    for phrase in lexicon.exceptions:
        for start in range(len(words)):
            if end := _match(phrase.words, words, start):
                words = words[:start] + [_Word("", "")] * (end - start) + words[end:]
    return [
        phrase.topic
        for phrase in lexicon.grave
        for start in range(len(words))
        if _match(phrase.words, words, start) and not _is_negated(words, start)
    ]


def _is_negated(words: list[_Word], start: int) -> bool:
    """Whether a negation such as "không phải" is before a phrase, at most two words between them.

    The single word "không" negates only what follows it directly.
    """
    for phrase in _lexicon().negations:
        reach = NEGATION_REACH if len(phrase.words) > 1 else 0
        for gap in range(reach + 1):
            first = start - gap - len(phrase.words)
            if first >= 0 and _match(phrase.words, words, first) == start - gap:
                return True
    return False


def _match(phrase: tuple[_Word, ...], words: list[_Word], start: int) -> int:
    """Position after the phrase if it begins at `start`, else 0."""
    if not phrase:
        return start
    if phrase[0].written == "…":
        ends = (_match(phrase[1:], words, start + gap) for gap in range(GAP + 1))
        return next((end for end in ends if end), 0)
    if start >= len(words) or not _is_same(phrase[0], words[start]):
        return 0
    return _match(phrase[1:], words, start + 1)


def _is_same(wanted: _Word, found: _Word) -> bool:
    """Whether a word of the list matches a word of a comment.

    The comment's word must have the right diacritics, or none where the list does not demand them.
    "#" matches digits. A Khmer word matches inside a longer one, since Khmer puts no spaces between
    words.
    """
    if wanted.written == "#":
        return found.written.isdigit()
    if _KHMER.match(wanted.written):
        return wanted.written in found.written
    return found.written == wanted.written or (
        bool(wanted.bare) and found.written == found.bare == wanted.bare
    )


def _read_words(clause: str) -> list[_Word]:
    short_forms = _lexicon().short_forms
    plain = _WORD.findall(unicodedata.normalize("NFC", clause).casefold())
    long = (word for short in plain for word in short_forms.get(short, (short,)))
    return [_word(word) for word in long]


def _word(text: str) -> _Word:
    """Read a word with its tone mark moved to the end, so that `hòa` and `hoà` are equal."""
    parts = unicodedata.normalize("NFD", text)
    letters = "".join(part for part in parts if part not in _TONES)
    tones = "".join(part for part in parts if part in _TONES)
    return _Word(letters + tones, unaccent(text))


@cache
def _lexicon() -> _Lexicon:
    with WORDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    version = max(int(edge) for row in rows for edge in (row["since"], row["until"] or "0"))
    rows = [row for row in rows if not row["until"] or int(row["until"]) > version]

    def phrases(*topics: str) -> tuple[_Phrase, ...]:
        return tuple(_phrase(row) for row in rows if row["topic"] in topics)

    return _Lexicon(
        version,
        phrases(*GRAVE_TOPICS),
        phrases("exception"),
        phrases("negation"),
        {row["phrase"]: tuple(row["note"].split()) for row in rows if row["topic"] == "short_form"},
    )


def _phrase(row: dict[str, str]) -> _Phrase:
    words = unicodedata.normalize("NFC", row["phrase"]).casefold().split()
    read = [_word(word.removesuffix("!")) for word in words]
    exact = [word.endswith("!") for word in words]
    return _Phrase(
        row["topic"],
        tuple(
            _Word(word.written, "" if is_exact else word.bare)
            for word, is_exact in zip(read, exact, strict=True)
        ),
    )
