"""Links that citizens got by SMS, forms sent through them, and concurrent actions."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from survey import answers
from survey.answers import Submission
from survey.models.province import Province
from tests.conftest import run_command, unit_of_work
from tests.seeding import NOW, Wanted, ask_everybody, finish, links


def invite(app, number, *, asks_all=False):
    """The tokens that a number of citizens of one cell got by SMS; `asks_all`: with all six
    questions.
    """
    wanted = [Wanted(one) for one in range(1, number + 1)]
    with unit_of_work(app) as session:
        ask_everybody(session)
        if asks_all:
            session.scalars(select(Province)).one().full_percent = 100
        finish(session, wanted)
    assert run_command(app, "messages", "send-due", "--now", NOW.isoformat()).code == 0
    found = links(app.extensions["settings"].sms.console_file)
    return [found[one.mobile] for one in wanted]


def say(app, token, *, now=NOW, **said):
    """Send one form through a link."""
    with unit_of_work(app) as session:
        answers.submit(session, token, Submission(**said), now)


def at_once(*acts):
    """Run all actions at the same moment, each in its own thread; return their results."""
    gate = threading.Barrier(len(acts))

    def wait_and(act):
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as crowd:
        return list(crowd.map(wait_and, acts))
