"""The effects planted in a demo show in the figures that everybody can read.

One demo of eight months with Tết in it serves all of these tests.
"""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from survey.demo import Scenario, planted_effects
from survey.demo.units import FALLING_UNIT, SMALL_UNIT
from survey.models.ballot import Flag
from survey.models.case import CaseState
from survey.models.control_chart import ControlAlert
from survey.models.count import OF_FRAME, RATED, Count, Frame
from survey.models.dossier import Lateness
from survey.models.organisation import Agency
from survey.monitoring.integrity import signs
from survey.period import Month
from survey.province.workdays import Calendar
from tests import ballots
from tests.conftest import FIXED, files_in, run_command, running, unit_of_work
from tests.opened import opened_cases
from tests.web.staff_accounts import post

NOW = "2026-07-20T10:00:00+07:00"
SCENARIO = Scenario(12_000, 8, 1, datetime.fromisoformat(NOW))
PLANTED = planted_effects(SCENARIO, Calendar())
EVALUATED = SCENARIO.closed_periods[-1]
NUMBERS = re.compile(r"0[39]\d(?:[ .]?\d){7}|056\d{9}")


@pytest.fixture(scope="module")
def app(sqlite_copies, tmp_path_factory):
    """A demo, filled once for this file."""
    folder = tmp_path_factory.mktemp("truths")
    environment = {
        **FIXED,
        "DEMO": "1",
        "DATABASE_URL": sqlite_copies.copy(folder),
        **files_in(folder),
    }
    with running(environment) as application:
        size = ("--dossiers", str(SCENARIO.dossiers), "--months", str(SCENARIO.months))
        assert run_command(application, "demo", "load", *size, "--now", NOW).code == 0
        yield application


def figures(app, month, by):
    """`index show` of a month: key → figure."""
    words = ("index", "show", "--period", month, "--by", by, "--now", NOW, "--json")
    return {row["key"]: row for row in run_command(app, *words).json}


def share(app, months, key, by="agency"):
    """Share of satisfied ratings of one key over several months."""
    rows = [figures(app, month, by)[key] for month in months]
    return sum(row["satisfied"] for row in rows) / sum(row["rated"] for row in rows)


def test_land_of_one_unit_falls(app):
    """Planted effect 1: after its date the unit's index is far lower and far more dossiers are
    late.
    """
    fall = Month.of(PLANTED.fall_from)
    before = [
        month for month in SCENARIO.closed_periods if month < fall and month != Month("2026-02")
    ]
    after = [month for month in SCENARIO.closed_periods if month > fall]
    province = [share(app, months, "overall", "overall") for months in (before, after)]
    assert abs(province[0] - province[1]) < 0.05
    fallen = share(app, after, FALLING_UNIT)
    assert province[1] - fallen > 0.2
    assert share(app, before, FALLING_UNIT) - fallen > 0.1  # of few ratings
    for month in after:
        row = figures(app, month, "agency")[FALLING_UNIT]
        assert row["index"] < row["target"] - 0.1
        assert row["verdict"] == ("not_met" if row["rated"] >= 30 else "uncertain")
    assert _late_share(app, after) > 3 * _late_share(app, before)


def _late_share(app, months):
    with unit_of_work(app) as session:
        query = (
            select(Frame.lateness, func.sum(Frame.finished))
            .join(Agency, Agency.id == Frame.agency_id)
            .where(Agency.code == FALLING_UNIT, Frame.sector_code == "land")
            .where(Frame.month.in_(months))
            .group_by(Frame.lateness)
        )
        found = dict(session.execute(query).all())
    return found[Lateness.LATE] / sum(found.values())


def test_eight_answers_prove_nothing(app):
    """Planted effect 2: a small unit below its target with eight answers has no certain verdict."""
    row = figures(app, PLANTED.small_month, "agency")[SMALL_UNIT]
    assert row["rated"] == 8
    assert row["index"] < row["target"]
    assert row["mean"] < 3.7
    assert row["verdict"] == "uncertain"


def test_tet_is_a_dip(app):
    """Planted effect 3: the index of the month of Tết is lower than those before and after."""
    index = {
        month: figures(app, month, "overall")["overall"]["index"] for month in SCENARIO.periods
    }
    assert index["2026-02"] < min(index["2026-01"], index["2026-03"]) - 0.04


def test_online_is_judged_better_than_the_counter(app):
    """Planted effect 4: over all months, online is rated better than the counter."""
    months = SCENARIO.closed_periods
    assert share(app, months, "online", "channel") > share(app, months, "counter", "channel") + 0.03


def test_one_carrier_is_silent(app):
    """Planted effect 6: fewer invitations are delivered in that month, but the index stays."""
    with unit_of_work(app) as session:
        reached = {
            month: delivered / invited
            for month, delivered, invited in session.execute(
                select(Frame.month, func.sum(Frame.delivered), func.sum(Frame.invited)).group_by(
                    Frame.month
                )
            )
        }
    others = [value for month, value in reached.items() if month != EVALUATED]
    assert reached[EVALUATED] < min(others) - 0.01
    index = figures(app, EVALUATED, "overall")["overall"]["index"]
    assert abs(index - figures(app, "2026-05", "overall")["overall"]["index"]) < 0.05


def test_a_sector_on_its_target_stays_uncertain(app):
    """Planted effect 7: an interval that contains the target gives no certain verdict."""
    for month in SCENARIO.closed_periods:
        row = figures(app, month, "sector")[PLANTED.crossing_sector]
        assert row["low"] < row["target"] < row["high"]
        assert row["verdict"] == "uncertain"


def test_late_dossiers_answer_less_and_judge_worse(app):
    """Planted effect 8: late dossiers have a lower response rate and a lower raw index."""
    with unit_of_work(app) as session:
        frame = {
            lateness: answered / invited
            for lateness, answered, invited in session.execute(
                select(Frame.lateness, func.sum(RATED), func.sum(Frame.invited))
                .join(Count, OF_FRAME, isouter=True)
                .group_by(Frame.lateness)
            )
        }
        satisfied, rated = Count.n4 + Count.n5, Count.n1 + Count.n2 + Count.n3
        raw = {
            lateness: good / (good + rest)
            for lateness, good, rest in session.execute(
                select(Count.lateness, func.sum(satisfied), func.sum(rated))
                .where(Count.question == "overall")
                .group_by(Count.lateness)
            )
        }
    assert frame[Lateness.LATE] < 0.8 * frame[Lateness.ON_TIME]
    assert raw[Lateness.LATE] < raw[Lateness.ON_TIME] - 0.1


def test_the_watch_tells_the_planted_from_the_rest(app):
    """Planted effects 1, 2, 3 and 6: all nights raise one alert of a fall and one of a delivery
    dip, and no other.

    The fall is found within two months of the first late return, though only a dozen citizens
    answer a month.
    """
    with unit_of_work(app) as session:
        alerts = [alert.record for alert in session.scalars(select(ControlAlert))]
        codes = dict(session.execute(select(Agency.id, Agency.code)).all())
        told = {one.key.rule: one for one in alerts}
        assert sorted((one.key.rule, codes.get(one.key.agency_id)) for one in alerts) == [
            ("delivery_dip", None),
            ("quality_drop", FALLING_UNIT),
        ]
        fall = told["quality_drop"]
        assert fall.signal.since >= PLANTED.fall_from
        assert fall.opened_at.date() - PLANTED.fall_from <= timedelta(days=61)
        dip = told["delivery_dip"].signal
        begin = PLANTED.silence.first - timedelta(days=7)  # where the sum last rose from nought
        assert begin <= dip.since <= PLANTED.silence.last
        assert dip.seen / dip.out_of > 3 * dip.expected


def test_a_burst_is_flagged_and_counts(app):
    """Planted effect 5: top ratings within minutes at one counter are flagged, and its index is
    shown with and without them.
    """
    with unit_of_work(app) as session:
        found = [one for one in signs(session, EVALUATED) if one.flagged.get(Flag.BURST)]
        (one,) = found
        assert one.flagged[Flag.BURST] >= 3
        assert one.index_without != one.index
        assert one.is_notable
        others = [other for other in signs(session, EVALUATED) if other.is_asked_less]
        assert others == []
    assert figures(app, EVALUATED, "agency")[one.key]["rated"] == one.rated


def test_numbers_in_comments_are_masked_on_every_screen(app):
    """Planted effect 9: a handler sees no number of a comment, neither in the queue nor in the
    case.
    """
    with unit_of_work(app) as session:
        written = {key.hex(): one.comment for key, one in ballots.all_found(session).items()}
        told = {
            one.code: written[one.ballot_key]
            for one in opened_cases(session)
            if one.state != CaseState.CLOSED and NUMBERS.search(written[one.ballot_key])
        }
    assert len(told) >= 2
    client = app.test_client()
    assert post(client, "/demo/enter/handler", page="/demo").status_code == 303
    for code, comment in told.items():
        page = client.get(f"/staff/cases/{code}").text
        assert comment.split()[0] in page
        assert NUMBERS.search(comment)[0] not in page
    queue = client.get("/staff/cases?view=all").text
    assert not any(NUMBERS.search(comment)[0] in queue for comment in told.values())
