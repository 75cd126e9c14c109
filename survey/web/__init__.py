"""The HTTP layer: each view parses, opens one transaction, calls one feature and renders.

Citizens and staff are served by separate pools of processes with the same code. A pool imports only
the pages it serves, because the libraries of staff pages (computing, drawing) would be most of the
memory of a citizen process.
"""

from enum import StrEnum
from importlib import import_module

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from survey.web import errors, headers, health, wrong_key
from survey.web.misses import Misses
from survey.web.sessions import StaffSessions, speak_chosen


class Pool(StrEnum):
    """Which pages a process serves."""

    CITIZEN = "citizen"
    STAFF = "staff"
    ALL = "all"


# Modules and packages of this package; each has a `register(app)`.
CITIZEN_PAGES = ("public", "webhooks")
STAFF_PAGES = ("staff", "metrics", "demo")
PAGES = {
    Pool.CITIZEN: CITIZEN_PAGES,
    Pool.STAFF: STAFF_PAGES,
    Pool.ALL: (*CITIZEN_PAGES, *STAFF_PAGES),
}


class RowNumber(IntegerConverter):
    """A row's id in a URL; a number too large for the column is a 404, not an error 500."""

    bits = 31

    def __init__(self, places: Map) -> None:
        super().__init__(places, max=2**self.bits - 1)


class LongRowNumber(RowNumber):
    """A 63-bit id, for tables whose ids are random so that they do not reveal an order."""

    bits = 63


def register(app: Flask, pool: Pool) -> None:
    """Register the pages and webhooks of a pool on the application."""
    app.url_map.converters.update(int=RowNumber, bigint=LongRowNumber)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.session_interface = StaffSessions()
    app.before_request(speak_chosen)
    app.extensions["misses"] = Misses()
    for part in (headers, errors, wrong_key, health):
        part.register(app)
    for name in PAGES[pool]:
        import_module(f"survey.web.{name}").register(app)
