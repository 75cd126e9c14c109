"""Real worker processes that cost a fork each, so that killing forty of them is cheap.

`python -m tests.fault.workers RATE_OF_CLOCK LEASE_SECONDS FENCED`: each line on stdin starts one
and answers with its process id; the end of stdin ends this process, not those.
"""

import os
import signal
import sys
from dataclasses import replace
from datetime import datetime

from survey import create_app
from survey.clock import machine
from survey.db import db
from survey.jobs import worker
from survey.settings import from_env
from survey.sms.providers import build_provider


def main(speed: int, lease_seconds: int, is_fenced: bool) -> None:  # noqa: FBT001
    """Fork a worker for each line."""
    begun = machine()
    settings = from_env()
    sms = replace(settings.sms, lease_seconds=lease_seconds, is_fenced=is_fenced)
    app = create_app(replace(settings, sms=sms))
    build_provider(settings)  # loads the client once for all
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def clock() -> datetime:
        return begun + (machine() - begun) * speed

    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            with app.app_context():
                db.engine.dispose(close=False)
                worker.run_forever(clock)
        print(child, flush=True)  # noqa: T201, the answer


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1")
