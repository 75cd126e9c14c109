"""Citizens who answer over HTTP while processes die, and remember what the server confirmed."""

import http.client
import random
import threading
from dataclasses import dataclass, field
from urllib.parse import urlencode

ANSWERS_OF_A_LINK = 3
REQUEST_SECONDS = 30
# Until a killed web worker is replaced.
PAUSE_SECONDS = 0.05


@dataclass
class Told:
    """What one citizen was told: the last rating that was confirmed, and what was sent since
    without an answer from the server.
    """

    confirmed: int = 0
    unclear: list[int] = field(default_factory=list)
    # Its requests come one after the other.
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def may_hold(self):
        """Ratings that the ballot may hold; 0 stands for none."""
        return {self.confirmed, *self.unclear}


class Citizens:
    """Threads that answer each link some times, one after the other."""

    def __init__(self, port, threads):
        self.port = port
        self.told = {}
        self.odd = []
        self._waiting = []
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._answer, args=(n,)) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def invite(self, tokens):
        """More links that may be answered; known ones are passed over."""
        with self._lock:
            fresh = [token for token in tokens if token not in self.told]
            self.told.update({token: Told() for token in fresh})
            self._waiting += fresh * ANSWERS_OF_A_LINK

    def finish(self):
        """Let nobody begin anew, and wait for what is under way."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def confirmed(self):
        """How many links have a confirmed answer."""
        return sum(one.confirmed > 0 for one in self.told.values())

    def _answer(self, number):
        dice = random.Random(number)
        while not self._is_over.is_set():
            with self._lock:
                token = self._waiting.pop(0) if self._waiting else None
                told = self.told.get(token)
            if token is None:
                self._is_over.wait(PAUSE_SECONDS)
                continue
            with told.lock:
                self._try(token, told, dice.choice((1, 2, 3, 4, 5)))

    def _try(self, token, told, rating):
        told.unclear.append(rating)
        try:
            status = self._post(token, rating)
        except (OSError, http.client.HTTPException):  # whoever served it was killed
            self._is_over.wait(PAUSE_SECONDS)
            return
        if status == http.client.SEE_OTHER:
            told.confirmed, told.unclear = rating, []
        elif status < http.client.INTERNAL_SERVER_ERROR:
            self.odd.append(status)

    def _post(self, token, rating):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
        try:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode({"overall": rating})
            connection.request("POST", f"/s/{token}", body, form)
            return connection.getresponse().status
        finally:
            connection.close()
