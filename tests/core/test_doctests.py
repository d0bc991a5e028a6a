"""Every example in a docstring of core is run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import pegel

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(pegel.__path__, "pegel.")
    if not module.name.endswith("__main__") and ".migrations" not in module.name
)


def shows(name: str) -> bool:
    """Say whether an example may stand in a module: where none does, looking for it takes longer than running it."""
    spec = find_spec(name)
    return spec is not None and spec.origin is not None and ">>>" in Path(spec.origin).read_text(encoding="utf-8")


WITH_EXAMPLES = [name for name in MODULES if shows(name)]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name: str) -> None:
    """Each example shows what it says."""
    module = importlib.import_module(name)
    found = doctest.testmod(module, extraglobs={"np": np})

    assert found.failed == 0


def test_there_are_examples() -> None:
    """Examples are found at all: at least 30 of them, in a tree of at least 150 modules."""
    examples = 0
    for name in WITH_EXAMPLES:
        tests = doctest.DocTestFinder().find(importlib.import_module(name))
        examples += sum(len(test.examples) for test in tests)

    assert len(MODULES) >= 150
    assert examples >= 30
