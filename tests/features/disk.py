"""What a thief of the whole disk reads: a copy of the database's files with deleted bytes, the
transaction that wrote each row, and traces of reads.

On PostgreSQL the extension pageinspect shows these. The files are copied first, since reading
leaves traces of its own.
"""

import secrets
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import URL, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from survey.db import db
from tests.features.stolen import LONG_ENOUGH, Row, Tables, Web, dump

PAGE_BYTES = 8192
# Every page of every table, of its index, and of its TOAST table (values too long for a row).
PAGES = text("""
    SELECT name, get_raw_page(relation, page::int)
    FROM (SELECT oid, relname AS name, oid::regclass::text AS relation
          FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
          UNION ALL
          SELECT toast.oid, 'TOAST of ' || owner.relname, toast.oid::regclass::text
          FROM pg_class owner JOIN pg_class toast ON toast.oid = owner.reltoastrelid
          WHERE owner.relnamespace = 'public'::regnamespace) AS known,
         generate_series(0, pg_relation_size(oid) / 8192 - 1) AS page
    ORDER BY name, page""")
# Every tuple: its place, who wrote it, who removed or locked it, hint bits, place in the page.
TUPLES = text("""
    SELECT relname, '(' || page || ',' || lp || ')' AS ctid, t_xmin::text::bigint AS xmin,
           t_xmax::text::bigint AS xmax, t_infomask AS hints, t_infomask2 AS more_hints, lp_off
    FROM pg_class, generate_series(0, pg_relation_size(oid) / 8192 - 1) AS page,
         heap_page_items(get_raw_page(oid::regclass::text, page::int))
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND t_xmin IS NOT NULL""")


@dataclass(frozen=True)
class Disk:
    """One stolen copy: rows (on PostgreSQL with their tuple headers), the number of dead tuples of
    each table, and all bytes of every table, index and TOAST table.
    """

    web: Web
    dead: Mapping[str, int]
    files: Mapping[str, bytes]

    @property
    def tables(self) -> Tables:
        """The rows."""
        return self.web.tables

    def behind(self, name: str, row: Row, width: int) -> set[bytes]:
        """The bytes after the beginning of a row, wherever that beginning is in the files of its
        table, deleted or not: the rest of the row, `width` bytes each; for tables of texts and
        numbers.
        """
        content, beginning = self.files[name], _packed(row)[:-width]
        found, place = set(), content.find(beginning)
        while place >= 0:
            end = place + len(beginning)
            found.add(content[end : end + width])
            place = content.find(beginning, end)
        return found


def _packed(row: Row) -> bytes:
    """A row as PostgreSQL stores it: short texts after their length, numbers aligned to 4 bytes."""
    packed = b""
    for value in row.values():
        if isinstance(value, str):
            packed += bytes([2 * len(value.encode()) + 3]) + value.encode()
        else:
            packed = packed.ljust(-(-len(packed) // 4) * 4, b"\0") + value.to_bytes(4, "little")
    return packed


def places(files: Mapping[str, bytes], values: Mapping[Any, bytes]) -> dict[str, dict[Any, int]]:
    """Where each key's value is in each file, deleted or not: how many times, the first and the
    last position, and the position within the page of the last.
    """
    found: dict[str, dict[Any, int]] = defaultdict(dict)
    for name, content in files.items():
        known = _places(content, values)
        for key in values if known else ():
            found[f"times in {name}"][key] = len(known[key])
            if known[key]:
                found[f"first in {name}"][key] = known[key][0]
                found[f"last in {name}"][key] = known[key][-1]
                found[f"place in page of {name}"][key] = known[key][-1] % PAGE_BYTES
    return found


def _places(content: bytes, values: Mapping[Any, bytes]) -> defaultdict[Any, list[int]]:
    """Key → every position of its value; one search finds all values."""
    beginnings = defaultdict(list)
    for key, value in values.items():
        beginnings[value[:LONG_ENOUGH]].append((key, value))
    found = defaultdict(list)
    for place in range(len(content)):
        for key, value in beginnings.get(content[place : place + LONG_ENOUGH], ()):
            if content.startswith(value, place):
                found[key].append(place)
    return found


def steal(app: Flask, folder: Path) -> Disk:
    """The disk as it is now; nobody may use the database meanwhile."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
        url = db.engine.url
    name = f"stolen_{secrets.token_hex(8)}"
    if url.get_backend_name() == "sqlite":
        file = folder / name
        shutil.copyfile(url.database, file)
        with _opened(url.set(database=str(file))) as session:
            return Disk(Web(session, dump(session)), {}, {"the file": file.read_bytes()})
    server = url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(
        server.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{url.database}" STRATEGY FILE_COPY')
        try:
            with _opened(url.set(database=name)) as session:
                return _read(session)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _opened(url: URL) -> Session:
    return Session(create_engine(url, poolclass=NullPool, execution_options={"writing": True}))


def _read(session: Session) -> Disk:
    """Read the pages, then the rows, since reading rows leaves traces on the pages."""
    session.execute(text("CREATE EXTENSION pageinspect"))
    files: dict[str, bytes] = defaultdict(bytes)
    for name, page in session.execute(PAGES):
        files[name] += bytes(page)
    tuples: dict[str, dict[str, Row]] = defaultdict(dict)
    for one in session.execute(TUPLES).mappings():
        header = dict(one)
        tuples[header.pop("relname")][header.pop("ctid")] = header
    tables = {
        name: [{**row, **tuples[name].pop(row["ctid"])} for row in rows]
        for name, rows in dump(session, with_ctid=True).items()
    }
    dead = {name: len(rest) for name, rest in tuples.items()}
    return Disk(Web(session, tables), dead, files)
