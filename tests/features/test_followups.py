"""Follow-up cards: created and unlinked at the invitation, destroyed at a closing if answered."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from survey import answers
from survey.answers import Submission
from survey.ballots import followups
from survey.models.followup import FollowupCard
from survey.models.province import Province
from survey.period import Month
from survey.privacy import retention
from tests.features.stolen import Web, dump
from tests.seeding import Wanted, ask_everybody, finish, links

ASKED = datetime(2026, 6, 10, 3, tzinfo=UTC)
CLOSING = datetime(2026, 6, 15, 3, tzinfo=UTC)
MONTH = Month("2026-05")
WANTED = [Wanted(number) for number in range(1, 41)]


@pytest.fixture
def asked(transact, runner, environment):
    """Forty citizens who were asked, half of them with a card: phone → token."""
    with transact() as session:
        ask_everybody(session)
        session.execute(update(Province).values(followup_percent=50))
        finish(session, WANTED, ASKED)
    assert runner("messages", "send-due", "--now", ASKED.isoformat()).code == 0
    return links(Path(environment["SMS_CONSOLE_FILE"]))


def test_a_seeded_share_of_invitations_has_a_card(asked, transact):
    """The setting's share of invitations has a card, the same ones at every draw, with the phone
    and the subject of the call.
    """
    with transact() as session:
        cards = list(followups.cards_of(session, MONTH).values())
    assert 8 <= len(cards) <= 32
    by_code = {one.code: one for one in WANTED}
    for card in cards:
        wanted = by_code[card.dossier_code]
        assert (card.phone_e164, card.secret) == (wanted.mobile, asked[wanted.mobile])
        assert (card.sector_code, card.channel, card.lateness) == ("land", "counter", "on_time")


def test_no_card_is_kept_where_the_share_is_nought(transact):
    """With a share of 0 no card is stored."""
    with transact() as session:
        ask_everybody(session)
        session.execute(update(Province).values(followup_percent=0))
        finish(session, WANTED, ASKED)
        assert session.scalar(select(func.count()).select_from(FollowupCard)) == 0


def test_a_card_leads_to_nobody_without_the_key(asked, transact):
    """No value, key or length of a card joins any other row of a stolen database."""
    assert asked
    with transact() as session:
        tables = dump(session)
        web = Web(session, tables)
        cards = tables["followup_card"]
        assert cards
        for row in cards:
            assert web.reach("followup_card", row) == {("followup_card", row["place"])}
        assert len({len(bytes(row["card_sealed"])) for row in cards}) == 1


def test_after_a_closing_only_the_silent_have_a_card(asked, transact, runner):
    """A closing destroys the cards of those who answered, and no others."""
    with transact() as session:
        before = {card.secret for card in followups.cards_of(session, MONTH).values()}
        answered = set(sorted(before)[::2])
        for token in answered:
            answers.submit(session, token, Submission(overall=4), ASKED + timedelta(hours=1))
    assert runner("index", "close", "--period", MONTH, "--now", CLOSING.isoformat()).code == 0
    with transact() as session:
        left = {card.secret for card in followups.cards_of(session, MONTH).values()}
    assert left == before - answered
    assert left


def test_cards_go_with_their_citizens_number(asked, transact):
    """Erasure on request removes a citizen's card, and retention removes all after the term of
    contact data.
    """
    assert asked
    with transact() as session:
        chosen = next(iter(followups.cards_of(session).values()))
        erased = retention.erase_phone(session, chosen.phone_e164, CLOSING)
        assert erased["followup_cards"] == 1
        left = followups.cards_of(session).values()
        assert left
        assert chosen.phone_e164 not in {card.phone_e164 for card in left}
        retention.erase_due(session, CLOSING + timedelta(days=120))
        assert not followups.cards_of(session)
