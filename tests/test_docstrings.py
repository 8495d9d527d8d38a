"""The examples in docstrings run, and everything public has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import funcgrad as fg
from tests.groups import together

SKIPPED = {"funcgrad.__main__", "funcgrad.pymanopt"}  # importing one is running it; the other needs pymanopt
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(fg.__path__, "funcgrad.") if module.name not in SKIPPED
)


@together("name", ["funcgrad", *MODULES], lambda name: ".".join(name.split(".")[:2]))
def test_examples_run(name):
    module = importlib.import_module(name)
    names = {"np": np, "fg": fg}
    found = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples in {name} fail"


@pytest.mark.parametrize("name", [n for n in dir(fg) if not n.startswith("_") and not inspect.ismodule(getattr(fg, n))])
def test_public_names_have_a_docstring_with_an_example(name):
    doc = inspect.getdoc(getattr(fg, name)) or ""
    assert doc
    without_example = {"config", "Graph", "jacobian", "remat"}  # data, a result, aliases
    assert ">>>" in doc or name in without_example


def test_modules_are_found():
    assert {"funcgrad.transforms.api", "funcgrad.numpy.linalg", "funcgrad.torch._tensor.tensor"} <= set(MODULES)
