"""The field's words: names and sentences use the terms that a newcomer would search for."""

import ast
import re

import pytest

from tests.house.source import place, python_files, tree

# A word of our own, and the field's term that takes its place.
TERMS = {
    "deed": "act",
    "desk": "layout context",
    "disown": "repudiate",
    "disowned": "repudiated",
    "doubt": "mark unknown",
    "freeze": "set baseline",
    "judged": "scored (an index), cleaned (a row)",
    "judging": "scoring",
    "ladder": "target schedule",
    "parcel": "preview",
    "parted": "unlinked",
    "scene": "scenario",
    "shelf": "report index",
    "shield": "disclosure control",
    "shielded": "suppressed",
    "spot": "chart key",
    "standing": "record (a case), queue status (the outbox), cumulative counts (a chart)",
    "standings": "records",
    "stencil": "template",
    "taker": "worker context",
    "told": "published, reported",
    "truths": "planted effects",
}
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _named(path):
    """Every name that a file gives to something, with its node."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node, node.attr


@pytest.mark.parametrize("word", TERMS)
def test_names_are_the_fields_terms(word):
    """Nothing in the product bears a word that nobody outside would search for."""
    wrong = [
        f"{place(path, node)} {name}"
        for path in python_files("survey", "analysis")
        for node, name in _named(path)
        if word in {part.lower() for part in WORDS.findall(name)}
    ]
    assert wrong == [], f"the field says: {TERMS[word]}"
