"""The examples in the library's docstrings run and say what they print."""

import ast
import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import analysis

MODULES = sorted(module.name for module in pkgutil.iter_modules(analysis.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_show(name):
    """Each docstring example gives exactly the output written below it."""
    found = doctest.testmod(importlib.import_module(f"analysis.{name}"))
    assert found.failed == 0


def test_each_public_function_has_a_runnable_example():
    """No public function of a statistical module stands without a docstring and an example."""
    without_example = []
    for name in MODULES:
        module = importlib.import_module(f"analysis.{name}")
        for public, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__ and callable(thing)
            function = own and not public.startswith("_") and not isinstance(thing, type)
            if function and ">>>" not in (thing.__doc__ or ""):
                without_example.append(f"{name}.{public}")
    assert not without_example


def _names(*sources):
    """Names and attributes that the files below some paths use."""
    files = [file for one in sources for file in (one.rglob("*.py") if one.is_dir() else [one])]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in nodes
        if isinstance(node, (ast.Name, ast.Attribute))
    }


def test_each_public_function_is_called_by_the_product_or_the_reference_cases():
    """No function of the library stands for its own tests only."""
    root = Path(analysis.__file__).parents[1]
    used = _names(root / "survey", root / "analysis", Path(__file__).with_name("reference.py"))
    modules = (importlib.import_module(f"analysis.{name}") for name in MODULES)
    public = {
        name
        for module in modules
        for name, thing in inspect.getmembers(module, inspect.isfunction)
        if thing.__module__ == module.__name__ and not name.startswith("_")
    }
    assert not public - used
