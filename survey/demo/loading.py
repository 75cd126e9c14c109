"""Load a seeded demo into an empty database; refused where there might be real data."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import accounts
from survey.db import settings_of
from survey.demo.answers import Citizens
from survey.demo.control_charts import Monitoring
from survey.demo.dossiers import Registry
from survey.demo.handling import Hotline, approvals
from survey.demo.role_logins import ROLE_LOGINS, prepare_login
from survey.demo.scenario import Scenario, planted_effects
from survey.demo.units import unit_roles
from survey.demo.writing import Ledger
from survey.errors import Conflict, Invalid, Refused
from survey.models.dossier import Dossier
from survey.models.province import Province
from survey.models.questionnaire import QuestionnaireKind
from survey.models.staff import RoleName
from survey.privacy.retention import erase_due
from survey.province import calendar_of, province_of
from survey.province.workdays import local_day
from survey.surveys import Questions, current

SECOND_HANDLER = accounts.NewAccount(
    f"tong-dai-2@{accounts.DEMO_DOMAIN}", RoleName.HANDLER, name="Trần Bảo Yến"
)
LEAST_DOSSIERS, MOST_DOSSIERS = 1, 1_000_000
MOST_MONTHS = 36


@dataclass(frozen=True, slots=True)
class Loaded:
    """Number of rows written."""

    dossiers: int
    finished: int
    invited: int
    answers: int
    cases: int
    months: int
    snapshots: int
    accounts: int


def load(session: Session, scenario: Scenario) -> Loaded:
    """Write a whole demo. Errors as in `check`; Refused `demo_no_agency` if no unit works today."""
    province = check(session, scenario)
    calendar = calendar_of(session)
    planted = planted_effects(scenario, calendar)
    roles = unit_roles(session, scenario)
    begin = scenario.periods[0].begins - timedelta(days=1)
    staff = {role: prepare_login(session, role, begin) for role in ROLE_LOGINS}
    second, password = accounts.add(session, begin, SECOND_HANDLER)
    accounts.set_password(second, password)
    registry = Registry(scenario, planted, roles, province, scenario.workdays(calendar))
    dossiers = registry.draw()
    full, short = (
        _questions(session, scenario, kind)
        for kind in (QuestionnaireKind.FULL, QuestionnaireKind.SHORT)
    )
    asked = Citizens(scenario, planted, roles, province, calendar).ask(dossiers, full.factors)
    ledger = Ledger(session, scenario, full, short)
    ballots = ledger.write(dossiers, asked)
    ledger.write_phones(registry.book)
    hotline = Hotline(session, scenario, [staff[RoleName.HANDLER], second])
    monitoring = Monitoring(session, scenario, planted, asked, staff[RoleName.ANALYST])
    reading = approvals(session, scenario, staff[RoleName.LEADER])
    hotline.work(asked, ballots, [*monitoring.acts(), *reading])
    erase_due(session, scenario.now)
    return Loaded(
        dossiers=len(dossiers),
        finished=sum(one.finished is not None for one in dossiers),
        invited=len(asked),
        answers=len(ballots),
        cases=hotline.cases,
        months=len(scenario.periods),
        snapshots=len(scenario.closed_periods),
        accounts=len(staff) + 1,
    )


def _questions(session: Session, scenario: Scenario, kind: QuestionnaireKind) -> Questions:
    """The questions of a kind of questionnaire at the scenario's end."""
    found = current(session, kind, local_day(scenario.now))
    if found is None:
        raise Refused("no_questionnaire")
    return found


def has_dossiers(session: Session) -> bool:
    """Whether the database has a dossier."""
    return session.scalar(select(Dossier.id).limit(1)) is not None


def check(session: Session, scenario: Scenario) -> Province:
    """Check the preconditions before anything is drawn; return the demo's province.

    Refused `not_a_demo` unless DEMO=1, `no_province` without reference data; Conflict
    `dossiers_exist`; Invalid `demo_scale`, also when no working day has passed.
    """
    if not settings_of(session).demo:
        raise Refused("not_a_demo")
    if (
        not LEAST_DOSSIERS <= scenario.dossiers <= MOST_DOSSIERS
        or not 1 <= scenario.months <= MOST_MONTHS
    ):
        raise Invalid("demo_scale")
    if has_dossiers(session):
        raise Conflict("dossiers_exist")
    province = province_of(session)
    if not scenario.workdays(calendar_of(session)):
        raise Invalid("demo_scale")
    return province
