"""Whole answers a second on both databases: open the page, post the tap, 8 and 32 clients against
2 gunicorn workers, with 100,000 ballots already in the month.
"""

import random
import socket
import statistics
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.databases import Engine, engines
from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.filling import fill_pool
from benchmarks.ground import Installation, free_port, served
from survey import create_app
from survey.db import transaction
from survey.jobs import counting
from survey.settings import from_env

CLIENTS = (8, 32)
# Short turns, so that a slow moment of the machine meets both.
SECONDS = 2.0
ROUNDS = 10
# Both workers have loaded everything by then: starting is not what is measured.
WARM_UP_SECONDS = 5.0
DOSSIERS = 40_000
IN_THE_MONTH = 100_000
ENDS = 3
JOURNAL_LIMIT_KB = 5.0
RATINGS, SHARES = (1, 2, 3, 4, 5), (2, 3, 10, 35, 50)
# Content ones need neither comment nor case.
CONTENT = (4, 5)


def measure(folder: Path) -> list[Figure]:
    """Answers a second against the bare application: both are up and take turns, medians count."""
    with engines() as found:
        return [figure for engine in found for figure in _measure(folder, engine)]


def _measure(folder: Path, engine: Engine) -> list[Figure]:
    ours, tokens = prepared(folder, engine)
    floor_port = free_port()
    floor = f"benchmarks.floor_app:make({engine.fresh(folder, 'floor')!r})"
    share = len(tokens) // (len(CLIENTS) * ROUNDS + 1)
    work = [tokens[start : start + share] for start in range(0, len(tokens), share)]
    figures = []
    with (
        served("survey:create_app()", ours.environment, ours.port),
        served(floor, ours.environment, floor_port),
    ):
        warm_up(ours.port, tokens[-1])
        warm_up(floor_port, tokens[-1])
        if engine.server:
            figures.append(journal(ours, work.pop()))
        for clients in CLIENTS:
            turns = [work.pop() for _ in range(ROUNDS)]
            rates = [
                (
                    answers_a_second(ours.port, turn, clients),
                    answers_a_second(floor_port, turn, clients),
                )
                for turn in turns
            ]
            figures += _rated(f"{clients} clients, {engine.name}", rates)
    return figures


def _rated(name: str, rates: list[tuple[float, float]]) -> list[Figure]:
    """The rate, and how the last turns compare with the first ones, each beside its floor."""
    mine, floor = (statistics.median(column) for column in zip(*rates, strict=True))
    beside = [one / other for one, other in rates]
    first, last = statistics.median(beside[:ENDS]), statistics.median(beside[-ENDS:])
    bare = "bare Flask: render a page, insert a row"
    return [
        Figure(f"answers, {name}", "answers/s", mine, floor, bare, at_least=0.6),
        Figure(f"answers, end of run, {name}", "of floor", last, first, "its start", at_least=0.9),
    ]


def prepared(folder: Path, engine: Engine) -> tuple[Installation, list[str]]:
    """An installation with a full month, and the tokens of links that are open."""
    url = engine.fresh(folder, "answers")
    ours = Installation(folder / f"answers-{engine.name}", {"DATABASE_URL": url})
    export = ours.folder / "export.csv"
    write_export(export, DOSSIERS)
    ours.command("intake", "import", str(export))
    sent = -1
    while (before := sent) < (sent := len(ours.tokens() if ours.messages.exists() else ())):
        ours.command("messages", "send-due")
        if before == sent:
            break
    app = create_app(from_env(ours.environment))
    with app.app_context(), transaction() as session:
        fill_pool(session, IN_THE_MONTH)
        counting.count(session, datetime.now(UTC))
    return ours, ours.tokens()


def journal(ours: Installation, tokens: list[str]) -> Figure:
    """Bytes of write-ahead log an answer, without full-page images, which are printed beside."""
    address = ours.environment["DATABASE_URL"].replace("postgresql+psycopg:", "postgresql:")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        connection.execute("CHECKPOINT")
        begin = _position(connection)
        for token in tokens:
            exchange(ours.port, tap_request(token, random.Random(token).choice(CONTENT)), b" 303 ")
        records, images = _written(connection, begin, _position(connection))
    beside = f"limit; full-page images {images / len(tokens) / 1000:.1f} kB besides"
    return Figure(
        "journal an answer", "kB", records / len(tokens) / 1000, JOURNAL_LIMIT_KB, beside, at_most=1
    )


def _position(connection: psycopg.Connection) -> str:
    """How far the write-ahead log has been flushed."""
    ((position,),) = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchall()
    return str(position)


def _written(connection: psycopg.Connection, begin: str, end: str) -> tuple[int, int]:
    """Bytes of write-ahead log records between two positions, and of full-page images in them."""
    query = "SELECT sum(record_length - fpi_length), sum(fpi_length) FROM "
    query += "pg_get_wal_records_info(%s, %s)"
    ((records, images),) = connection.execute(query, (begin, end)).fetchall()
    return int(records), int(images)


def answers_a_second(port: int, tokens: list[str], how_many: int) -> float:
    """Rate over `SECONDS` of clients that each take the next token as soon as they are done."""
    draw = random.Random(port)
    work = iter([(token, draw.choices(RATINGS, SHARES)[0]) for token in tokens])
    lock = threading.Lock()
    done = 0
    started = time.perf_counter()

    def client() -> None:
        nonlocal done
        while time.perf_counter() - started < SECONDS:
            with lock:
                token, rating = next(work, ("", 0))
            if not token:
                return
            exchange(port, page_request(token), b" 200 ")
            exchange(port, tap_request(token, rating), b" 303 ")
            with lock:
                done += 1

    clients = [threading.Thread(target=client) for _ in range(how_many)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return done / (time.perf_counter() - started)


def warm_up(port: int, token: str) -> None:
    """Open a page until both workers have surely served some."""
    until = time.perf_counter() + WARM_UP_SECONDS
    while time.perf_counter() < until:
        exchange(port, page_request(token), b" 200 ")


def page_request(token: str) -> bytes:
    """Opening the link."""
    return f"GET /s/{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def tap_request(token: str, rating: int) -> bytes:
    """Tapping one of the five buttons."""
    body = f"overall={rating}"
    return (
        f"POST /s/{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def exchange(port: int, request: bytes, status: bytes) -> bytes:
    """One request on a connection of its own; another status than `status` ends the benchmark."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(request)
        parts = []
        while part := wire.recv(65536):
            parts.append(part)
    answer = b"".join(parts)
    if status not in answer[:20]:
        message = f"expected{status.decode()}but got {answer[:200]!r}"
        raise RuntimeError(message)
    return answer
