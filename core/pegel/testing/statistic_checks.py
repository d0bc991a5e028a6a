"""What every statistic promises, as checks: those of this package and those of an extension run through the same ones.

Each check takes a sample of a class and a seed, and raises AssertionError with a sentence when a promise is broken. Use
them so::

    @pytest.mark.parametrize("check", STATISTIC_CHECKS, ids=lambda check: check.__name__)
    def test_my_statistic(check):
        check(sample_of(MyStatistic), 0)

A ColumnStatistic needs no more; for another class, pass a `Sample` of your own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from pegel.errors import LayoutMismatch
from pegel.stats.statistic import Statistic
from pegel.testing.statistic_samples import SAMPLES, Sample, sample_of

__all__ = ["SAMPLES", "STATISTIC_CHECKS", "Sample", "StatisticCheck", "sample_of"]

ROWS = 1_000
"""Rows drawn per check: enough for a sketch to leave its exact first stage."""
MANY = 16
"""How many times more rows a statistic is given to see that it does not grow with them."""
GROWTH = 4
"""How many times larger its packed form may then be."""

StatisticCheck = Callable[[Sample, int], None]


def _expect(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)


def _expect_same(sample: Sample, expected: Statistic, given: Statistic, sentence: str) -> None:
    _expect(sample.same(expected, given), f"{sentence}: expected {expected.get()}; given {given.get()}")


def _carried(found: Any) -> Any:
    try:
        return json.loads(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"expected what JSON carries; given {found}: {error}") from error


def _filled(sample: Sample, seed: int) -> Statistic:
    return sample.of(sample.draw(np.random.default_rng(seed), ROWS))


def it_has_a_name(sample: Sample, _seed: int) -> None:
    """The class has a name for the registry and for its bytes: one word in lower case."""
    name = sample.start().name
    _expect(name.isidentifier() and name == name.lower(), f"expected one word in lower case as name; given {name!r}")


def the_order_of_rows_does_not_matter(sample: Sample, seed: int) -> None:
    """Rows in any order, in batches of any size, empty ones included, give what all rows give at once."""
    rng = np.random.default_rng(seed)
    rows = sample.draw(rng, ROWS)
    cuts = [0, *np.sort(rng.integers(0, ROWS + 1, size=2))]
    batches = np.split(rng.permutation(rows), cuts)
    _expect_same(sample, sample.of(rows), sample.of(*batches), "batches in another order gave something else")


def any_split_gives_the_whole(sample: Sample, seed: int) -> None:
    """Statistics of parts, merged in any order and grouping, give what all rows give at once."""
    rng = np.random.default_rng(seed)
    rows = sample.draw(rng, ROWS)
    a, b, c = (sample.of(part) for part in np.split(rows, np.sort(rng.integers(0, ROWS + 1, size=2))))
    whole, merged = sample.of(rows), sample.merged
    _expect_same(sample, whole, merged(merged(a, b), c), "parts merged from the left gave something else")
    _expect_same(sample, whole, merged(a, merged(b, c)), "parts merged from the right gave something else")
    _expect_same(sample, whole, merged(c, b, a), "parts merged backwards gave something else")


def no_rows_are_the_identity(sample: Sample, seed: int) -> None:
    """Merging with a statistic of no rows changes nothing, from either side."""
    whole = _filled(sample, seed)
    _expect_same(sample, whole, sample.merged(whole), "merging some rows into none gave something else")
    before = whole.get()
    whole.merge(sample.start())
    _expect(whole.get() == before, f"merging with no rows changed {before} into {whole.get()}")


def merging_leaves_the_other_alone(sample: Sample, seed: int) -> None:
    """What was merged is as before, and stays so when rows are added to what it was merged into."""
    rows = sample.draw(np.random.default_rng(seed), 2 * ROWS)
    other = sample.of(rows[:ROWS])
    before = other.get()
    whole = sample.merged(other)
    whole.update(rows[ROWS:])
    _expect(other.get() == before, f"merging changed the other from {before} into {other.get()}")


def its_input_is_left_alone(sample: Sample, seed: int) -> None:
    """Rows are neither written to nor kept: changing them later changes nothing."""
    rows = sample.draw(np.random.default_rng(seed), ROWS)
    rows.flags.writeable = False
    found = sample.of(rows)
    before = found.get()
    rows.flags.writeable = True
    rows[...] = rows[0]
    _expect(found.get() == before, "rows were kept: changing them later changed what was found")


def what_it_found_is_plain(sample: Sample, seed: int) -> None:
    """`get` returns what JSON carries, without NaN, with and without rows, and looking changes nothing."""
    for found in (sample.start(), _filled(sample, seed)):
        first = found.get()
        _expect(_carried(first) == first, f"expected what JSON carries; given {first}")
        _expect(found.get() == first, f"looking twice found {first}, then {found.get()}")


def bytes_carry_everything(sample: Sample, seed: int) -> None:
    """What is unpacked found exactly the same as what was packed, and goes on like it."""
    for found in (sample.start(), _filled(sample, seed)):
        copy = type(found).from_bytes(found.to_bytes())
        _expect(copy.get() == found.get(), f"packed {found.get()}; unpacked {copy.get()}")
        for one in (found, copy):
            one.update(sample.draw(np.random.default_rng(seed + 1), ROWS))
            one.merge(_filled(sample, seed + 2))
        _expect_same(sample, found, copy, "what was unpacked went on differently")


def other_bytes_are_refused(sample: Sample, seed: int) -> None:
    """Bytes that are not its own, or that were cut short, raise LayoutMismatch."""
    found = _filled(sample, seed)
    data = found.to_bytes()
    for wrong in (b"", b"nonsense", b"x" + data, data[:-1], data[: len(data) // 2]):
        try:
            type(found).from_bytes(wrong)
        except LayoutMismatch:
            continue
        raise AssertionError(f"{len(wrong)} bytes that begin with {wrong[:12]!r} were read; expected LayoutMismatch")


def other_cells_are_refused(sample: Sample, seed: int) -> None:
    """Merging with one that counts in other cells, if such a thing exists, is refused and changes nothing."""
    if sample.other is None:
        return
    found = _filled(sample, seed)
    before = found.get()
    try:
        found.merge(sample.other())
    except LayoutMismatch:
        _expect(found.get() == before, f"a refused merge changed {before} into {found.get()}")
        return
    raise AssertionError("counts in other cells were merged; expected LayoutMismatch")


def its_size_does_not_follow_the_rows(sample: Sample, seed: int) -> None:
    """Sixteen times the rows take at most four times the bytes."""
    rng = np.random.default_rng(seed)
    few, many = (len(sample.of(sample.draw(rng, n)).to_bytes()) for n in (ROWS, MANY * ROWS))
    _expect(many <= GROWTH * few, f"{MANY} times the rows took {many} bytes instead of {few}; expected {GROWTH} times")


STATISTIC_CHECKS: tuple[StatisticCheck, ...] = (
    it_has_a_name,
    the_order_of_rows_does_not_matter,
    any_split_gives_the_whole,
    no_rows_are_the_identity,
    merging_leaves_the_other_alone,
    its_input_is_left_alone,
    what_it_found_is_plain,
    bytes_carry_everything,
    other_bytes_are_refused,
    other_cells_are_refused,
    its_size_does_not_follow_the_rows,
)
