"""Real senders and workers of the product that cost a fork each, so that killing many is cheap.

`python -m tests.fault.processes`: each line on stdin, "sender" or "worker", starts one and answers
with its process id; it leads a group of its own, to which the children that do jobs belong. The end
of stdin ends this process, not those.
"""

import os
import signal
import sys
from datetime import timedelta

from survey import create_app
from survey.clock import machine
from survey.db import db
from survey.jobs import running, sender, worker
from survey.messages.providers import build_provider
from survey.settings import from_env

# A message that a dead sender held is free again so soon.
LEASE = timedelta(seconds=10)


def main():
    """Fork a process for each line."""
    settings = from_env()
    app = create_app(settings)
    provider = build_provider(settings)
    kinds = {
        "sender": lambda: sender.run_forever(provider, machine, LEASE),
        "worker": lambda: worker.run_forever(machine),
    }
    # Loaded once for all the children that do jobs.
    assert running.run_due
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with app.app_context():
                db.engine.dispose(close=False)
                kinds[line.strip()]()
        print(child, flush=True)  # noqa: T201, the answer


if __name__ == "__main__":
    main()
