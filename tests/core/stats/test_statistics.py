"""Every statistic that is registered keeps the promises of the protocol, those of other packages included."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pegel.stats
from pegel.errors import NotFound, SetupError
from pegel.stats.answer_latencies import Latencies
from pegel.stats.categories import Categories
from pegel.stats.comoments import Comoments
from pegel.stats.counters import Counters
from pegel.stats.distinct import Distinct
from pegel.stats.extremes import Extremes
from pegel.stats.histogram import Histogram
from pegel.stats.moment_sums import MomentSums
from pegel.stats.pair_tables import PairTables
from pegel.stats.quantiles import Quantiles
from pegel.stats.statistic import ColumnStatistic, Statistic, keeps_columns
from pegel.stats.statistic_registry import BUILT_IN, statistic, statistics
from pegel.testing.statistic_checks import STATISTIC_CHECKS, StatisticCheck, sample_of

Install = Callable[[str, str, str], None]

COLUMN_KINDS: tuple[type[ColumnStatistic], ...] = (Distinct, Extremes, Histogram, MomentSums, Quantiles)
OTHER_KINDS: tuple[type[Statistic], ...] = (Categories, Comoments, Counters, Latencies, PairTables)
"""Here the type checker, too, sees that each class is what it claims to be."""
KINDS = {kind.name: kind for kind in (*COLUMN_KINDS, *OTHER_KINDS)}


def by_name(check: StatisticCheck) -> str:
    """Return a check's name, for the names of the tests."""
    return check.__name__


@pytest.mark.parametrize("check", STATISTIC_CHECKS, ids=by_name)
@pytest.mark.parametrize("name", sorted(statistics()))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5, deadline=None)
def test_every_statistic_keeps_every_promise(name: str, check: StatisticCheck, seed: int) -> None:
    """Whatever the rows, each check passes on each statistic that is found."""
    assert check(sample_of(statistic(name)), seed) is None  # type: ignore[func-returns-value]  # it raises otherwise


def test_every_statistic_is_found() -> None:
    """There are ten statistics and eleven checks; five statistics can be kept per numeric field."""
    found = statistics()

    assert KINDS == found
    assert sorted(found) == list(found)
    assert (10, 10, 11) == (len(found), len(BUILT_IN), len(STATISTIC_CHECKS))
    assert set(COLUMN_KINDS) == {kind for kind in found.values() if keeps_columns(kind)}


def test_no_statistic_is_forgotten() -> None:
    """Each class of the package that looks like a statistic is registered."""
    parts = ("name", "update", "merge", "get", "to_bytes", "from_bytes")
    found = set()
    for module in pkgutil.iter_modules(pegel.stats.__path__):
        for _, kind in inspect.getmembers(importlib.import_module(f"pegel.stats.{module.name}"), inspect.isclass):
            if all(hasattr(kind, part) for part in parts):
                found.add(kind)

    assert set(KINDS.values()) == found


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_statistic_shows_its_use(name: str) -> None:
    """The class has an example of its use, and it says the truth."""
    module = importlib.import_module(statistic(name).__module__)
    examples = [test for test in doctest.DocTestFinder().find(module) if test.name.endswith(statistic(name).__name__)]

    assert [True] == [bool(test.examples) for test in examples]
    assert 0 == doctest.testmod(module).failed


def test_an_unknown_name() -> None:
    """A name that nothing answers to is refused with the names that exist."""
    with pytest.raises(NotFound, match=r"expected a statistic of categories, .*, quantiles; given 'median'"):
        statistic("median")


def test_looking_them_up_costs_nothing() -> None:
    """The registry imports no statistic, and no sketch, before one is asked for."""
    program = (
        "import sys, pegel.stats.statistic_registry as r; "
        "early = [m for m in sys.modules if 'datasketches' in m or m in places];"
        "r.statistic('distinct'); print(early, 'datasketches' in sys.modules)"
    ).replace("places", repr([place.split(":")[0] for place in BUILT_IN.values()]))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[] True" == done.stdout.strip()


PACKAGE = '''
import struct

import numpy as np

from pegel.stats.framing import seal, unseal


class Positives:
    """How many values are above zero."""

    name = "positives"

    def __init__(self):
        self.count = 0

    @classmethod
    def start(cls, edges):
        return cls()

    def update(self, values):
        self.count += int(np.count_nonzero(values > 0))

    def merge(self, other):
        self.count += other.count

    def get(self):
        return {"count": self.count}

    def to_bytes(self):
        return seal(self.name, struct.pack("<q", self.count))

    @classmethod
    def from_bytes(cls, data):
        found = cls()
        (found.count,) = struct.unpack("<q", unseal(cls.name, data))
        return found
'''


def test_an_installed_package_is_found(install: Install) -> None:
    """A statistic named by an entry point of an installed package is found, and is checked like all others."""
    install("harbour_statistics", PACKAGE, "[pegel.statistics]\npositives = harbour_statistics:Positives\n")
    kind = statistics()["positives"]
    checked = [check(sample_of(kind), 0) for check in STATISTIC_CHECKS]

    assert ("harbour_statistics", kind) == (kind.__module__, statistic("positives"))
    assert (11, 11) == (len(statistics()), len(checked))


def test_a_name_that_is_taken(install: Install) -> None:
    """A package cannot replace a statistic unseen: two of one name are refused, and both places are named."""
    install("harbour_statistics", PACKAGE, "[pegel.statistics]\nhistogram = harbour_statistics:Positives\n")

    with pytest.raises(SetupError, match=r"pegel\.stats\.histogram:Histogram and harbour_statistics:Positives"):
        statistics()
