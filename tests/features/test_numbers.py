"""Only mobile numbers of Viet Nam, from a dossier or from an incoming text, reach the provider."""

import random

from sqlalchemy import func, select

from survey.answers.conversation import receive
from survey.db import transaction
from survey.messages import outbox
from survey.messages.providers import InboundSms
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Decision
from survey.models.message import Message
from tests.conftest import run_command, unit_of_work
from tests.features.exports import row, write_csv
from tests.messages.gateway import NOW, WEEK, Gateway
from tests.seeding import Wanted, ask_everybody, finish

NUMBERS = 10_000
AREA_CODES = ("24", "28", "258", "299", "236")
ABROAD = ("+85512{:06d}", "+8613{:09d}", "+1202555{:04d}", "0044770090{:04d}", "+8210{:08d}")
PREMIUM = ("1900{:06d}", "1800{:06d}", "+841900{:06d}", "8{:03d}", "+8419001{:05d}", "067{:08d}")


def numbers(count, seed=1):
    """Foreign, landline, premium, short and special numbers, as clerks and strangers write them."""
    dice = random.Random(seed)
    for place in range(count):
        if place % 3 == 0:
            code = dice.choice(AREA_CODES)
            yield f"0{code}{dice.randrange(2, 9)}" + "".join(
                str(dice.randrange(10)) for _ in range(9 - len(code))
            )
        else:
            form = dice.choice(ABROAD if place % 3 == 1 else PREMIUM)
            yield form.format(dice.randrange(1000))


def test_ten_thousand_wrong_numbers_cause_no_call(sqlite_app, tmp_path):
    """No wrong number is passed to the provider, whether imported or texting itself, and each has a
    reason.
    """
    rows = [
        row(place, code=f"H32.15-260302-{place:05}", phone=number)
        for place, number in enumerate(numbers(NUMBERS), 1)
    ]
    path = write_csv(tmp_path / "export.csv", rows)
    now = "2026-03-20T08:00:00+07:00"
    ran = run_command(sqlite_app, "intake", "import", str(path), "--now", now, "--json")
    assert ran.json["accepted"] == NUMBERS
    gateway = Gateway()
    with sqlite_app.app_context():
        outbox.send_due(gateway, NOW)
        with transaction() as session:
            assert session.scalar(select(func.count()).select_from(Dossier)) == NUMBERS
            query = select(CoverageEntry.decision).distinct()
            assert set(session.scalars(query)) <= {
                *(Decision.FOREIGN, Decision.LANDLINE, Decision.BAD_PHONE, Decision.NO_PHONE)
            }
            for place, number in enumerate(numbers(300, seed=2)):
                words = ("TG", "TC", "GOI", "5", "Xin chao")[place % 5]
                receive(session, InboundSms("kannel", str(place), number, words), NOW)
        outbox.send_due(gateway, NOW)
    assert gateway.calls == 0


def test_the_last_gate(app):
    """A queued message to anything but a mobile number is not passed to the provider, even if it
    got past every other check.
    """
    gateway = Gateway()
    with unit_of_work(app) as session:
        ask_everybody(session)
        finish(session, [Wanted(1, phone="+842583822222")], NOW)
    with app.app_context():
        assert outbox.send_due(gateway, NOW + WEEK) == outbox.SendSummary(0, 0, 0, 0)
        with transaction() as session:
            message = session.scalars(select(Message)).one()
            assert (message.state, message.reason) == ("cancelled", "no_mobile")
            assert session.scalars(select(CoverageEntry.decision)).one() == Decision.BAD_PHONE
    assert gateway.calls == 0
