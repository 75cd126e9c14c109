"""What a case is about and where it stands is sealed; open cases of a rule and agency are one alert.

Before, a case named its answer, its agency and the day it was opened. Rows are opened and sealed
with the application's DATA_KEY.
"""

import json
import secrets
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op
from flask import current_app
from sqlalchemy.orm import Session

from survey import sealing

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AT_ONCE = 500
STANDING_BYTES, TIMELINE_BYTES = 1024, 2048
LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
GATHERING = ("very_bad_rating", "grave_words", "call_back_wish")
OTHER_RULES = (
    "quality_drop",
    "delivery_dip",
    "response_dip",
    "sms_budget_near",
    "sms_budget_spent",
    "sms_paused",
    "sms_unclear",
)
STATES = ("new", "in_progress", "replied", "reopened", "closed")
CLOSE_REASONS = ("resolved", "explained", "transferred", "unreachable", "not_a_complaint")
KINDS = (
    "opened",
    "taken",
    "noted",
    "postponed",
    "replied",
    "closed",
    "reopened",
    "revealed",
    "citizen_added",
)
MOMENT = sa.DateTime(timezone=True)


def _kept() -> list[sa.Column[Any]]:
    """Columns of a case that stay as they are; the revision is only wider."""
    return [
        sa.Column("id", sa.BigInteger(), autoincrement=False, primary_key=True),
        sa.Column("code", sa.String(8), nullable=False),
        sa.Column("contact_phone_sealed", sa.LargeBinary()),
        sa.Column("contact_index", sa.LargeBinary()),
        sa.Column("contact_name_sealed", sa.LargeBinary()),
        sa.Column("contact_dossier_code", sa.String(40)),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    ]


def _in_clear() -> list[sa.Column[Any]]:
    """Columns of before."""
    return [
        sa.Column("response_id", sa.String(32)),
        sa.Column("answer_version", sa.Integer()),
        sa.Column("agency_id", sa.Integer()),
        sa.Column("sector_code", sa.String(30)),
        sa.Column("alert_id", sa.BigInteger()),
        sa.Column("reason", sa.String(20)),
        sa.Column("words_version", sa.Integer()),
        sa.Column("state", sa.String(12)),
        sa.Column("assignee_id", sa.Integer()),
        sa.Column("opened_at", MOMENT),
        sa.Column("first_due_at", MOMENT),
        sa.Column("due_at", MOMENT),
        sa.Column("postponed", sa.Integer()),
        sa.Column("first_reaction_at", MOMENT),
        sa.Column("replied_at", MOMENT),
        sa.Column("closed_at", MOMENT),
        sa.Column("close_reason", sa.String(20)),
        sa.Column("reply", sa.Text()),
        sa.Column("reopened", sa.Integer()),
    ]


def _sealed() -> list[sa.Column[Any]]:
    """Columns of now."""
    return [
        sa.Column("answer_hash", sa.LargeBinary()),
        sa.Column("month", sa.String(7)),
        sa.Column("is_filed_away", sa.Boolean()),
        sa.Column("standing_sealed", sa.LargeBinary()),
        sa.Column("timeline_sealed", sa.LargeBinary()),
    ]


# What may be empty, before and now.
EMPTY_BEFORE = (
    "response_id",
    "alert_id",
    "assignee_id",
    "first_reaction_at",
    "replied_at",
    "closed_at",
    "close_reason",
    "reply",
)
INDEXES_BEFORE = {
    "ix_case_agency_id_state": ["agency_id", "state"],
    "ix_case_alert_id": ["alert_id"],
    "ix_case_assignee_id": ["assignee_id"],
    "ix_case_opened_at": ["opened_at"],
    "ix_case_state_due_at": ["state", "due_at"],
}
REFERENCES = {
    "response_id": "response.id",
    "agency_id": "agency.id",
    "sector_code": "sector.code",
    "alert_id": "alert.id",
    "assignee_id": "staff.id",
}


def _whole_case() -> sa.Table:
    """The case table with the columns of before and of now, and what holds for both."""
    return sa.Table(
        "case",
        sa.MetaData(),
        *_kept(),
        *_in_clear(),
        *_sealed(),
        sa.CheckConstraint(
            "contact_index IS NULL OR contact_phone_sealed IS NOT NULL",
            name=op.f("ck_case_contact_pair"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("code", name=op.f("uq_case_code")),
        sqlite_with_rowid=False,
    )


def _alert(rules: tuple[str, ...]) -> sa.Table:
    return sa.Table(
        "alert",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(20), nullable=False),
        sa.Column("agency_id", sa.Integer()),
        sa.Column("scope", sa.String(40), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.CheckConstraint(_one_of("rule", rules), name=op.f("ck_alert_rule")),
        sa.CheckConstraint(
            "closed_at IS NULL OR closed_at >= opened_at", name=op.f("ck_alert_closed_after_opened")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_alert_agency_id_agency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.Index("ix_alert_agency_id", "agency_id"),
        sa.Index(
            "uq_alert_open_rule_agency_id_scope",
            "rule",
            "agency_id",
            "scope",
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index(
            "uq_alert_open_rule_scope",
            "rule",
            "scope",
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL AND agency_id IS NULL"),
        ),
        sqlite_with_rowid=False,
    )


CASE = sa.table(
    "case", *(sa.column(one.name, one.type) for one in [*_kept(), *_in_clear(), *_sealed()])
)
EVENT = sa.table(
    "case_event",
    sa.column("case_id", sa.BigInteger()),
    sa.column("number", sa.Integer()),
    sa.column("at", MOMENT),
    sa.column("staff_id", sa.Integer()),
    sa.column("kind", sa.String()),
    sa.column("text", sa.Text()),
)
ALERT = sa.table(
    "alert",
    sa.column("id", sa.BigInteger()),
    sa.column("rule", sa.String()),
    sa.column("agency_id", sa.Integer()),
    sa.column("scope", sa.String()),
    sa.column("opened_at", MOMENT),
)


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("case", schema=None) as batch_op:
        for column in _sealed():
            batch_op.add_column(column)
    _for_each_case(_seal)
    for name in INDEXES_BEFORE:
        op.drop_index(name, table_name="case")
    with _changing_case() as batch_op:
        for column in _in_clear():
            batch_op.drop_column(column.name)
        for column in _sealed():
            batch_op.alter_column(column.name, existing_type=column.type, nullable=False)
        batch_op.alter_column("revision", type_=sa.BigInteger(), existing_nullable=False)
        batch_op.create_unique_constraint(op.f("uq_case_answer_hash"), ["answer_hash"])
    op.create_index("ix_case_is_filed_away_month", "case", ["is_filed_away", "month"])
    if op.get_bind().dialect.name == "postgresql":
        # A dropped column stays in the file until its row is written again; keys are random.
        op.execute('CLUSTER "case" USING pk_case')
        op.execute('ALTER TABLE "case" SET WITHOUT CLUSTER')
    op.drop_table("case_event")
    for table in ("count", "procedure_count"):
        # Rows without an answer are left only where one was disowned.
        op.execute(f'DELETE FROM "{table}" WHERE n1 + n2 + n3 + n4 + n5 = 0')  # noqa: S608
    op.execute(ALERT.delete().where(ALERT.c.rule.in_(GATHERING)))
    _change_rules((*GATHERING, *OTHER_RULES), OTHER_RULES)


def downgrade() -> None:
    """Take the change back; open cases find their alerts again, closed alerts are gone."""
    _change_rules(OTHER_RULES, (*GATHERING, *OTHER_RULES))
    _create_events()
    op.drop_index("ix_case_is_filed_away_month", table_name="case")
    with op.batch_alter_table("case", schema=None) as batch_op:
        for column in _in_clear():
            batch_op.add_column(column)
    unsealing = _Unsealing()
    _for_each_case(unsealing)
    unsealing.write_alerts()
    with _changing_case() as batch_op:
        batch_op.alter_column("revision", type_=sa.Integer(), existing_nullable=False)
        for column in _sealed():
            batch_op.drop_column(column.name)
        for column in _in_clear():
            if column.name not in EMPTY_BEFORE:
                batch_op.alter_column(column.name, existing_type=column.type, nullable=False)
        for name, target in REFERENCES.items():
            table, _, remote = target.partition(".")
            batch_op.create_foreign_key(op.f(f"fk_case_{name}_{table}"), table, [name], [remote])
        batch_op.create_unique_constraint(op.f("uq_case_response_id"), ["response_id"])
        for name, rule in _checks().items():
            batch_op.create_check_constraint(op.f(f"ck_case_{name}"), rule)
    for name, columns in INDEXES_BEFORE.items():
        op.create_index(name, "case", columns)


def _changing_case() -> Any:  # noqa: ANN401 - alembic's own context
    """SQLite builds the table anew from what is said here; PostgreSQL changes it in place."""
    return op.batch_alter_table(
        "case", copy_from=_whole_case(), table_kwargs={"sqlite_with_rowid": False}
    )


def _change_rules(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    with op.batch_alter_table(
        "alert", copy_from=_alert(before), table_kwargs={"sqlite_with_rowid": False}
    ) as batch_op:
        batch_op.drop_constraint(op.f("ck_alert_rule"), type_="check")
        batch_op.create_check_constraint(op.f("ck_alert_rule"), _one_of("rule", after))


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _checks() -> dict[str, str]:
    return {
        "closed": "(state = 'closed') = (closed_at IS NOT NULL)",
        "close_reason": _one_of("close_reason", CLOSE_REASONS),
        "reason": _one_of("reason", ("grave_words", "call_back_wish", "very_bad_rating")),
        "state": _one_of("state", STATES),
        "close_reason_given": "closed_at IS NULL OR close_reason IS NOT NULL",
        "postponed_once": "postponed BETWEEN 0 AND 1",
        "reopened_once": "reopened BETWEEN 0 AND 1",
    }


def _create_events() -> None:
    op.create_table(
        "case_event",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(15), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(_one_of("kind", KINDS), name=op.f("ck_case_event_kind")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_case_event_number")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_event_case_id_case")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_case_event_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_event")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_case_event_staff_id_kind_at", "case_event", ["staff_id", "kind", "at"])


def _for_each_case(change: Callable[[Session, sa.Row[Any]], dict[str, Any]]) -> None:
    settings = current_app.extensions["settings"]
    with Session(bind=op.get_bind(), info={"settings": settings}) as session:
        for row in _rows(session):
            values = change(session, row)
            session.execute(CASE.update().where(CASE.c.id == row.id).values(values))
        session.flush()


def _rows(session: Session) -> Iterator[sa.Row[Any]]:
    """Every case, some at a time."""
    after = None
    while True:
        query = sa.select(CASE).order_by(CASE.c.id).limit(AT_ONCE)
        rows = session.execute(query if after is None else query.where(CASE.c.id > after)).all()
        yield from rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].id


def _seal(session: Session, row: sa.Row[Any]) -> dict[str, Any]:
    standing = {
        "response_id": row.response_id,
        "answer_version": row.answer_version,
        "agency_id": row.agency_id,
        "sector_code": row.sector_code,
        "reason": row.reason,
        "words_version": row.words_version,
        "state": row.state,
        "assignee_id": row.assignee_id,
        "opened_at": _said(row.opened_at),
        "first_due_at": _said(row.first_due_at),
        "due_at": _said(row.due_at),
        "is_postponed": bool(row.postponed),
        "first_reaction_at": _said(row.first_reaction_at),
        "replied_at": _said(row.replied_at),
        "closed_at": _said(row.closed_at),
        "close_reason": row.close_reason,
        "is_reopened": bool(row.reopened),
    }
    query = sa.select(EVENT).where(EVENT.c.case_id == row.id).order_by(EVENT.c.number)
    steps = session.execute(query).all()
    events = [[_said(one.at), one.staff_id, one.kind, one.text] for one in steps]
    began = [one.at for one in steps if one.kind == "reopened"]
    standing["began_at"] = _said(began[-1] if began else row.opened_at)
    packed = zlib.compress(json.dumps(events, ensure_ascii=False).encode())
    whole = -(-len(packed) // TIMELINE_BYTES) * TIMELINE_BYTES
    content = json.dumps(standing).encode().ljust(STANDING_BYTES)
    return {
        # Of one that was disowned a hash of the code, or being empty would tell of it.
        "answer_hash": sealing.case_hash(session, row.response_id or row.code),
        "month": f"{_aware(row.opened_at).astimezone(LOCAL):%Y-%m}",
        "is_filed_away": False,
        "standing_sealed": sealing.seal_bytes(session, "case.standing", row.code, content),
        "timeline_sealed": sealing.seal_bytes(
            session, "case.timeline", row.code, packed.ljust(whole, b"\0")
        ),
        "revision": secrets.randbits(30),
    }


class _Unsealing:
    """Opens cases, writes their events, and gathers the open ones under alerts."""

    def __init__(self) -> None:
        # Reason and agency → id and beginning of their alert.
        self.alerts: dict[tuple[str, int], tuple[int, datetime]] = {}

    def __call__(self, session: Session, row: sa.Row[Any]) -> dict[str, Any]:
        opened = sealing.unseal_bytes(session, "case.standing", row.code, row.standing_sealed)
        values = json.loads(opened)
        for name in [name for name in values if name.endswith("_at")]:
            values[name] = _read(values[name])
        began_at = values.pop("began_at")
        values["postponed"] = int(values.pop("is_postponed"))
        values["reopened"] = int(values.pop("is_reopened"))
        packed = sealing.unseal_bytes(session, "case.timeline", row.code, row.timeline_sealed)
        events = json.loads(zlib.decompressobj().decompress(packed))
        for number, (at, staff_id, kind, text) in enumerate(events, 1):
            event = {"number": number, "at": _read(at), "staff_id": staff_id, "kind": kind}
            session.execute(EVENT.insert().values(case_id=row.id, text=text, **event))
        replies = [text for _, _, kind, text in events if kind == "replied"]
        is_open = values["state"] != "closed"
        return {
            **values,
            "reply": replies[-1] if replies else None,
            "alert_id": self._alert(values, began_at) if is_open else None,
            "revision": 1 + len(events),
        }

    def _alert(self, case: dict[str, Any], began_at: datetime) -> int:
        place = (case["reason"], case["agency_id"])
        alert_id, before = self.alerts.get(place, (secrets.randbits(62), began_at))
        self.alerts[place] = alert_id, min(before, began_at)
        return alert_id

    def write_alerts(self) -> None:
        """One alert of each reason and agency, as old as its oldest case."""
        for (rule, agency_id), (alert_id, began_at) in self.alerts.items():
            place = {"rule": rule, "agency_id": agency_id, "scope": ""}
            op.execute(ALERT.insert().values(id=alert_id, opened_at=began_at, **place))


def _aware(moment: datetime) -> datetime:
    """SQLite keeps no zone: all instants are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _said(moment: datetime | None) -> str | None:
    return _aware(moment).isoformat() if moment else None


def _read(said: str | None) -> datetime | None:
    """As the driver of this database takes it."""
    if said is None:
        return None
    moment = datetime.fromisoformat(said)
    return moment.replace(tzinfo=None) if op.get_bind().dialect.name == "sqlite" else moment
