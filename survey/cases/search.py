"""Search cases by state, agency, and code or words of the citizen's comment.

A search only narrows the cases an account may see, and reads comments without numbers, as pages do.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from survey.ballots.comments import SealedComment, sealed_comments
from survey.cases.access_control import SeenCase
from survey.cases.records import OpenedCase
from survey.errors import Refused
from survey.messages.vocabulary import fold
from survey.models.organisation import agency_tree
from survey.privacy.masking import without_numbers

log = structlog.get_logger()

NO_COMMENT = (b"", "")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search: state, agency code (includes agencies below), case code or words; each optional."""

    state: str = ""
    agency: str = ""
    text: str = ""

    def __bool__(self) -> bool:
        """Whether anything is searched for."""
        return bool(self.state or self.agency or self.text)

    @property
    def words(self) -> list[str]:
        """The words of the search, without diacritics and in lower case."""
        return words_of(self.text)


def words_of(text: str) -> list[str]:
    """The words of a text for comparison: without diacritics, case and punctuation."""
    return _WORD.findall(fold(text.casefold()))


def search(session: Session, cases: Sequence[SeenCase], wanted: Wanted) -> list[SeenCase]:
    """The matching cases, in the given order.

    A text matches case codes that begin with it; if none do, comments that have all its words.
    """
    found = list(cases)
    if wanted.state:
        found = [one for one in found if one.case.record.state == wanted.state]
    if wanted.agency:
        ids = frozenset(agency_tree(session, wanted.agency))
        found = [one for one in found if one.case.record.agency_id in ids]
    if words := wanted.words:
        coded = [one for one in found if all(map(one.code.casefold().startswith, words))]
        found = coded or _with_words(session, found, words)
    return found


def _with_words(
    session: Session, cases: Sequence[SeenCase], words: Collection[str]
) -> list[SeenCase]:
    """The cases whose comment has all of these words.

    A changed comment raises the case's revision, but an erased one does not; so comments that match
    by cached words are read again.
    """
    whole = [f" {word} " for word in words]

    def found(some: Sequence[SeenCase]) -> list[SeenCase]:
        return [one for one in some if all(word in one.case.answer for word in whole)]

    _read_comments(session, [one.case for one in cases if one.case.comment is None])
    candidates = found(cases)
    _read_comments(session, [one.case for one in candidates])
    return found(candidates)


def _read_comments(session: Session, cases: Sequence[OpenedCase]) -> None:
    """Load the current comment words into decrypted cases; only changed comments are decrypted."""
    by_key = {bytes.fromhex(one.record.ballot_key or ""): one for one in cases}
    comments = {one.key: one for one in sealed_comments(session, list(by_key))}
    for key, case in by_key.items():
        comment = comments.get(key)
        if comment is None:
            case.comment = NO_COMMENT
        elif case.comment is None or case.comment[0] != comment.nonce:
            answer = words_of(without_numbers(_open(session, case, comment)))
            case.comment = comment.nonce, f" {' '.join(answer)} "


def _open(session: Session, case: OpenedCase, comment: SealedComment) -> str:
    """Decrypt a comment; empty, with an error in the log, if that fails.

    One damaged comment must not stop a search.
    """
    try:
        return comment.open(session)
    except Refused as refused:
        fault = refused
    log.error("comment.does_not_open", case=case.code, fault=fault.code)
    return ""
