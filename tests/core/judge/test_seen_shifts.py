"""How small a shift is seen is told before there is a window, and windows then see it as often as was told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Schema
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.judge import judge
from pegel.judge.layer import TrainingFacts
from pegel.judge.outlook import Outlook
from pegel.judge.seen_shifts import POWER, WINDOWS, SeenShifts
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import counted, sample_span, sample_spec, trained_on

pytestmark = pytest.mark.environments("pyarrow")

SCHEMA = Schema(tuple(Field(name, Kind.NUMERIC) for name in ("a", "b", "c")))
NAMES = Schema(tuple(Field(name, Kind.CATEGORICAL) for name in ("a", "b")))
RUNS = 40
"""Streams; three standard errors of the share found are .19."""


def rows(rng: np.random.Generator, n: int, shift: float = 0.0) -> pa.Table:
    """Return rows of three normal numbers, the first of them shifted."""
    return pa.table({"a": rng.normal(shift, size=n), "b": rng.normal(size=n), "c": rng.normal(size=n)})


def asked(**changes: Any) -> MonitorSpec:
    """Return a spec whose windows have 200 rows."""
    return sample_spec(watch={"rows_per_day": 200 * 1_440}, windowing={"length": "1m", "lateness": "10s"}, **changes)


def seen(spec: MonitorSpec, known: Baseline | TrainingFacts) -> SeenShifts | None:
    """Return what is told of a spec."""
    return SeenShifts.of(Outlook.of(spec, known).division)


@pytest.fixture(scope="module")
def trained() -> Baseline:
    """A baseline of 50,000 rows."""
    return trained_on(rows(np.random.default_rng(0), 50_000), SCHEMA, asked())


def found(trained: Baseline, spec: MonitorSpec, shift: float, windows: int, seed: int) -> int | None:
    """Return after how many windows a finding names the shifted number, None if not within `windows`."""
    rng, state, span = np.random.default_rng(seed), ChartState(trained.id), sample_span()
    for number in range(windows):
        at = Span(span.start + number * timedelta(minutes=1), span.start + (number + 1) * timedelta(minutes=1))
        window = counted(trained.layout, rows(rng, 200, shift))
        judged = judge(trained, window, spec=spec, span=at, revision=1, chart_state=state)
        if any(finding.feature == "a" for finding in judged.findings):
            return number + 1
        state = judged.chart_state or state
    return None


def test_a_shift_is_found_at_once_as_often_as_told(trained: Baseline) -> None:
    """A shift of the size that is called seen by one window is found by one window in about `POWER` of all cases."""
    told = seen(asked(), trained)
    assert told is not None
    share = np.mean([found(trained, asked(), told.at_once, 1, seed) is not None for seed in range(RUNS)])

    assert POWER - 0.2 <= share <= 1.0
    assert sum(found(trained, asked(), told.at_once / 2, 1, seed) is not None for seed in range(RUNS)) <= RUNS / 4


def test_a_lasting_shift_is_found_as_soon_as_told(trained: Baseline) -> None:
    """A lasting shift of the size that is called seen by charts takes about `WINDOWS` windows in the mean."""
    told = seen(asked(), trained)
    assert told is not None
    assert told.lasting is not None
    waits = [found(trained, asked(), told.lasting, 4 * WINDOWS, seed) or 4 * WINDOWS for seed in range(RUNS)]

    assert 0.6 * WINDOWS <= np.mean(waits) <= 1.4 * WINDOWS


def test_more_false_alarms_or_rows_see_smaller_shifts() -> None:
    """A larger budget, more rows and fewer fields each make what is seen smaller."""
    facts = TrainingFacts(50_000, SCHEMA)
    wide = TrainingFacts(50_000, Schema(tuple(Field(f"n{n}", Kind.NUMERIC) for n in range(60))))
    plain, bold = seen(asked(), facts), seen(asked(false_alarms={"count": 20}), facts)
    more, broad = seen(sample_spec(watch={"rows_per_day": 2_880_000}), facts), seen(asked(), wide)
    assert None not in (plain, bold, more, broad)
    sizes = [each.at_once for each in (more, bold, plain, broad) if each is not None]

    assert sizes == sorted(sizes)


@pytest.mark.parametrize("facts", [TrainingFacts(50_000, NAMES), TrainingFacts(400, SCHEMA), TrainingFacts(0, SCHEMA)])
def test_nothing_is_told_where_no_number_is_judged(facts: TrainingFacts) -> None:
    """Without a number whose drift is judged there is no such line."""
    assert "seen" not in [line.about for line in Outlook.of(asked(), facts).brief()]


def test_without_charts_only_one_window_is_told_of() -> None:
    """Where windows are too large for charts, nothing is said of many windows."""
    facts = TrainingFacts(2_000, SCHEMA)
    (line,) = (line for line in Outlook.of(asked(), facts).brief() if line.about == "seen")

    assert line.words.endswith("is seen by one window of 200 rows")


def test_windows_of_few_rows_are_told_of_together() -> None:
    """Where a window alone has too few rows to be judged, what several see together is told."""
    few = sample_spec(watch={"rows_per_day": 12 * 1_440}, windowing={"length": "1m", "lateness": "10s"})
    (line,) = (line for line in Outlook.of(few, TrainingFacts(50_000, SCHEMA)).brief() if line.about == "seen")

    assert "is seen by windows added up to 50 rows, one of " in line.words
    assert line.words.endswith("within 16 times as many")
