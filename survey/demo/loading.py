"""Filling an empty database with a demo: seeded, refused where real data might be."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import accounts
from survey.db import settings_of
from survey.demo.answers import Citizens
from survey.demo.doors import DOORS, open_door
from survey.demo.dossiers import Registry
from survey.demo.handling import Hotline, approvals
from survey.demo.scene import Scene, truths
from survey.demo.units import cast_of
from survey.demo.watching import Watch
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
    """How much was written."""

    dossiers: int
    finished: int
    invited: int
    answers: int
    cases: int
    months: int
    snapshots: int
    accounts: int


def load(session: Session, scene: Scene) -> Loaded:
    """Write a whole demo. Errors as `check`; Refused `demo_no_agency` where nobody works."""
    province = check(session, scene)
    calendar = calendar_of(session)
    planted = truths(scene, calendar)
    cast = cast_of(session, scene)
    begin = scene.periods[0].begins - timedelta(days=1)
    staff = {role: open_door(session, role, begin) for role in DOORS}
    second, password = accounts.add(session, begin, SECOND_HANDLER)
    accounts.set_password(second, password)
    registry = Registry(scene, planted, cast, province, scene.workdays(calendar))
    dossiers = registry.draw()
    full, short = (
        _questions(session, scene, kind)
        for kind in (QuestionnaireKind.FULL, QuestionnaireKind.SHORT)
    )
    asked = Citizens(scene, planted, cast, province, calendar).ask(dossiers, full.factors)
    ledger = Ledger(session, scene, full, short)
    ballots = ledger.write(dossiers, asked)
    ledger.write_phones(registry.book)
    hotline = Hotline(session, scene, [staff[RoleName.HANDLER], second])
    night_watch = Watch(session, scene, planted, asked, staff[RoleName.ANALYST])
    reading = approvals(session, scene, staff[RoleName.LEADER])
    hotline.work(asked, ballots, [*night_watch.deeds(), *reading])
    erase_due(session, scene.now)
    return Loaded(
        dossiers=len(dossiers),
        finished=sum(one.finished is not None for one in dossiers),
        invited=len(asked),
        answers=len(ballots),
        cases=hotline.cases,
        months=len(scene.periods),
        snapshots=len(scene.closed_periods),
        accounts=len(staff) + 1,
    )


def _questions(session: Session, scene: Scene, kind: QuestionnaireKind) -> Questions:
    """What a kind of questionnaire asks at the end of the scene."""
    found = current(session, kind, local_day(scene.now))
    if found is None:
        raise Refused("no_questionnaire")
    return found


def has_dossiers(session: Session) -> bool:
    """Whether the database holds a dossier."""
    return session.scalar(select(Dossier.id).limit(1)) is not None


def check(session: Session, scene: Scene) -> Province:
    """Refuse before anything is drawn or announced; the province the demo stands for.

    Refused `not_a_demo` unless DEMO=1, `no_province` without reference data; Conflict
    `dossiers_exist`; Invalid `demo_scale`, also where no working day has passed.
    """
    if not settings_of(session).demo:
        raise Refused("not_a_demo")
    if (
        not LEAST_DOSSIERS <= scene.dossiers <= MOST_DOSSIERS
        or not 1 <= scene.months <= MOST_MONTHS
    ):
        raise Invalid("demo_scale")
    if has_dossiers(session):
        raise Conflict("dossiers_exist")
    province = province_of(session)
    if not scene.workdays(calendar_of(session)):
        raise Invalid("demo_scale")
    return province
