"""Loads the reference files into the database: an idempotent upsert by code, reporting changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.catalogues import gettext
from survey.db import Base
from survey.errors import Conflict, Invalid
from survey.models.organisation import (
    Agency,
    AgencyAlias,
    AgencyLevel,
    HeaderAlias,
    Procedure,
    Sector,
)
from survey.models.price import SmsPrice
from survey.models.province import Province
from survey.models.questionnaire import Question, Questionnaire, QuestionnaireItem
from survey.models.target import Rule, Target
from survey.province import province_if_loaded
from survey.reference.files import day, lines, number
from survey.reference.questionnaires import items, questionnaires, questions

# First words of the scopes that are targets of satisfaction; all other scopes are rules.
TARGET_SCOPES = ("overall_ttHC", "sector_group", "agency_service", "health_education")
# Tables that hold exactly what their files hold: a removed word must not be recognised any more.
DICTIONARIES = (AgencyAlias, HeaderAlias)
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Number of rows in each table after loading, and changes in tables that held rows before."""

    counts: Mapping[str, int]
    changes: Sequence[str]


def load(session: Session, folder: Path) -> LoadReport:
    """Load the province in `folder` and the files that all provinces share.

    Invalid names the line at fault; Conflict `other_province` when the database holds another
    province. Rows that a file no longer holds stay in the database, because dossiers refer to them;
    aliases of agencies and of column headers are deleted.
    """
    _refuse_other_province(session, folder)
    changes: list[str] = []
    counts: dict[str, int] = {}
    steps: tuple[tuple[str, type[Base], tuple[str, ...], Callable[[], Iterable[Values]]], ...] = (
        ("province", Province, ("code",), lambda: _provinces(session, folder)),
        ("sectors", Sector, ("code",), lambda: _sectors(folder)),
        ("procedures", Procedure, ("code",), lambda: _procedures(session, folder)),
        ("agencies", Agency, ("code",), lambda: _agencies(folder)),
        ("agency_aliases", AgencyAlias, ("alias", "agency_id"), lambda: _aliases(session, folder)),
        ("targets", Target, ("scope", "province", "from_year"), lambda: _targets(folder)),
        ("rules", Rule, ("kind", "name", "province", "from_year"), lambda: _rules(folder)),
        ("questions", Question, ("code",), lambda: questions(folder)),
        ("questionnaires", Questionnaire, ("kind", "version"), lambda: questionnaires(folder)),
        (
            *("questionnaire_items", QuestionnaireItem, ("questionnaire_id", "question")),
            lambda: items(session, folder),
        ),
        ("header_aliases", HeaderAlias, ("alias",), lambda: _headers(folder)),
        ("sms_prices", SmsPrice, ("provider", "valid_from"), lambda: _prices(folder)),
    )
    for name, model, key, rows in steps:
        counts[name] = _merge(session, model, key, rows(), changes)
    return LoadReport(counts, changes)


def _merge(
    session: Session,
    model: type[Base],
    key: tuple[str, ...],
    rows: Iterable[Values],
    changes: list[str],
) -> int:
    """Add new rows, update known ones, append what changed to `changes`; return the number of rows.

    Rows of `DICTIONARIES` that the file no longer holds are deleted.
    """
    known = {
        tuple(getattr(one, name) for name in key): one for one in session.scalars(select(model))
    }
    gone = set(known) if model in DICTIONARIES else set()
    is_first = not known
    for values in rows:
        at = tuple(values[name] for name in key)
        shown = " ".join((model.__tablename__, *map(str, at)))
        gone.discard(at)
        row = known.get(at)
        if row is None:
            known[at] = row = model(**values)
            session.add(row)
            changes += [] if is_first else [f"{shown}: " + gettext("mới")]
            continue
        for name, new in values.items():
            old = getattr(row, name)
            if old != new:
                changes.append(f"{shown}: {name} “{old}” → “{new}”")
                setattr(row, name, new)
    for at in sorted(gone):
        session.delete(known.pop(at))
        changes.append(" ".join((model.__tablename__, *map(str, at))) + ": " + gettext("bỏ"))
    session.flush()
    return len(known)


def _refuse_other_province(session: Session, folder: Path) -> None:
    """Raise Conflict `other_province`: two provinces in one database would mix their agencies."""
    there = province_if_loaded(session)
    for _, row in lines(folder, "province.csv"):
        if there is not None and row["code"] != there.dossier_prefix:
            raise Conflict(
                "other_province",
                gettext(
                    "Cơ sở dữ liệu này là của %(name)s (%(prefix)s), không nạp được "
                    "%(other)s (%(code)s). Hãy dùng một cơ sở dữ liệu khác (DATABASE_URL).",
                    name=there.name,
                    prefix=there.dossier_prefix,
                    other=row["name_vi"],
                    code=row["code"],
                ),
            )


def _provinces(session: Session, folder: Path) -> Iterable[Values]:
    """The row of the province; its code stays the name of the folder it was first loaded from.

    Invalid `reference_broken` unless the file has exactly one row.
    """
    there = province_if_loaded(session)
    rows = [row for _, row in lines(folder, "province.csv")]
    if len(rows) != 1:
        raise Invalid(
            "reference_broken",
            gettext("%(place)s: cần đúng một dòng dưới dòng tiêu đề.", place="province.csv"),
        )
    (row,) = rows
    yield {
        "code": there.code if there else folder.name,
        "name": row["name_vi"],
        "dossier_prefix": row["code"],
        "hotline": row["hotline"],
    }


def _sectors(folder: Path) -> Iterable[Values]:
    for place, row in lines(folder, "sectors.csv"):
        if "," in row["code"]:
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: mã lĩnh vực “%(code)s” không được có dấu phẩy.",
                    place=place,
                    code=row["code"],
                ),
            )
        yield {
            "code": row["code"],
            "name": row["name_vi"],
            "name_en": row["name_en"],
            "target_group": row["target_group"],
        }


def _procedures(session: Session, folder: Path) -> Iterable[Values]:
    sectors = set(session.scalars(select(Sector.code)))
    for place, row in lines(folder, "procedures.csv"):
        if row["sector_code"] not in sectors:
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: không có lĩnh vực %(sector)s.",
                    place=place,
                    sector=row["sector_code"],
                ),
            )
        yield {
            "code": row["code"],
            "name": row["name_vi"],
            "sector_code": row["sector_code"],
            "level": row["level"],
            "statutory_days": number(place, row["statutory_days"]),
            "source": row["source"],
        }


def _agencies(folder: Path) -> Iterable[Values]:
    units = [row["code"] for _, row in lines(folder, "agencies.csv")]
    units += [row["code"] for _, row in lines(folder, "province.csv")]
    for place, row in lines(folder, "agencies.csv"):
        if row["level"] not in list(AgencyLevel):
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: không có cấp cơ quan “%(level)s”.", place=place, level=row["level"]
                ),
            )
        if row["parent_code"] and row["parent_code"] not in units:
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: không có cơ quan %(agency)s.",
                    place=place,
                    agency=row["parent_code"],
                ),
            )
        first, last = day(place, row["valid_from"]), day(place, row["valid_to"])
        if first and last and first > last:
            raise Invalid(
                "reference_broken",
                gettext("%(place)s: ngày bắt đầu sau ngày kết thúc.", place=place),
            )
        yield {
            "code": row["code"],
            "name": row["name_vi"],
            "level": row["level"],
            "parent_code": row["parent_code"] or None,
            "valid_from": first,
            "valid_to": last,
            "source": row["source"],
        }


def _aliases(session: Session, folder: Path) -> Iterable[Values]:
    agencies = dict(session.execute(select(Agency.code, Agency.id)).all())
    for place, row in lines(folder, "agency_aliases.csv"):
        if row["agency_code"] not in agencies:
            raise Invalid(
                "reference_broken",
                gettext(
                    "%(place)s: không có cơ quan %(agency)s.",
                    place=place,
                    agency=row["agency_code"],
                ),
            )
        yield {"alias": row["alias"], "agency_id": agencies[row["agency_code"]]}


def _targets(folder: Path) -> Iterable[Values]:
    for place, row in lines(folder, "targets.csv"):
        kind, _, rest = row["scope"].partition(" ")
        if kind not in TARGET_SCOPES:
            continue
        try:
            value = Decimal(row["value"])
        except InvalidOperation:
            raise Invalid(
                "reference_broken",
                gettext("%(place)s: “%(value)s” không phải số.", place=place, value=row["value"]),
            ) from None
        scope = "overall" if kind == "overall_ttHC" else rest or kind
        yield {"scope": scope, "value": value, **_terms(place, row)}


def _rules(folder: Path) -> Iterable[Values]:
    for place, row in lines(folder, "targets.csv"):
        kind, _, name = row["scope"].partition(" ")
        if kind not in TARGET_SCOPES:
            yield {"kind": kind, "name": name, "value": row["value"], **_terms(place, row)}


def _terms(place: str, row: Mapping[str, str]) -> Values:
    return {
        "province": row["province"],
        "from_year": number(place, row["from_year"]),
        "by_year": number(place, row["by_year"]),
        "operator": row["operator"],
        "quote": row["quote_vi"],
        "source": row["seed_file"],
    }


def _headers(folder: Path) -> Iterable[Values]:
    for rank, (_, row) in enumerate(lines(folder, "header_aliases.csv")):
        yield {"alias": row["alias"], "field": row["field"], "rank": rank}


def _prices(folder: Path) -> Iterable[Values]:
    for place, row in lines(folder, "sms_prices.csv"):
        valid_from = day(place, row["valid_from"])
        dong = number(place, row["dong_per_segment"])
        if valid_from is None or dong is None or dong < 0:
            raise Invalid(
                "reference_broken",
                gettext("%(place)s: cần ngày hiệu lực và giá từ 0 đồng.", place=place),
            )
        yield {
            "provider": row["provider"],
            "valid_from": valid_from,
            "dong_per_segment": dong,
            "source": row["source"],
        }
