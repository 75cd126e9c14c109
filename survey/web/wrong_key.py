"""With a DATA_KEY that is not the database's only `/healthz` and `/readyz` are served."""

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import ProgrammingError

from survey.crypto import keys
from survey.db import db
from survey.errors import Refused
from survey.web.errors import unavailable, written
from survey.wording import words_for

OK = "ok"
HEALTH = "health"
log = structlog.get_logger()


def register(app: Flask) -> None:
    """Check the key before every page."""
    app.before_request(refuse_with_wrong_key)


def refuse_with_wrong_key() -> Response | None:
    """The 503 page, which hands back what was typed; None if the request may go on."""
    if request.blueprint == HEALTH or (state := key_state()) == OK:
        return None
    log.critical("key.refused", reason=state)
    return unavailable([text] if (text := written()) else ())


def key_state() -> str:
    """`ok` if DATA_KEY decrypts this database, else what to do."""
    try:
        keys.keyring(db.session())
    except Refused as refused:
        return words_for(refused)
    except ProgrammingError:  # no tables yet
        return words_for(Refused("keys_missing"))
    return OK
