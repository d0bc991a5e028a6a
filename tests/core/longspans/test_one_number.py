"""The user's one number covers windows, hours, days and weeks together: simulated over baselines without any change."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from scipy.stats import poisson

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.judge import judge
from pegel.judge.rhythm_parts import rhythm_parts
from pegel.longspans.tiling import span_at
from pegel.spec.rhythms import Rhythm
from pegel.stats.summary import Summary
from pegel.testing.manual_clock import START
from pegel.testing.samples import baseline_of, sample_spec

pytestmark = pytest.mark.slow
SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC)))
LENGTH = timedelta(minutes=30)
ROWS, TRAINED, WEEKS = 60, 4_000, 4
PER_WEEK = 3
CERTAIN = 1e-4


def drawn(rng: np.random.Generator, n: int) -> Columns:
    """Draw rows of two independent numbers."""
    return Columns(n, rng.normal(size=(n, 2)), None, (), ())


@pytest.mark.long
def test_all_rhythms_together_keep_the_number() -> None:
    """Four weeks, each with a baseline of its own: no more alarms than promised in all, nor in any one rhythm."""
    spec = sample_spec(windowing={"length": "30m"}, false_alarms=f"{PER_WEEK} per week")
    monday = span_at(Rhythm.WEEK, START + timedelta(weeks=1)).start
    lengths = {Rhythm.WINDOW: LENGTH} | {rhythm: rhythm.length for rhythm in spec.rhythms[1:]}
    alarms = dict.fromkeys(spec.rhythms, 0)
    rng = np.random.default_rng(20261129)
    for _ in range(WEEKS):
        rows = drawn(rng, TRAINED)
        baseline = baseline_of(SCHEMA, {"x": rows.numeric[:, 0], "y": rows.numeric[:, 1]}, rows, scores=None)
        summaries = []
        for _ in range(timedelta(weeks=1) // LENGTH):
            summaries.append(Summary.empty(baseline.layout))
            summaries[-1].update(drawn(rng, ROWS), Role.FEATURE)
        for rhythm, length in lengths.items():
            count = length // LENGTH
            for at in range(0, len(summaries), count):
                span = Span(monday + at * LENGTH, monday + (at + count) * LENGTH)
                whole = Summary.total(summaries[at : at + count])
                found = judge(baseline, whole, spec=spec, span=span, revision=1, rhythm=rhythm)
                alarms[rhythm] += bool(found.findings)
    allowed = {rhythm: WEEKS * PER_WEEK * part for rhythm, part in rhythm_parts(spec).items()}

    assert sum(alarms.values()) <= poisson.isf(CERTAIN, WEEKS * PER_WEEK)
    assert sum(alarms.values()) >= poisson.ppf(CERTAIN, 0.3 * WEEKS * PER_WEEK)
    assert dict.fromkeys(alarms, True) == {
        rhythm: count <= poisson.isf(CERTAIN, allowed[rhythm]) for rhythm, count in alarms.items()
    }
