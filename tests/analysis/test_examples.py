"""The examples in the library's docstrings run and say what they print."""

import doctest
import importlib
import pkgutil

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
