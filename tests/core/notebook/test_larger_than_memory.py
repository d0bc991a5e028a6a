"""Tables larger than memory: the same baseline, to the last bit, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import pegel
from pegel.notebook.learning import vocabulary
from pegel.stats import edges
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.selection import select
from pegel.stats.vocabulary import OPEN, Vocabulary

SHAPES: dict[str, Callable[[np.random.Generator, int], NDArray[Any]]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n) ** 3,
    "zero inflated": lambda rng, n: np.where(rng.random(n) < 0.6, -0.0, rng.exponential(size=n)),
    "counts": lambda rng, n: rng.poisson(300, n).astype(np.float64),
    "discrete": lambda rng, n: rng.integers(-3, 4, n).astype(np.float64),
    "64 values": lambda rng, n: rng.integers(0, 64, n) * 0.1,
    "65 values": lambda rng, n: rng.integers(0, 65, n) * 0.1,
    "constant": lambda rng, n: 0 * rng.random(n) - 7.25,
    "atoms": lambda rng, n: np.round(rng.normal(size=n), 1),
    "far from zero": lambda rng, n: 1e15 + rng.random(n),
    "subnormal": lambda rng, n: rng.normal(size=n) * 1e-310,
    "extremes": lambda rng, n: rng.choice([-1.7976931348623157e308, 5e-324, 1.7976931348623157e308], n) * rng.random(n),
}


def in_memory(values: NDArray[np.float64]) -> tuple[bytes, bool, list[int]]:
    """Return the cells as sorting the whole column gives them."""
    ordered = np.sort(values)
    cuts, discrete = edges.build(ordered)
    return cuts.tobytes(), discrete, count_sorted(ordered, cuts).tolist()


def selected(values: NDArray[np.float64], block: int, room: int) -> tuple[bytes, bool, list[int]]:
    """Return the cells as passes over blocks give them."""

    def blocks() -> Iterator[NDArray[np.float64]]:
        return (values[start : start + block] for start in range(0, values.size, block))

    cuts, discrete, counts = select(blocks, room)
    return cuts.tobytes(), discrete, counts.tolist()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 64, 1_000, 20_000])
def test_selecting_is_sorting(shape: str, n: int) -> None:
    """A few values in memory at a time give the same edges, bit by bit, and the same counts as all of them."""
    values = SHAPES[shape](np.random.default_rng(n), n)

    assert in_memory(values) == selected(values, 777, room=10)
    assert in_memory(values) == selected(values, 5_000, room=2_000)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=200), st.integers(0, 50))
@settings(max_examples=50)
def test_selecting_any_values(values: list[float], room: int) -> None:
    """Any finite values, ties, signed zeros and none at all among them, are selected as they are sorted."""
    array = np.array(values, dtype=np.float64)

    assert in_memory(array) == selected(array, 13, room)


@pytest.mark.parametrize("shape", SHAPES)
def test_looking_up_by_grid_is_searching(shape: str) -> None:
    """Many values are looked up by a grid; each is in the cell in which a search finds it, edges and neighbours too."""
    rng = np.random.default_rng(0)
    cuts, _ = edges.build(np.sort(SHAPES[shape](rng, 20_000)))
    near = np.nan_to_num(np.concatenate([cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)]))
    values = np.concatenate([SHAPES[shape](rng, 20_000), near])

    assert np.array_equal(np.searchsorted(cuts, values, side="left"), cell_of(values, cuts))


@pytest.mark.parametrize("distinct", [60, 5_000, OPEN + 20_000])
def test_categories_in_shares(distinct: int) -> None:
    """Categories counted in several passes, each for a share of them, give the vocabulary of one pass."""
    texts = [f"key {i}" for i in range(distinct)] + [f"key {i * i % distinct}" for i in range(900)]
    room = distinct // 2 if distinct > OPEN else distinct

    assert Vocabulary.build(texts) == vocabulary(lambda: iter([pa.array(texts[:1000]), pa.array(texts[1000:])]), room)


@pytest.fixture(scope="module")
def odd() -> pa.Table:
    """Ties, atoms, few values, a constant, gaps, both infinities, and categories."""
    rng, n = np.random.default_rng(7), 20_000
    holes = rng.normal(size=n)
    holes[:300], holes[300:500], holes[500:510] = np.nan, np.inf, -np.inf
    numbers = {name.replace(" ", "_"): shape(rng, n) for name, shape in SHAPES.items() if name != "extremes"}
    return pa.table(numbers | {"holes": holes, "c": rng.choice(["a", "b", "c"], n)})


@pytest.mark.environments("pyarrow")
def test_the_bound_does_not_change_the_baseline(odd: pa.Table, tmp_path: Path) -> None:
    """Whatever the bound on memory, the order of the rows and the files they are in, the baseline is the same."""
    order = np.random.default_rng(1).permutation(odd.num_rows)
    pa.parquet.write_table(odd.take(order[:7_000]), tmp_path / "1.parquet", row_group_size=999)
    pa.parquet.write_table(odd.take(order[7_000:]), tmp_path / "2.parquet")
    expected = pegel.profile(odd).id

    assert [expected] * 3 == [
        pegel.profile(odd, memory=1_000).id,
        pegel.profile(tmp_path).id,
        pegel.profile(tmp_path, memory=60_000).id,
    ]


GROWTH = """
import resource, sys
import numpy, pyarrow.parquet, pyarrow.csv, pegel.notebook
from pegel.notebook import profiling

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

small, large, home = sys.argv[1:4]
baseline = pegel.profile(small)
pegel.check(small, baseline)
pegel.notebook.register(small, name="small", home=home)
before = peak()
baseline = pegel.profile(large, memory=4 << 20)
pegel.check(large, baseline)
pegel.notebook.register(large, name="large", home=home)
print(peak() - before, baseline.rows)
"""


@pytest.mark.long
@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.timeout(180)
def test_a_file_larger_than_the_bound(tmp_path: Path, form: str) -> None:
    """Profiling, checking and registering a file much larger than the bound takes less memory than half of it would."""
    rng, n = np.random.default_rng(0), 800_000 if form == "parquet" else 500_000
    draw = rng.standard_normal if form == "parquet" else partial(rng.integers, 0, 10**6)
    table = pa.table({f"x{i}": draw(n) for i in range(6)})
    small, large = tmp_path / f"small.{form}", tmp_path / f"large.{form}"
    for path, rows in ((small, table.slice(0, 20_000)), (large, table)):
        (pa.parquet.write_table if form == "parquet" else pa.csv.write_csv)(rows, path)
    command = [sys.executable, "-c", GROWTH, str(small), str(large), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={"OPENBLAS_NUM_THREADS": "1"})
    grown, rows = map(int, found.stdout.split())

    assert n == rows
    assert grown < table.nbytes / 2**20 / 2
