"""A Twilio that goes wrong in every way at once, and the phones behind it."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
from twilio.request_validator import RequestValidator

from tests.clocks import PATIENCE
from tests.messages.fake_twilio import FINE, FakeTwilio, Trouble

TOKEN = "t" * 32
# How often in a hundred creates each thing happens; the others go well.
FAULTS = {
    "dropped": (Trouble(drop=True), 4),
    "taken, then dropped": (Trouble(made=True, drop=True), 6),
    "taken after the line was lost": (Trouble(drop=True, late=1.5), 5),
    "502 after taking": (Trouble(502, made=True), 4),
    "503": (Trouble(503), 3),
    "429": (Trouble(429, code=20429), 1),
    "reset": (Trouble(reset=True), 2),
    "taken, then reset": (Trouble(made=True, reset=True), 2),
    "taken, nonsense answered": (Trouble(201, body="<html>Xin lỗi</html>", made=True), 2),
    "taken, half an answer": (Trouble(201, body='{"sid": "SM', made=True), 1),
}
LATENCY = 0.2
# Only after so many seconds a message stands in the list; a first look, 5 s after the call, can
# miss it, a second one, 10 s after it, cannot: with a longer lag no sender could be sure.
LAG = 6
LISTING_FAILS = 0.1
# Receipts: some get lost, some come twice.
RECEIPT_LOST, RECEIPT_TWICE = 0.5, 0.2
# One call in so many is held against Twilio's contract: it is all of them in tests/messages.
CHECKED = 20


@dataclass
class HostileTwilio(FakeTwilio):
    """Its log is `messages`; `handset` is what the phones got: (number, text, name)."""

    seed: int = 0
    handset: list[tuple[str, str, str]] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.lock = threading.Lock()
        self.listed_from: dict[str, float] = {}
        self.deck: list[str] = []
        self.postmen = ThreadPoolExecutor(4)

    def next_trouble(self) -> Trouble:
        """The next card of a deck of a hundred; all calls take their time."""
        time.sleep(self.dice.uniform(0.5, 1.5) * LATENCY)
        with self.lock:
            if not self.deck:
                self.deck = [name for name, (_, often) in FAULTS.items() for _ in range(often)]
                self.deck += [""] * (100 - len(self.deck))
                self.dice.shuffle(self.deck)
            name = self.deck.pop()
            if not name:
                return FINE
            self.hits[name] += 1
            return FAULTS[name][0]

    def create(self, form: dict[str, str]) -> dict[str, object]:
        """Make a message, bring it to its phone, and tell of it or not."""
        with self.lock:
            message = super().create(form)
            sid = str(message["sid"])
            is_late = isinstance(threading.current_thread(), threading.Timer)
            lag = 0 if is_late else self.dice.uniform(0, LAG)
            self.listed_from[sid] = time.monotonic() + lag
            self.handset.append((form["To"], form["Body"], sid))
            fate = self.dice.random()
        times = 0 if fate < RECEIPT_LOST else 2 if fate > 1 - RECEIPT_TWICE else 1
        for _ in range(times):
            self.postmen.submit(self._tell, form["StatusCallback"], sid)
        self.hits[f"receipts: {times}"] += 1
        return message

    def _tell(self, address: str, sid: str) -> None:
        fields = {"MessageSid": sid, "MessageStatus": "delivered"}
        signature = RequestValidator(TOKEN).compute_signature(address, fields)
        answer = requests.post(
            address, fields, headers={"X-Twilio-Signature": signature}, timeout=PATIENCE
        )
        self.hits[f"receipts answered {answer.status_code}"] += 1

    def settle(self) -> None:
        """Wait until what is made late is made, and every receipt was brought."""
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()
        self.postmen.shutdown()

    def is_listing_down(self) -> bool:
        """Now and then."""
        with self.lock:
            is_down = self.dice.random() < LISTING_FAILS
            self.hits["listing fails"] += is_down
            return is_down

    def listed(self, to: str) -> dict[str, object]:
        """The list lags."""
        now = time.monotonic()
        with self.lock:
            listed = super().listed(to)
            every = listed["messages"]
            shown = [one for one in every if now >= self.listed_from[str(one["sid"])]]
            self.hits["listing lags"] += len(every) - len(shown)
            return {**listed, "messages": shown, "end": len(shown)}

    def check(self, check: Callable[[], object], what: str) -> None:
        """Hold some calls against the contract."""
        if self.dice.randrange(CHECKED) == 0:
            super().check(check, what)
