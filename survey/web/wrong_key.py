"""With a DATA_KEY that is not the database's nothing is served but `/healthz` and `/readyz`."""

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
    """Look at the key before every page."""
    app.before_request(refuse_with_wrong_key)


def refuse_with_wrong_key() -> Response | None:
    """The page that asks people to come back later, which hands back what was typed; None where
    the page may be shown.
    """
    if request.blueprint == HEALTH or (state := key_state()) == OK:
        return None
    log.critical("key.refused", reason=state)
    return unavailable([text] if (text := written()) else ())


def key_state() -> str:
    """`ok` when DATA_KEY opens what is encrypted here, else what to do."""
    try:
        keys.keyring(db.session())
    except Refused as refused:
        return words_for(refused)
    except ProgrammingError:  # no table yet
        return words_for(Refused("keys_missing"))
    return OK
