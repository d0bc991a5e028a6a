"""The release gate in small: `python -m benchmarks.accuracy.gate` runs it at length."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from benchmarks.accuracy.gate import doors, halves
from benchmarks.accuracy.gate.doors import DOORS, Cell, Task
from benchmarks.accuracy.gate.results import KEPT
from scipy.stats import poisson

SEED = 11
CERTAIN = 1e-6
"""A promise that is kept fails a test as rarely as this."""
CELLS = [Cell(3_000, 120, 5, 30), pytest.param(Cell(30_000, 750, 3, 16), marks=pytest.mark.long)]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@cache
def found_in(cell: Cell) -> doors.Found:
    """Return what clean windows raised against all baselines of a cell together."""
    whole = doors.Found()
    for number in range(cell.baselines):
        one = doors.one_baseline(Task(SEED, number, cell))
        whole.findings += one.findings
        whole.windows += one.windows
        whole.promised = {door: whole.promised[door] + one.promised[door] for door in DOORS}
    return whole


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_promise_is_kept_on_every_table(cell: Cell, door: str) -> None:
    """All findings of all layers together, on a table of every shape of column, are about as many as promised."""
    found = found_in(cell)
    findings = Counter({key[1:]: count for key, count in found.findings.items() if key[0] == door})
    promised = found.promised[door]
    # Windows of fewer than 200 explained rows promise nothing, and bounds that are sums over cells are not kept below.
    least = poisson.ppf(CERTAIN, KEPT[0] * promised) if promised and door != "adversarial" else 0
    most = poisson.isf(CERTAIN, KEPT[1] * promised) if promised else 0

    assert least <= findings.total() <= most, findings.most_common(5)


@pytest.mark.filterwarnings("ignore:not measured:UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("scikit-learn digits", marks=pytest.mark.long),
        pytest.param("river Shuttle", marks=pytest.mark.long),
        "popmon flight_delays",
    ],
)
def test_random_halves_do_not_differ(name: str) -> None:
    """Random parts of real data differ as rarely as promised, whatever is in them."""
    read = dict(halves.data_sets(Path(".venvs/demo-data")))[name]
    found = halves.split((name, read, SEED, 12))

    assert found.differing <= poisson.isf(CERTAIN, found.promised), found.blamed
