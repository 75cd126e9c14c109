"""Reads the reference files of a province: finds a file, checks its columns, numbers its lines."""

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from survey.catalogues import gettext
from survey.errors import Invalid

DATA = Path(__file__).parent / "data"
COLUMNS = {
    "province.csv": ("code", "name_vi", "hotline"),
    "sectors.csv": ("code", "name_vi", "name_en", "target_group"),
    "procedures.csv": ("code", "name_vi", "sector_code", "level", "statutory_days", "source"),
    "agencies.csv": (
        *("code", "name_vi", "level", "parent_code"),
        *("valid_from", "valid_to", "source"),
    ),
    "agency_aliases.csv": ("alias", "agency_code"),
    "targets.csv": (
        *("scope", "province", "from_year", "by_year"),
        *("value", "operator", "quote_vi", "seed_file"),
    ),
    "questionnaires.csv": (
        *("kind", "version", "valid_from", "position"),
        *("question", "text_vi", "text_en"),
    ),
    "question_names.csv": ("code", "name_vi", "name_en", "hint_vi", "hint_en"),
    "header_aliases.csv": ("field", "alias"),
    "sms_prices.csv": ("provider", "valid_from", "dong_per_segment", "source"),
}

Line = Mapping[str, str]


def province_folder(province: str) -> Path:
    """The folder of a province's files: a shipped name such as khanh_hoa, or a path of any folder.

    Invalid `reference_broken` when there is no such folder.
    """
    shipped = DATA / province
    folder = shipped if "/" not in province and shipped.is_dir() else Path(province)
    if not folder.is_dir():
        raise Invalid(
            "reference_broken",
            gettext("Không thấy thư mục dữ liệu tham chiếu “%(province)s”.", province=province),
        )
    return folder.resolve()


def letterhead_file(province: str) -> Path:
    """The Word template of reports and letters; Invalid as in `province_folder`."""
    return own_or_shared(province_folder(province), "letterhead.docx")


def own_or_shared(folder: Path, name: str) -> Path:
    """The province's own file of this name, else the file that all provinces share."""
    own = folder / name
    return own if own.is_file() else DATA / name


def lines(folder: Path, name: str) -> Iterator[tuple[str, Line]]:
    """Yield (place for error messages, row) of each line of a file, which `own_or_shared` finds.

    Invalid `reference_broken` when the file or a column is missing, or the file is not CSV in
    UTF-8.
    """
    path = own_or_shared(folder, name)
    if not path.is_file():
        raise Invalid(
            "reference_broken",
            gettext("Thiếu tệp %(name)s trong %(folder)s.", name=name, folder=folder.name),
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = set(COLUMNS[name]) - set(reader.fieldnames or ())
            if missing:
                raise Invalid(
                    "reference_broken",
                    gettext(
                        "%(name)s thiếu cột %(columns)s.",
                        name=name,
                        columns=", ".join(sorted(missing)),
                    ),
                )
            for row in reader:
                yield gettext("%(name)s, dòng %(line)s", name=name, line=reader.line_num), row
    except (UnicodeError, csv.Error):
        raise Invalid(
            "reference_broken", gettext("%(name)s không phải csv bảng mã UTF-8.", name=name)
        ) from None


def day(place: str, text: str) -> date | None:
    """Read a date (YYYY-MM-DD), None when blank; otherwise Invalid `reference_broken`."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(
            "reference_broken",
            gettext("%(place)s: “%(text)s” không phải ngày.", place=place, text=text),
        ) from None


def number(place: str, text: str) -> int | None:
    """Read a whole number, None when blank; otherwise Invalid `reference_broken`."""
    try:
        return int(text) if text else None
    except ValueError:
        raise Invalid(
            "reference_broken",
            gettext("%(place)s: “%(text)s” không phải số.", place=place, text=text),
        ) from None
