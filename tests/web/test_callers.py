"""Who is taken for the caller, and how somebody who guesses links is answered."""

import pytest

from survey.web.misses import CALLERS_MOST, MISSES_A_MINUTE, Misses
from tests.conftest import run_command, unit_of_work
from tests.web.citizens import invite
from tests.web.staff_accounts import form_token

GUESSER = {"X-Forwarded-For": "203.0.113.7"}


def test_guessing_is_answered_shortly_and_refuses_no_valid_link(app):
    """After sixty unknown links a minute comes 429; valid links and other addresses go on."""
    with unit_of_work(app) as session:
        token = invite(session)
    client = app.test_client()
    answers = [client.get(f"/s/{n:012}", headers=GUESSER).status_code for n in range(60)]
    assert set(answers) == {404}
    refused = client.post("/s/000000000061", data={"overall": "5"}, headers=GUESSER)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert refused.headers["Referrer-Policy"] == "no-referrer"
    assert "Xin chờ ít phút" in refused.text
    sent = [
        client.post(f"/s/{token}", data={"overall": "4"}, headers=GUESSER).status_code
        for _ in range(200)
    ]
    assert set(sent) == {303}
    assert client.get(f"/s/{token}", headers=GUESSER).status_code == 200
    elsewhere = {"X-Forwarded-For": "203.0.113.8"}
    assert client.get("/s/000000000000", headers=elsewhere).status_code == 404


def test_misses_are_forgotten_after_a_minute_and_name_nobody():
    """A new minute starts at nought, memory is bounded, and no address stands in it."""
    misses = Misses()
    spoken = [misses.are_too_many("203.0.113.7", 100.0) for _ in range(MISSES_A_MINUTE + 1)]
    assert spoken == [False] * MISSES_A_MINUTE + [True]
    assert misses.are_too_many("203.0.113.7", 159.9)
    assert not misses.are_too_many("203.0.113.7", 160.0)
    for number in range(CALLERS_MOST + 5):
        assert not misses.are_too_many(f"caller {number}", 160.0)
    (held,) = [kept for kept in vars(misses).values() if isinstance(kept, dict)]
    assert len(held) == CALLERS_MOST
    assert {(type(key), len(key)) for key in held} == {(bytes, 32)}


def wrong_tries(app, peer, *told):
    """Statuses of eleven wrong sign-ins that a peer says came from these addresses in turn."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = peer
    form = {"csrf_token": form_token(client, "/login"), "password": "sai"}
    return [
        client.post(
            "/login",
            data={**form, "email": f"nguoi{n}@tinh.vn"},
            headers={"X-Forwarded-For": told[n % len(told)]},
        ).status_code
        for n in range(11)
    ]


OPEN, CLOSED = [401] * 11, [401] * 10 + [429]


@pytest.mark.parametrize(
    ("trusted", "peer", "told", "expected"),
    [
        ("", "127.0.0.1", [f"203.0.113.{n}" for n in range(11)], OPEN),
        ("", "10.0.0.5", [f"203.0.113.{n}" for n in range(11)], CLOSED),
        ("10.0.0.0/24", "10.0.0.5", [f"203.0.113.{n}" for n in range(11)], OPEN),
        ("10.0.0.5", "10.0.0.5", [f"198.51.100.{n}, 203.0.113.7" for n in range(11)], CLOSED),
        ("10.0.0.5 10.1.0.9", "10.0.0.5", [f"203.0.113.{n}, 10.1.0.9" for n in range(11)], OPEN),
        ("10.0.0.5", "10.0.0.5", ["2001:db8::1", "2001:db8::2"], CLOSED),
        ("10.0.0.5", "10.0.0.5", [f"2001:db8:0:{n}::1" for n in range(11)], OPEN),
        ("10.0.0.5", "10.0.0.5", ["", "unknown", "x" * 400], CLOSED),
    ],
)
def test_only_our_own_proxies_are_believed_about_the_caller(request, trusted, peer, told, expected):
    """Wrong tries count against the caller whom a trusted proxy names; what he says does not."""
    environment = request.getfixturevalue("sqlite_environment")
    environment["TRUSTED_PROXIES"] = trusted
    app = request.getfixturevalue("sqlite_app")
    assert wrong_tries(app, peer, *told) == expected


def test_a_proxy_that_is_no_address_is_named(sqlite_environment, request):
    """The command that checks settings says which is wrong and how an address looks."""
    sqlite_environment["TRUSTED_PROXIES"] = "10.0.0.5, proxy.tinh.vn"
    sqlite_environment["DEMO"] = "1"
    app = request.getfixturevalue("sqlite_app")
    checked = run_command(app, "check-config", "--json")
    assert (checked.code, "TRUSTED_PROXIES" in checked.out) == (1, True)
