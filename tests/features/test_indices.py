"""Indices: figures against the targets in force, closed once, recounted from the ballots."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import analysis
from survey import answers, indices
from survey.answers import Submission
from survey.errors import Refused
from survey.models.count import Cell, Count, count_finished
from survey.models.organisation import Agency, Procedure
from survey.models.province import Province
from survey.models.snapshot import Snapshot
from survey.period import Month
from tests import ballots
from tests.conftest import Ran
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
MONTH = Month("2026-05")
WARD = "LOC-KH-W22366"
LAND, COPY, HEALTH = "1.012784", "2.000815", "1.014092"
CLOSING = "2026-06-15T08:00:00+07:00"
NOW_CLOSED = datetime(2026, 6, 15, 1, tzinfo=UTC)
FIELDS = {
    "key", "label", "finished", "rated", "satisfied", "raw", "index", "low", "high", "mean",
    "response_rate", "missing_low", "missing_high", "target", "verdict", "needed", "provisional",
}  # fmt: skip


def fill(  # noqa: PLR0913 - a cell has that many parts
    session: Session,
    procedure: str,
    finished: int,
    ratings: tuple[int, int, int, int, int],
    *,
    month: str = MONTH,
    lateness: str = "on_time",
    channel: str = "counter",
) -> None:
    """Count dossiers of the ward in one cell, all invited, and ballots of some of them."""
    agency = session.scalars(select(Agency.id).where(Agency.code == WARD)).one()
    sector = session.scalars(select(Procedure.sector_code).where(Procedure.code == procedure)).one()
    cell = Cell(agency, sector, month, channel, lateness)
    count_finished(session, {(cell, procedure): finished}, {cell: finished})
    ballots.rate(session, cell, dict(enumerate(ratings, start=1)), procedure=procedure)


def show(runner: Runner, by: str, *words: str, month: str = MONTH) -> dict[str, dict[str, object]]:
    """The lines of `index show` by key."""
    found = runner("index", "show", "--period", month, "--by", by, "--json", *words)
    assert found.code == 0, found.err
    assert all(set(line) == FIELDS for line in found.json)
    return {line["key"]: line for line in found.json}


def test_every_breakdown_shows_the_same_answers(transact: Transact, runner: Runner) -> None:
    """Overall, sectors, agencies, procedures and channels are breakdowns of the same counts."""
    with transact() as session:
        fill(session, LAND, 40, (1, 1, 2, 8, 8))
        fill(session, COPY, 10, (0, 0, 0, 0, 5), channel="online", lateness="late")
    (whole,) = show(runner, "overall").values()
    assert (whole["finished"], whole["rated"], whole["satisfied"]) == (50, 25, 21)
    assert whole["raw"] == 21 / 25
    assert whole["index"] == pytest.approx(40 / 50 * 16 / 20 + 10 / 50 * 5 / 5)
    assert whole["mean"] == pytest.approx((1 + 2 + 6 + 32 + 65) / 25)
    assert whole["response_rate"] == 0.5
    assert (whole["missing_low"], whole["missing_high"]) == (21 / 50, 46 / 50)
    assert whole["low"] < whole["index"] < whole["high"]
    for by, keys in {
        "sector": {"land", "justice"},
        "agency": {WARD},
        "procedure": {LAND, COPY},
        "channel": {"counter", "online"},
    }.items():
        lines = show(runner, by)
        assert set(lines) == keys
        assert sum(line["rated"] for line in lines.values()) == 25
        assert sum(line["finished"] for line in lines.values()) == 50


LADDER = {
    Month("2025-12"): (0.85, 0.90, 0.90),
    Month("2026-01"): (0.90, 0.95, 0.95),
    Month("2020-06"): (None, None, 0.80),
    Month("2018-06"): (None, None, None),
}


@pytest.mark.parametrize("month", LADDER)
def test_the_target_in_force(transact: Transact, runner: Runner, month: str) -> None:
    """Each scope has the target whose years include the month; health procedures have the general
    one.
    """
    land, general, agency = LADDER[month]
    with transact() as session:
        for procedure in (LAND, COPY, HEALTH):
            fill(session, procedure, 5, (0, 0, 0, 1, 1), month=month)
    sectors = show(runner, "sector", month=month)
    assert sectors["land"]["target"] == land
    assert {sectors["justice"]["target"], sectors["health"]["target"]} == {general}
    assert show(runner, "procedure", month=month)[HEALTH]["target"] == general
    assert show(runner, "channel", month=month)["counter"]["target"] == general
    assert show(runner, "agency", month=month)[WARD]["target"] == agency
    with transact() as session:
        (line,) = indices.show(session, month, "agency", datetime(2026, 6, 1, tzinfo=UTC))
        assert line.target_is_default is (month >= "2021")


def test_a_verdict_only_after_closing_and_by_the_shown_bounds(
    transact: Transact, runner: Runner
) -> None:
    """An open month has no verdict; that of a closed one follows from interval and target."""
    with transact() as session:
        fill(session, LAND, 1000, (0, 0, 10, 200, 290))
        fill(session, COPY, 1000, (100, 50, 50, 100, 200))
        fill(session, HEALTH, 40, (0, 0, 1, 4, 15))
    live = show(runner, "sector")
    assert {line["verdict"] for line in live.values()} == {None}
    assert all(line["provisional"] for line in live.values())
    assert runner("index", "close", "--period", MONTH, "--now", CLOSING).code == 0
    closed = show(runner, "sector")
    assert {key: line["verdict"] for key, line in closed.items()} == {
        "land": "met",
        "justice": "not_met",
        "health": "uncertain",
    }
    assert closed["land"]["low"] >= 0.90 > closed["justice"]["high"]
    assert closed["health"]["low"] < 0.95 < closed["health"]["high"]
    assert closed["health"]["needed"] > 0
    assert not any(line["provisional"] for line in closed.values())


def test_people_read_a_closed_line_without_a_target_as_what_it_is(
    transact: Transact, runner: Runner
) -> None:
    """Only an open month is called provisional, also for a line without a target, and digits are
    grouped.
    """
    month, closing = Month("2018-06"), "2018-07-15T08:00:00+07:00"
    with transact() as session:
        fill(session, LAND, 5000, (0, 0, 10, 200, 1290), month=month)
    asked = ("index", "show", "--period", month, "--by", "overall")
    assert runner(*asked, "--now", "2018-07-01").out.endswith("mục tiêu – · tạm tính\n")
    assert runner("index", "close", "--period", month, "--now", closing).code == 0
    (line,) = runner(*asked, "--now", closing).out.splitlines()
    assert line.endswith(" · n = 1.500/5.000 · mục tiêu – · –")
    assert line.startswith("Toàn tỉnh: 99,3 (98,")


def test_a_month_is_closed_once(transact: Transact, runner: Runner) -> None:
    """A month cannot be closed before day 15; closing again returns the first snapshot, whose
    payload verifies.
    """
    with transact() as session:
        fill(session, LAND, 20, (0, 0, 0, 1, 1))
    early = runner("index", "close", "--period", MONTH, "--now", "2026-06-14T23:59+07:00")
    assert early.code == 2
    assert "15/06/2026" in early.err
    first = runner("index", "close", "--period", MONTH, "--now", CLOSING, "--json").json
    with transact() as session:
        fill(session, LAND, 0, (9, 0, 0, 0, 0))
    again = runner("index", "close", "--period", MONTH, "--now", "2026-07-01", "--json").json
    assert again == first
    assert show(runner, "overall")["overall"]["rated"] == 2
    assert show(runner, "overall", "--revised")["overall"]["rated"] == 11
    with transact() as session:
        assert indices.rules_of(session, MONTH) == indices.rules_of(session, MONTH)
        closing = indices.first(session, MONTH)
        content, other = closing.payload_sealed, closing.payload + " "
        closing.payload = other
        broken = (content[:-1] + bytes([content[-1] ^ 1]), closing.payload_sealed)
    for sealed in broken:
        with transact() as session:
            session.execute(update(Snapshot).values(payload_sealed=sealed))
        with transact() as session, pytest.raises(Refused, match="snapshot_broken"):
            indices.payload_of(indices.first(session, MONTH))
        with transact() as session, pytest.raises(Refused, match="snapshot_broken"):
            indices.rules_of(session, MONTH)  # though it was read before


def test_late_citizens_who_answer_less_count_as_their_dossiers_do(
    transact: Transact, runner: Runner
) -> None:
    """The index weights late and timely dossiers by their number of finished ones
    (post-stratification); raw share and mean stay unweighted.
    """
    with transact() as session:
        fill(session, LAND, 100, (0, 0, 0, 30, 29))
        fill(session, LAND, 100, (12, 0, 0, 4, 4), lateness="late")
        count_factors(session)
    assert runner("index", "close", "--period", MONTH, "--now", CLOSING).code == 0
    (line,) = show(runner, "agency").values()
    assert line["raw"] == 68 / 80
    assert line["index"] == pytest.approx((1.0 + 0.4) / 2)
    assert line["low"] < 0.7 < line["high"] < line["raw"]
    with transact() as session:
        (kept,) = indices.show(session, MONTH, "agency", datetime(2026, 7, 1, tzinfo=UTC))
    assert (kept.sipas, kept.sipas_rated) == (3 / 5, 5)


def count_factors(session: Session) -> None:
    """One full questionnaire in the ward: very satisfied, with three of the five factors."""
    agency = session.scalars(select(Agency.id).where(Agency.code == WARD)).one()
    cell = Cell(agency, "land", MONTH, "counter", "on_time")
    factors = dict(zip(ballots.FACTORS, (5, 4, 4, 3, 1), strict=True))
    ballots.put(session, cell, {"overall": 5, **factors}, procedure=LAND)
    ballots.count(session)


def test_an_open_month_shows_the_interval_that_may_be_watched(
    transact: Transact, runner: Runner
) -> None:
    """The interval of an open month is a confidence sequence, wider than the interval at closing;
    in one cell it is the sequence of its counts.
    """
    with transact() as session:
        fill(session, LAND, 1000, (0, 0, 40, 100, 260))
        fill(session, COPY, 6, (3, 2, 0, 0, 0))
        few = indices.show(session, MONTH, "sector", NOW_CLOSED)[0]
        assert (few.key, few.status, few.needed) == ("justice", indices.Status.FEW, 1)
    live = show(runner, "sector")["land"]
    sequence = analysis.confidence_sequence(360, 400, 1000, 0.95)
    assert (live["low"], live["high"]) == (sequence.low, sequence.high)
    runner("index", "close", "--period", MONTH, "--now", CLOSING)
    found = show(runner, "sector")
    closed = found["land"]
    assert found["justice"]["verdict"] == "uncertain"
    assert live["low"] < closed["low"] < closed["high"] < live["high"]


def test_the_province_decides_how_sure_and_from_how_many(
    transact: Transact, runner: Runner
) -> None:
    """Confidence and least number of ratings are settings; if all answered neither matters, and a
    closed month keeps its own.
    """
    with transact() as session:
        fill(session, LAND, 100, (0, 0, 0, 10, 19))
        fill(session, COPY, 20, (1, 0, 0, 9, 10))
        fill(session, HEALTH, 600, (0, 0, 16, 150, 250))
    closed = indices_closed(runner)
    assert closed["land"]["verdict"] == "uncertain"
    assert (closed["land"]["needed"], closed["justice"]["verdict"]) == (1, "met")
    assert closed["health"]["verdict"] == "uncertain"
    with transact() as session:
        province = session.scalars(select(Province)).one()
        province.confidence_percent, province.verdict_from = 90, 25
        with_few = indices.show(session, MONTH, "sector", NOW_CLOSED, revised=True)
    assert {one.verdict for one in with_few} == {"met"}
    assert indices_closed(runner) == closed


def indices_closed(runner: Runner) -> dict[str, dict[str, object]]:
    """The sectors of the closed month."""
    assert runner("index", "close", "--period", MONTH, "--now", CLOSING).code == 0
    return show(runner, "sector")


@pytest.mark.parametrize(
    ("month", "ratings", "limits", "broken"),
    [
        (Month("2026-05"), (9, 8, 4, 10, 9), {0.05, 0.8}, {("late", True), ("index", True)}),
        (Month("2026-05"), (0, 0, 11, 15, 15), {0.05, 0.8}, {("late", True), ("index", False)}),
        (Month("2026-05"), (0, 4, 4, 8, 8), {0.05, 0.8}, {("late", True), ("index", False)}),
        (Month("2019-05"), (9, 8, 4, 10, 9), {0.1}, set()),
    ],
)
def test_bars_of_the_year(
    transact: Transact,
    month: str,
    ratings: tuple[int, int, int, int, int],
    limits: set[float],
    broken: set[tuple[str, bool]],
) -> None:
    """Since 2022 a share of 5 % late or an index below 80 % bars an agency from "good", before 2022
    a share of 10 % late; an index bars only with its whole interval and enough ratings.
    """
    with transact() as session:
        fill(session, LAND, 94, ratings, month=month)
        fill(session, LAND, 6, (0, 0, 0, 0, 0), month=month, lateness="late")
        payload = indices.draft_payload(session, month, NOW, provisional=False)
    found = {(rule["rule"].partition("_")[0], rule["proven"]) for rule in payload["rules"]}
    assert found == broken
    assert {rule["limit"] for rule in payload["rules"]} <= limits
    assert payload["late"][WARD] == {"finished": 100, "late": 6}


@pytest.mark.parametrize("month", ["2199-01", "2026-00", "2026-1", "may"])
def test_a_month_that_cannot_be_is_refused(runner: Runner, month: str) -> None:
    """A future or impossible month is refused with a sentence and exit code 2."""
    for words in (("show", "--by", "overall"), ("close",)):
        refused = runner("index", words[0], "--period", month, *words[1:])
        assert refused.code == 2
        assert refused.err.strip()


def test_an_empty_month_has_no_index(runner: Runner) -> None:
    """A month without dossiers has one overall line, without an index."""
    (line,) = show(runner, "overall", month=Month("2026-02")).values()
    assert (line["finished"], line["index"], line["raw"], line["mean"]) == (0, None, None, None)
    assert show(runner, "agency", month=Month("2026-02")) == {}


def answer(session: Session, tokens: dict[str, str], one: Wanted, overall: int) -> None:
    """Answer through one link."""
    answers.submit(session, tokens[one.mobile], Submission(overall=overall), NOW)


def test_counts_equal_the_answers_and_are_put_right(
    transact: Transact, runner: Runner, environment: dict[str, str]
) -> None:
    """After answers, changes and wrong receivers, a recount equals the counts before counting and
    after, and finds a changed number.
    """
    wanted = [Wanted(number, procedure=(LAND, COPY)[number % 2]) for number in range(1, 13)]
    with transact() as session:
        ask_everybody(session)
        finish(session, wanted)
    runner("messages", "send-due", "--now", NOW.isoformat())
    tokens = links(Path(environment["SMS_CONSOLE_FILE"]))
    for number, one in enumerate(wanted):
        with transact() as session:
            answer(session, tokens, one, number % 5 + 1)
    for changed, disowned, left in ((0, 1, 11), (2, 3, 10)):
        with transact() as session:
            answer(session, tokens, wanted[changed], 5)
            answers.repudiate(session, tokens[wanted[disowned].mobile], NOW)
        before = show(runner, "overall")["overall"]
        assert before["rated"] == left
        assert runner("ballots", "count").code == 0
        assert show(runner, "overall")["overall"] == before
        assert runner("index", "rebuild", "--check").code == 0
    with transact() as session:
        found = [one.ballot for one in ballots.all_found(session).values()]
        assert sum(bool(version.replaced) for one in found for version in one.versions) == 2
        session.execute(update(Count).where(Count.n5 > 0).values(n5=Count.n5 + 1))
    found = runner("index", "rebuild", "--check", "--json")
    assert found.code == 1
    assert {difference["table"] for difference in found.json["differences"]} == {"count"}
    assert {difference["key"][0] for difference in found.json["differences"]} == {"LOC-KH-W22366"}
    assert runner("index", "rebuild").code == 0
    assert runner("index", "rebuild", "--check").code == 0


def test_an_answer_after_closing_is_a_revision(
    transact: Transact, runner: Runner, environment: dict[str, str]
) -> None:
    """An answer after the closing leaves the snapshot unchanged and shows as a revision."""
    late = datetime(2026, 5, 31, 3, tzinfo=UTC)
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(1, finished_at=late)], now=datetime(2026, 6, 10, 3, tzinfo=UTC))
    runner("messages", "send-due", "--now", "2026-06-10T10:00")
    (token,) = links(Path(environment["SMS_CONSOLE_FILE"])).values()
    runner("index", "close", "--period", MONTH, "--now", CLOSING)
    with transact() as session:
        after = datetime(2026, 6, 20, 3, tzinfo=UTC)
        answers.submit(session, token, Submission(overall=2), after)
    for _ in range(2):
        assert show(runner, "overall")["overall"]["rated"] == 0
        assert show(runner, "overall", "--revised")["overall"]["rated"] == 1
        assert runner("ballots", "count", "--now", "2026-06-21T01:00").code == 0
    with transact() as session:
        (found,) = ballots.all_found(session).values()
        assert [version.closing for version in found.ballot.versions] == [1]
