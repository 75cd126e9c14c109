"""Real sender processes that cost a fork each, so that killing forty of them is cheap.

`python -m tests.fault.senders RATE_OF_CLOCK LEASE_SECONDS SEES`: each line on stdin starts one and
answers with its process id; the end of stdin ends this process, not those.
"""

import os
import signal
import sys
from datetime import timedelta

from survey import create_app
from survey.clock import machine
from survey.db import db
from survey.jobs import sender
from survey.messages.providers import build_provider
from survey.settings import from_env


class Blind:
    """A provider that can be asked what it sent, and never shows anything."""

    def __init__(self, provider):
        self.name, self.abilities, self.send = (
            provider.name,
            provider.abilities,
            provider.send,
        )

    def list_sent(self, _recipient):
        """Nothing."""
        return []


def main(speed, lease, *, sees):
    """Fork a sender for each line."""
    begun = machine()
    settings = from_env()
    app = create_app(settings)
    provider = build_provider(settings)  # loads the client once for all
    if not sees:
        provider = Blind(provider)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def clock():
        return begun + (machine() - begun) * speed

    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            with app.app_context():
                db.engine.dispose(close=False)
                sender.run_forever(provider, clock, lease)
        print(child, flush=True)  # noqa: T201, the answer


if __name__ == "__main__":
    main(int(sys.argv[1]), timedelta(seconds=int(sys.argv[2])), sees=sys.argv[3] == "1")
