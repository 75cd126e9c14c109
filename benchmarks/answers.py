"""Whole answers a second: open the page, post the tap; 8 clients against 2 gunicorn workers."""

import random
import socket
import statistics
import threading
import time
from pathlib import Path

from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import Installation, free_port, served

CLIENTS = 8
# Short turns, so that a slow moment of the machine meets both.
SECONDS = 2.0
ROUNDS = 9
# Both workers have loaded everything by then: starting is not what is measured.
WARM_UP_SECONDS = 5.0
DOSSIERS = 16_000
RATINGS, SHARES = (1, 2, 3, 4, 5), (2, 3, 10, 35, 50)


def measure(folder: Path) -> list[Figure]:
    """Answers a second against the bare application: both are up and take turns, medians count."""
    ours = Installation(folder / "answers")
    export = ours.folder / "export.csv"
    write_export(export, DOSSIERS)
    ours.command("intake", "import", str(export))
    while True:
        before = len(ours.tokens()) if ours.messages.exists() else 0
        ours.command("messages", "send-due")
        tokens = ours.tokens()
        if len(tokens) == before:
            break
    floor_port = free_port()
    floor = f"benchmarks.floor_app:make({str(folder / 'floor.db')!r})"
    share = len(tokens) // ROUNDS
    rates: dict[str, list[float]] = {"ours": [], "floor": []}
    with (
        served("survey:create_app()", ours.environment, ours.port),
        served(floor, ours.environment, floor_port),
    ):
        warm_up(ours.port, tokens[-1])
        warm_up(floor_port, tokens[-1])
        for turn in range(ROUNDS):
            mine = tokens[turn * share : (turn + 1) * share]
            rates["ours"].append(answers_a_second(ours.port, mine))
            rates["floor"].append(answers_a_second(floor_port, mine))
    mid = {name: statistics.median(values) for name, values in rates.items()}
    name = "bare Flask: render a page, insert a row"
    return [Figure("answers", "answers/s", mid["ours"], mid["floor"], name, at_least=0.6)]


def answers_a_second(port: int, tokens: list[str]) -> float:
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

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
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
