"""Versions of the province's own texts; only a wording that the carriers approved is sent.

Where none is approved, or the approved one does not fit its values, the shipped text is sent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import audit
from survey.errors import Conflict, Invalid, NotFound
from survey.messages.placeholders import SLOTS, Wording, fill
from survey.messages.text import SmsText, render
from survey.models.text_version import TEXT_STEPS, TextForm, TextState, TextVersion

# Locale of the shipped texts that are sent.
SHIPPED = "vi"
NOTE_LENGTH = 200

log = structlog.get_logger()


def approved(session: Session, name: str) -> Wording | None:
    """The newest approved wording of a text, or None."""
    query = (
        select(TextVersion.form, TextVersion.words)
        .where(TextVersion.name == name, TextVersion.state == TextState.APPROVED)
        .order_by(TextVersion.number.desc())
        .limit(1)
    )
    row = session.execute(query).first()
    return Wording(row.form, row.words) if row else None


def compose(session: Session, name: str, **values: str) -> SmsText:
    """The text `name` as this province sends it; raises Invalid like `messages.text.render`."""
    return compose_as(approved(session, name), name, **values)


def compose_alike(session: Session, name: str, texts: Mapping[str, Mapping[str, str]]) -> SmsText:
    """The text `name` of `texts` (name → values); which of them was sent must stay unknown.

    A sent message's row stores segments and encoding. Where the province's own wordings would
    differ in these, the row would reveal which text it was, so the shipped one is sent.
    """
    own = {one: compose(session, one, **values) for one, values in texts.items()}
    if len({(text.encoding, text.segments) for text in own.values()}) == 1:
        return own[name]
    return render(name, SHIPPED, **texts[name])


def compose_as(wording: Wording | None, name: str, **values: str) -> SmsText:
    """The text `name` in a wording, or as shipped if there is none or its values do not fit."""
    if wording is not None:
        try:
            return fill(wording, values)
        except Invalid as misfit:
            log.warning("sms.wording_does_not_fit", text=name, why=misfit.code)
    return render(name, SHIPPED, **values)


def versions(session: Session, name: str) -> list[TextVersion]:
    """All versions of a text, newest first; NotFound `no_such_text` for an unknown text."""
    if name not in SLOTS:
        raise NotFound("no_such_text")
    query = select(TextVersion).where(TextVersion.name == name)
    return list(session.scalars(query.order_by(TextVersion.number.desc())))


def in_use(listed: Sequence[TextVersion]) -> TextVersion | None:
    """The version in use, of versions listed newest first: the newest approved one, or None."""
    return next((one for one in listed if one.state == TextState.APPROVED), None)


def numbered(session: Session, name: str, number: int) -> Wording | None:
    """The wording of a version of a text by its number; None for 0, the shipped text.

    NotFound `no_such_text`.
    """
    if not number:
        return None
    for one in versions(session, name):
        if one.number == number:
            return Wording(one.form, one.words)
    raise NotFound("no_such_text")


def draft(
    session: Session, staff_id: int, name: str, wording: Wording, now: datetime
) -> TextVersion:
    """Save a wording as the next version of a text; the caller has checked it."""
    last = session.scalar(select(func.max(TextVersion.number)).where(TextVersion.name == name))
    version = TextVersion(
        name=name,
        number=(last or 0) + 1,
        form=TextForm(wording.form),
        words=wording.words,
        state=TextState.DRAFT,
        made_by=staff_id,
        made_at=now,
        changed_by=staff_id,
        changed_at=now,
    )
    session.add(version)
    _note(session, version, staff_id, now)
    return version


def step(
    session: Session, staff_id: int, version_id: int, state: TextState, note: str, now: datetime
) -> TextVersion:
    """Move a version to a state, with the carriers' note.

    NotFound `no_such_text`; Conflict `text_step` for a step that TEXT_STEPS does not allow.
    """
    query = select(TextVersion).where(TextVersion.id == version_id).with_for_update()
    version = session.scalars(query).first()
    if version is None:
        raise NotFound("no_such_text")
    if state not in TEXT_STEPS[TextState(version.state)]:
        raise Conflict("text_step")
    version.state, version.changed_by, version.changed_at = state, staff_id, now
    version.carrier_note = note.strip()[:NOTE_LENGTH] or version.carrier_note
    _note(session, version, staff_id, now)
    return version


def _note(session: Session, version: TextVersion, staff_id: int, now: datetime) -> None:
    session.flush()
    subject = f"text:{version.name}/{version.number}"
    audit.append(session, now, f"text.{version.state}", subject, staff_id=staff_id)
