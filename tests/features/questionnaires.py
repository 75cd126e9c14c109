"""Reference folders of a province that asks another questionnaire than the shipped one."""

import csv
import shutil

from survey.reference.files import DATA

NAMES = {
    "speed": "Thời gian chờ",
    "clarity": "Hướng dẫn rõ ràng",
    "fees": "Mức phí",
    "counter": "Quầy tiếp nhận",
    "website": "Cổng dịch vụ công",
    "courtesy": "Thái độ phục vụ",
    "outcome": "Kết quả nhận được",
}


def folder_with(path, factors, *, valid_from="2026-01-01"):
    """The files of Khánh Hòa with a second version of both questionnaires, which asks `factors`;
    all factors but the first have a short name.
    """
    folder = path / "khanh_hoa"
    shutil.copytree(DATA / "khanh_hoa", folder)
    shipped = (DATA / "questionnaires.csv").read_text("utf-8")
    asked = [("short", "overall"), ("full", "overall"), *(("full", one) for one in factors)]
    with (folder / "questionnaires.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(shipped)
        for position, (kind, code) in enumerate(asked, 1):
            csv.writer(file).writerow([kind, 2, valid_from, position, code, *words_of(code)])
    with (folder / "question_names.csv").open("w", encoding="utf-8", newline="") as file:
        file.write((DATA / "question_names.csv").read_text("utf-8"))
        for code in factors[1:]:
            csv.writer(file).writerow([code, NAMES.get(code, code), code.title(), "", ""])
    return folder


def words_of(code):
    """The wording of a question in the second version, in Vietnamese and English."""
    return f"{NAMES.get(code, 'Việc giải quyết hồ sơ')} lần này?", f"This time: {code}?"


def names_of(factors):
    """The names of the factors in tables: the first has its wording as its name."""
    return [words_of(factors[0])[0], *(NAMES[one] for one in factors[1:])]
