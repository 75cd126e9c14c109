"""The web edge: parse, one transaction, one call, render.

Citizens and staff have pools of processes of their own, with the same code behind each. A pool
imports only the pages it serves: what staff's pages compute and draw with would be most of the
memory of a process that serves citizens.
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


# Files and folders of this one; each has a `register(app)`.
CITIZEN_PAGES = ("public", "webhooks")
STAFF_PAGES = ("staff", "metrics", "demo")
PAGES = {
    Pool.CITIZEN: CITIZEN_PAGES,
    Pool.STAFF: STAFF_PAGES,
    Pool.ALL: (*CITIZEN_PAGES, *STAFF_PAGES),
}


class RowNumber(IntegerConverter):
    """A row's number in an address: what no column can hold is no page, not a fault."""

    bits = 31

    def __init__(self, places: Map) -> None:
        super().__init__(places, max=2**self.bits - 1)


class LongRowNumber(RowNumber):
    """The same where numbers are drawn at random from a wide column, so that they reveal no
    order.
    """

    bits = 63


def register(app: Flask, pool: Pool) -> None:
    """Put the pages and webhooks of a pool on the application."""
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
