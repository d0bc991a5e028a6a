"""A long span is exactly the sum of its windows: the same counts as those of all its rows in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.spans import Span
from pegel.longspans.late_windows import CountedAgain, recounted
from pegel.longspans.tiling import ended_spans, span_at, tiles
from pegel.longspans.window_sums import Counted, digest, parts_of, window_key
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.stats.layout import build_layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import baseline_of, sample_span, sample_spec, sample_window

LENGTH = timedelta(minutes=10)
SCHEMA = Schema(
    (
        Field("amount", Kind.NUMERIC),
        Field("other", Kind.NUMERIC),
        Field("constant", Kind.NUMERIC),
        Field("carrier", Kind.CATEGORICAL),
    )
)


def odd_rows(n: int, rng: np.random.Generator) -> Columns:
    """Draw rows with nulls, NaN, infinities, a constant, unseen and missing categories."""
    numbers = np.column_stack([rng.lognormal(size=n), rng.normal(1e6, 0.1, n), np.ones(n)])
    missing = np.full(numbers.shape, Missing.PRESENT, dtype=np.uint8)
    kind = rng.integers(0, 12, numbers.shape)
    numbers[kind == 1], numbers[kind == 2], numbers[kind == 3] = np.inf, -np.inf, np.nan
    missing[kind == 4], missing[kind == 5] = Missing.NULL, Missing.UNPARSEABLE
    numbers[(kind == 4) | (kind == 5)] = np.nan
    carriers = np.array(["WN", "AA", "never seen", None, ""], dtype=object)[rng.integers(0, 5, n)]
    return Columns(n, numbers, missing, (carriers,), (None,))


@pytest.fixture(scope="module")
def seasonal() -> Baseline:
    """A baseline whose hours of the day, three by three, are told apart."""
    rng = np.random.default_rng(0)
    values = {
        "amount": rng.lognormal(size=1_000),
        "other": rng.normal(1e6, 0.1, 1_000),
        "constant": np.ones(1_000),
        "carrier": rng.choice(np.array(["WN", "AA"], dtype=object), 1_000),
    }
    numbers = np.column_stack([values[name] for name in ("amount", "other", "constant")])
    rows = Columns(1_000, numbers, None, (values["carrier"],), (None,))
    layout = build_layout(SCHEMA, values)
    assert layout.correlated
    return baseline_of(SCHEMA, values, rows, scores=None, noise=Noise(seasons=Seasons(3)))


def window(at: int, rows: Columns, baseline: Baseline, segment: str = "") -> WindowRow:
    """Return the window that begins `at` lengths after the start, as the stream writes it."""
    summary = Summary.empty(baseline.layout)
    summary.update(rows, Role.FEATURE)
    span = Span(START + at * LENGTH, START + (at + 1) * LENGTH)
    return sample_window(
        span=span,
        rows=rows.n,
        summary=summary.to_bytes(),
        baseline_id=baseline.id,
        layout_hash=baseline.layout.layout_hash,
        segment=segment,
    )


def in_one_pass(columns: list[tuple[int, Columns]], baseline: Baseline) -> Summary:
    """Count rows, each told with its window, in one summary: the rows of a season together."""
    whole = Summary.empty(baseline.layout)
    by_season: dict[int | None, list[Columns]] = {}
    for at, rows in columns:
        season = baseline.season(START + at * LENGTH, START + (at + 1) * LENGTH)
        by_season.setdefault(season, []).append(rows)
    for season, some in by_season.items():
        numbers = np.concatenate([rows.numeric for rows in some])
        missing = np.concatenate([np.asarray(rows.missing) for rows in some])
        texts = np.concatenate([rows.categorical[0] for rows in some])
        whole.update(Columns(len(numbers), numbers, missing, (texts,), (None,)), Role.FEATURE, season)
    return whole


@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_a_day_is_the_sum_of_its_windows(seasonal: Baseline, seed: int, sizes: list[int]) -> None:
    """In two segments: counters, cells, ranges, pairs and seasons of merged windows are those of one pass over all."""
    rng = np.random.default_rng(seed)
    drawn = {segment: [(at * 5 % 144, odd_rows(n, rng)) for at, n in enumerate(sizes)] for segment in ("", "a=1")}
    for segment, rows in drawn.items():
        windows = [window(at, some, seasonal, segment) for at, some in rows]
        (part,) = parts_of(Counted.of_window(row, seasonal) for row in rng.permutation(np.array(windows, dtype=object)))
        merged, whole = part.summary, in_one_pass(rows, seasonal)

        assert merged is not None
        assert (sum(sizes), len(sizes)) == (part.counts["rows"], part.windows)
        assert np.array_equal(whole.counters, merged.counters)
        assert np.array_equal(whole.cells, merged.cells)
        assert np.array_equal(whole.ranges, merged.ranges)
        assert whole.season_cells.keys() <= merged.season_cells.keys()
        assert all(np.array_equal(cells, merged.season_cells[at]) for at, cells in whole.season_cells.items())
        assert all(
            np.array_equal(one, two) for one, two in zip(whole.comoments.arrays, merged.comoments.arrays, strict=True)
        )
        assert np.allclose(whole.moments[:, :3], merged.moments[:, :3], rtol=1e-9, atol=1e-9, equal_nan=True)


def test_a_window_counted_again_keeps_its_season(seasonal: Baseline) -> None:
    """Counted again from the archive, its rows are of the same season as before: a day is judged by seasons as ever."""
    rows, span = odd_rows(30, np.random.default_rng(2)), Span(START, START + LENGTH)
    (before,) = [Counted.of_window(window(0, rows, seasonal), seasonal)]

    def recount(_: MonitorSpec, by: Baseline, windows: Sequence[Span], /) -> dict[Span, CountedAgain | str]:
        summary = Summary.empty(by.layout)
        summary.update(rows, Role.FEATURE)
        return dict.fromkeys(windows, CountedAgain(summary, 30, 30))

    again = recounted([before], {span: 1}, recount, sample_spec(), lambda _: seasonal)
    (after,) = again.counted
    assert before.summary is not None
    assert after.summary is not None

    assert (0, 1) == (again.missing, after.recounted)
    assert [seasonal.season(span.start, span.end)] == list(after.summary.season_cells)
    assert before.summary.season_cells[0].tolist() == after.summary.season_cells[0].tolist()


def test_windows_of_two_baselines_are_two_parts(seasonal: Baseline) -> None:
    """Counts of different baselines are never added, even in the same cells; silence goes with the part before."""
    rng = np.random.default_rng(1)
    rows = odd_rows(50, rng)
    values = {"amount": np.arange(900.0), "other": np.arange(900.0), "constant": np.ones(900)}
    texts = np.full(900, "WN", dtype=object)
    columns = Columns(900, np.column_stack(list(values.values())), None, (texts,), (None,))
    later = baseline_of(SCHEMA, values | {"carrier": texts}, columns, scores=None)
    windows = [window(0, rows, seasonal), window(1, rows, seasonal), window(4, rows, later)]
    silent = sample_window(span=Span(START + 2 * LENGTH, START + 3 * LENGTH), rows=0, requests=0, baseline_id=None)
    known = {seasonal.id: seasonal, later.id: later}
    parts = parts_of(Counted.of_window(row, known.get(row.baseline_id or "")) for row in (*windows, silent))

    assert [seasonal.id, later.id] == [part.baseline_id for part in parts]
    assert [100, 50] == [part.counts["rows"] for part in parts]
    assert [3, 1] == [part.windows for part in parts]
    assert [Span(START, START + 3 * LENGTH), Span(START + 4 * LENGTH, START + 5 * LENGTH)] == [
        part.part for part in parts
    ]


def test_only_tiling_windows_are_added_up() -> None:
    """Of windows that overlap, those on the grid of their length make an hour; no row is counted twice."""
    hour = span_at(Rhythm.HOUR, START)
    sliding = [
        sample_window(span=Span(START + at * timedelta(minutes=5), START + at * timedelta(minutes=5) + LENGTH))
        for at in range(12)
    ]
    found = tiles(sliding, hour, LENGTH)

    assert 6 == len(found)
    assert all(one.span.end == other.span.start for one, other in pairwise(found))
    longer = sample_window(span=Span(START + 3 * LENGTH, START + 3 * LENGTH + timedelta(minutes=15)))
    assert longer not in tiles([*sliding, longer], hour, LENGTH)
    assert longer in tiles([*found[:3], longer], hour, LENGTH)


def test_spans_follow_the_calendar() -> None:
    """Weeks begin on Monday, and a span that goes on is none yet; 40 minutes make days but no hours."""
    week = timedelta(weeks=1)

    assert 0 == span_at(Rhythm.WEEK, START).start.weekday()
    assert 7 == len(ended_spans(Rhythm.DAY, START, START + week, now=START + week))
    assert 6 == len(ended_spans(Rhythm.DAY, START, START + week, now=START + week - timedelta(seconds=1)))
    assert [False, True, True] == [
        rhythm.is_tiled_by(timedelta(minutes=40)) for rhythm in (Rhythm.HOUR, Rhythm.DAY, Rhythm.WEEK)
    ]
    assert not Rhythm.WEEK.is_tiled_by(timedelta(hours=7))


def test_a_digest_tells_what_a_span_is_made_of() -> None:
    """The order of windows says nothing; another revision, baseline or number of rows makes another."""

    def key(minute: int, revision: int = 1, baseline_id: str | None = "b", rows: int = 9) -> str:
        return window_key(sample_span(minute), revision, baseline_id, rows)

    windows = [key(minute) for minute in range(3)]
    changed = [
        [*windows[:2], key(2, revision=2)],
        [*windows[:2], key(2, baseline_id=None)],
        [*windows[:2], key(2, rows=1)],
        windows[:2],
    ]

    assert digest(windows) == digest(windows[::-1])
    assert 5 == len({digest(windows), *map(digest, changed)})
