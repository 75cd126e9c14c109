"""Questions are rows: no code of ours knows a factor, nor how many there are."""

import ast
import csv

import pytest

from survey.models.questionnaire import OVERALL
from survey.reference.files import DATA
from tests.house.source import ROOT, place, python_files, tree

# Words that are other things as well: a breakdown and a table, a column of jobs.
WITH_OTHER_MEANINGS = {"procedure", "result"}
# Its data are invented for the shipped questionnaire.
DEMO = "survey/demo/"


def _factors():
    with (DATA / "questionnaires.csv").open(encoding="utf-8", newline="") as file:
        return {row["question"] for row in csv.DictReader(file)} - {OVERALL}


def _words_of_code():
    for path in python_files("survey", "analysis"):
        found = {
            node.value
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        yield place(path), found


def _words_of_templates():
    for path in (ROOT / "templates").rglob("*.html"):
        quoted = path.read_text(encoding="utf-8").replace("'", '"').split('"')
        yield place(path), set(quoted)


@pytest.mark.parametrize("words", [_words_of_code, _words_of_templates])
def test_no_factor_stands_in_code(words):
    """No code and no template names a factor of the shipped questionnaire; two of the codes are
    words of other things too, which never stand together as factors do.
    """
    factors = _factors()
    assert len(factors) > len(WITH_OTHER_MEANINGS)
    named = {name: found & factors for name, found in words() if not name.startswith(DEMO)}
    assert {name: found for name, found in named.items() if found - WITH_OTHER_MEANINGS} == {}
    assert [name for name, found in named.items() if found >= WITH_OTHER_MEANINGS] == []
