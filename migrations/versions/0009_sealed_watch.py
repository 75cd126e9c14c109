"""What the watch reads, and where and when it raises alerts, is sealed.

Before, what was added to its sums told how the last few answered, and the day of an alert told when
bad answers came. Rows are opened and sealed with the application's DATA_KEY.
"""

import json
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from flask import current_app
from sqlalchemy.orm import Session

from survey import sealing

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INTEGER, SHARE, DAY = sa.Integer(), sa.Double(), sa.Date()
# Table → sealed column → its length and the columns it stands for, with their names in it.
Columns = dict[str, tuple[int, dict[str, tuple[str, Any]]]]
SEALED: dict[str, Columns] = {
    "watch_chart": {
        "limits_sealed": (
            320,
            {
                **{name: (name, SHARE) for name in ("usual", "careful", "answer_rate")},
                **{name: (name, INTEGER) for name in ("den", "num", "alarm_at", "batch")},
                "false_alarms": ("false_alarms", SHARE),
                "rated": ("rated", INTEGER),
            },
        ),
        "progress_sealed": (
            320,
            {
                "score": ("score", INTEGER),
                "since": ("since", DAY),
                **{
                    name: (name, INTEGER)
                    for name in (
                        *("since_delivered", "since_rated", "since_dissatisfied"),
                        *("read_delivered", "read_rated", "read_dissatisfied"),
                    )
                },
            },
        ),
    },
    "watch_rate": {
        "limits_sealed": (128, {name: (name, SHARE) for name in ("usual", "careful", "rho")}),
        "sums_sealed": (
            96,
            {"read_delivered": ("delivered", INTEGER), "read_answered": ("answered", INTEGER)},
        ),
    },
}
CHECKS = {
    "watch_chart": {
        "shares": "usual > 0 AND usual < 1 AND careful > 0 AND careful < 1",
        "steps": "den > num AND num >= 1 AND alarm_at >= 1",
        "not_negative": "score >= 0 AND since_rated >= 0",
    },
    "watch_rate": {"shares": "usual >= 0 AND careful < 1 AND rho >= 0 AND rho < 1"},
}
NAMES = {"watch_chart": ("agency_id", "sector_group"), "watch_rate": ("measure", "agency_id")}
FINDING_BYTES = 2560
WATCHED = ("quality_drop", "delivery_dip", "response_dip")
OF_SENDING = ("sms_budget_near", "sms_budget_spent", "sms_paused", "sms_unclear")
MOMENT = sa.DateTime(timezone=True)
SIGNAL = ("since", "until", "expected", "seen", "out_of", "chance")
ALERT = sa.table(
    "alert",
    *map(sa.column, ("id", "rule", "agency_id", "scope")),
    sa.column("opened_at", MOMENT),
    sa.column("closed_at", MOMENT),
)
ALERT_SIGNAL = sa.table(
    "alert_signal",
    sa.column("alert_id"),
    sa.column("since", DAY),
    sa.column("until", DAY),
    *map(sa.column, ("expected", "seen", "out_of", "chance", "closed_by", "close_words")),
)
WATCH_ALERT = sa.table(
    "watch_alert",
    sa.column("id"),
    sa.column("place_hash", sa.LargeBinary()),
    sa.column("finding_sealed", sa.LargeBinary()),
)


def upgrade() -> None:
    """Apply the change."""
    for name, columns in SEALED.items():
        for sealed in columns:
            op.add_column(name, sa.Column(sealed, sa.LargeBinary()))
    op.create_table(
        "watch_alert",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place_hash", sa.LargeBinary(), nullable=False),
        sa.Column("finding_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_alert")),
        sa.UniqueConstraint("place_hash", name=op.f("uq_watch_alert_place_hash")),
        sqlite_with_rowid=False,
    )
    with _session() as session:
        for name in SEALED:
            _seal_rows(session, name)
        _seal_alerts(session)
    op.drop_table("alert_signal")
    op.execute(ALERT.delete().where(ALERT.c.rule.in_(WATCHED)))
    for name, columns in SEALED.items():
        _drop_clear(name, columns)
    _change_alert(with_agency=False)


def downgrade() -> None:
    """Take the change back."""
    _change_alert(with_agency=True)
    _create_signals()
    for name, columns in SEALED.items():
        for _, clear in columns.values():
            for column, (_, kind) in clear.items():
                op.add_column(name, sa.Column(column, kind))
    with _session() as session:
        for name in SEALED:
            _open_rows(session, name)
        _open_alerts(session)
    op.drop_table("watch_alert")
    for name, columns in SEALED.items():
        _drop_sealed(name, columns)


def _session() -> Session:
    return Session(bind=op.get_bind(), info={"settings": current_app.extensions["settings"]})


def _drop_sealed(name: str, columns: Columns) -> None:
    with op.batch_alter_table(name) as batch_op:
        for sealed, (_, clear) in columns.items():
            batch_op.drop_column(sealed)
            for column, (_, kind) in clear.items():
                if column != "since":
                    batch_op.alter_column(column, existing_type=kind, nullable=False)
        for check, rule in CHECKS[name].items():
            batch_op.create_check_constraint(op.f(f"ck_{name}_{check}"), rule)


def _drop_clear(name: str, columns: Columns) -> None:
    with op.batch_alter_table(name) as batch_op:
        for check in CHECKS[name]:
            batch_op.drop_constraint(op.f(f"ck_{name}_{check}"), type_="check")
        for sealed, (_, clear) in columns.items():
            for column in clear:
                batch_op.drop_column(column)
            batch_op.alter_column(sealed, existing_type=sa.LargeBinary(), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        # A dropped column stays in the file until its row is written again.
        op.execute(f"CLUSTER {name} USING pk_{name}")
        op.execute(f"ALTER TABLE {name} SET WITHOUT CLUSTER")


def _table(name: str) -> sa.TableClause:
    columns = SEALED[name]
    clear = [sa.column(key, one[1]) for _, found in columns.values() for key, one in found.items()]
    sealed = [sa.column(one, sa.LargeBinary()) for one in columns]
    return sa.table(name, sa.column("id"), *map(sa.column, NAMES[name]), *clear, *sealed)


def _place(name: str, sealed: str, row: sa.Row[Any]) -> tuple[str, str]:
    values = [getattr(row, one) for one in NAMES[name]]
    said = "/".join("" if one is None else str(one) for one in values)
    return f"{name}.{sealed.removesuffix('_sealed')}", said


def _seal_rows(session: Session, name: str) -> None:
    table = _table(name)
    for row in session.execute(sa.select(table)).all():
        values = {}
        for sealed, (length, clear) in SEALED[name].items():
            said = {inner: getattr(row, column) for column, (inner, _) in clear.items()}
            values[sealed] = _sealed(session, _place(name, sealed, row), said, length)
        session.execute(table.update().where(table.c.id == row.id).values(values))


def _open_rows(session: Session, name: str) -> None:
    table = _table(name)
    for row in session.execute(sa.select(table)).all():
        values = {}
        for sealed, (_, clear) in SEALED[name].items():
            opened = sealing.unseal(session, *_place(name, sealed, row), getattr(row, sealed))
            said = json.loads(opened)
            values |= {column: said[inner] for column, (inner, _) in clear.items()}
        if values.get("since"):
            values["since"] = date.fromisoformat(values["since"])
        session.execute(table.update().where(table.c.id == row.id).values(values))


def _seal_alerts(session: Session) -> None:
    joined = ALERT.join(ALERT_SIGNAL, ALERT_SIGNAL.c.alert_id == ALERT.c.id)
    query = sa.select(ALERT, ALERT_SIGNAL).select_from(joined)
    for row in session.execute(query).all():
        finding = {
            "place": [row.rule, row.agency_id, row.scope],
            "opened_at": _aware(row.opened_at).isoformat(),
            "signal": {name: getattr(row, name) for name in SIGNAL},
            "closed_at": _aware(row.closed_at).isoformat() if row.closed_at else None,
            "closed_by": row.closed_by,
            "close_words": "".join(
                one for one in row.close_words if one.isprintable() or one == "\n"
            ),
        }
        where = str(row.id) if row.closed_at else f"{row.rule}|{row.agency_id or ''}|{row.scope}"
        place = ("watch_alert.finding", str(row.id))
        sealed = _sealed(session, place, finding, FINDING_BYTES)
        hashed = sealing.place_hash(session, where)
        values = {"id": row.id, "place_hash": hashed, "finding_sealed": sealed}
        session.execute(WATCH_ALERT.insert().values(values))


def _open_alerts(session: Session) -> None:
    for row in session.execute(sa.select(WATCH_ALERT)).all():
        place = ("watch_alert.finding", str(row.id))
        finding = json.loads(sealing.unseal(session, *place, row.finding_sealed))
        rule, agency_id, scope = finding["place"]
        closed_at = finding["closed_at"]
        alert = {
            "id": row.id,
            "rule": rule,
            "agency_id": agency_id,
            "scope": scope,
            "opened_at": _stored(finding["opened_at"]),
            "closed_at": _stored(closed_at) if closed_at else None,
        }
        session.execute(ALERT.insert().values(alert))
        signal = finding["signal"]
        days = {name: date.fromisoformat(signal[name]) for name in ("since", "until")}
        ends = {name: finding[name] for name in ("closed_by", "close_words")}
        session.execute(ALERT_SIGNAL.insert().values(alert_id=row.id, **{**signal, **days}, **ends))


def _sealed(session: Session, place: tuple[str, str], said: object, length: int) -> bytes:
    packed = json.dumps(said, separators=(",", ":"), default=str, ensure_ascii=False).encode()
    if len(packed) > length:
        message = f"{place[0]}: {len(packed)} bytes do not fit"
        raise ValueError(message)
    return sealing.seal_bytes(session, *place, packed.ljust(length))


def _aware(moment: datetime) -> datetime:
    """SQLite keeps no zone: all instants are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _stored(said: str) -> datetime:
    """As the driver of this database takes it."""
    moment = datetime.fromisoformat(said).astimezone(UTC)
    return moment.replace(tzinfo=None) if op.get_bind().dialect.name == "sqlite" else moment


def _change_alert(*, with_agency: bool) -> None:
    """Alerts of sending are of no agency."""
    op.drop_index("uq_alert_open_rule_scope", table_name="alert")
    if not with_agency:
        op.drop_index("uq_alert_open_rule_agency_id_scope", table_name="alert")
        op.drop_index("ix_alert_agency_id", table_name="alert")
    rules = (*WATCHED, *OF_SENDING) if with_agency else OF_SENDING
    listed = ", ".join(repr(rule) for rule in rules)
    with op.batch_alter_table("alert", table_kwargs={"sqlite_with_rowid": False}) as batch_op:
        batch_op.drop_constraint(op.f("ck_alert_rule"), type_="check")
        batch_op.create_check_constraint(op.f("ck_alert_rule"), f"rule IN ({listed})")
        foreign = op.f("fk_alert_agency_id_agency")
        if with_agency:
            batch_op.add_column(sa.Column("agency_id", sa.Integer()))
            batch_op.create_foreign_key(foreign, "agency", ["agency_id"], ["id"])
        else:
            batch_op.drop_constraint(foreign, type_="foreignkey")
            batch_op.drop_column("agency_id")
    _index("uq_alert_open_rule_scope", ["rule", "scope"], " AND agency_id IS NULL" * with_agency)
    if with_agency:
        _index("uq_alert_open_rule_agency_id_scope", ["rule", "agency_id", "scope"])
        op.create_index("ix_alert_agency_id", "alert", ["agency_id"])


def _index(name: str, columns: list[str], more: str = "") -> None:
    is_open = sa.text(f"closed_at IS NULL{more}")
    where = {"sqlite_where": is_open, "postgresql_where": is_open}
    op.create_index(name, "alert", columns, unique=True, **where)


def _create_signals() -> None:
    op.create_table(
        "alert_signal",
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("since", DAY, nullable=False),
        sa.Column("until", DAY, nullable=False),
        sa.Column("expected", SHARE, nullable=False),
        sa.Column("seen", INTEGER, nullable=False),
        sa.Column("out_of", INTEGER, nullable=False),
        sa.Column("chance", SHARE, nullable=False),
        sa.Column("closed_by", INTEGER, nullable=True),
        sa.Column("close_words", sa.String(500), nullable=False),
        sa.CheckConstraint("chance >= 0", name=op.f("ck_alert_signal_chance")),
        sa.CheckConstraint("seen >= 0 AND seen <= out_of", name=op.f("ck_alert_signal_seen")),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.id"], name=op.f("fk_alert_signal_alert_id_alert")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["staff.id"], name=op.f("fk_alert_signal_closed_by_staff")
        ),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert_signal")),
    )
