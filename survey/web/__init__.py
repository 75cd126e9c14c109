"""The web edge: parse, one transaction, one call, render."""

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from survey.web import demo, errors, headers, staff, wrong_key
from survey.web.health import health
from survey.web.metrics import metrics
from survey.web.misses import Misses
from survey.web.public import public
from survey.web.sessions import StaffSessions
from survey.web.webhooks import webhooks

BLUEPRINTS = (public, health, metrics, webhooks, demo.blueprint)


class RowNumber(IntegerConverter):
    """A row's number in an address: what no column can hold is no page, not a fault."""

    bits = 31

    def __init__(self, places: Map) -> None:
        super().__init__(places, max=2**self.bits - 1)


class LongRowNumber(RowNumber):
    """The same where numbers are drawn at random from a wide column, so that they tell no order."""

    bits = 63


def register(app: Flask) -> None:
    """Put every page and webhook on the application."""
    app.url_map.converters.update(int=RowNumber, bigint=LongRowNumber)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.session_interface = StaffSessions()
    app.extensions["misses"] = Misses()
    headers.register(app)
    errors.register(app)
    wrong_key.register(app)
    staff.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
