"""The floor for answers: a bare Flask app that renders a page and inserts one row, durably."""

import sqlite3

from flask import Flask, redirect, render_template_string, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><title>{{ token }}</title>
<form method="post">{% for rating in range(5, 0, -1) %}
<button name="overall" value="{{ rating }}">{{ rating }}</button>{% endfor %}</form>
<p>{{ filler }}</p></html>"""
FILLER = "Một trang bình thường. " * 300


class Tables(DeclarativeBase):
    """Root of the one table."""


class Row(Tables):
    """One answer."""

    __tablename__ = "row"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str]
    overall: Mapped[int]


db = SQLAlchemy(model_class=Tables)


@event.listens_for(Engine, "connect")
def _durable(connection: object, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return  # PostgreSQL waits for the disk unless told otherwise
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def make(url: str) -> Flask:
    """The application on one database, by its URL."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)

    @app.get("/s/<token>")
    def page(token: str) -> str:
        return render_template_string(PAGE, token=token, filler=FILLER)

    @app.post("/s/<token>")
    def answer(token: str) -> object:
        db.session.add(Row(token=token, overall=int(request.form["overall"])))
        db.session.commit()
        return redirect(request.path, code=303)

    with app.app_context():
        db.create_all()
        db.engine.dispose()  # no connection may be open in two processes
    return app
