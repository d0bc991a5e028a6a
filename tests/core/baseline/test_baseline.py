"""Baselines: identity and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.detect.error_rate import measure
from pegel.errors import LayoutMismatch
from pegel.spec.monitor_spec import Watch
from pegel.stats.dispersion import Dispersion
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.layout import Layout, build_layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary

Count = Callable[..., Summary]
MONDAY = datetime(2026, 6, 1, 22, tzinfo=UTC)
"""Midnight where clocks are two hours ahead."""


def test_any_order_and_partitioning_give_one_id(
    baseline: Baseline, schema: Any, training: dict[str, Any], count: Count
) -> None:
    """The same rows shuffled and counted in parts give the same baseline."""
    order = np.random.default_rng(0).permutation(20_000)
    shuffled = {name: column[order] for name, column in training.items()}
    layout = build_layout(schema, shuffled)
    summary = Summary.empty(layout, exact=True)
    for part in np.array_split(np.arange(20_000), [3, 500, 12_345]):
        rows = {name: column[part] for name, column in shuffled.items()}
        summary.merge(Summary.from_bytes(count(layout, rows, exact=True).to_bytes(), layout))
    again = Baseline.build(
        layout=layout, summary=summary, model="delays", version=1, source="elsewhere", scores=None, watch=Watch()
    )

    assert baseline.to_json()["content"]["summary"] == again.to_json()["content"]["summary"]
    assert baseline.layout.layout_hash == again.layout.layout_hash
    assert baseline.kappa.tobytes() == again.kappa.tobytes()


def test_parts_of_the_day_and_sketches_do_not_disturb_the_id(
    learnt: Callable[..., Baseline], counted: Callable[..., Summary]
) -> None:
    """With counts by season, pairs and sketches, too, rows in any order and partitioning give one id."""
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=5_000), "y": rng.lognormal(size=5_000)}
    of_row, noise = rng.integers(0, 2, 5_000), Noise(seasons=Seasons(12))
    first = learnt(values, kept=("quantiles", "moment_sums"), noise=noise, of_row=of_row)
    summary = Summary.empty(first.layout, exact=True)
    for chosen in np.array_split(rng.permutation(5_000), [7, 2_000]):
        some = {name: column[chosen] for name, column in values.items()}
        summary.merge(counted(first.layout, some, of_row=of_row[chosen], exact=True))
    again = Baseline.build(
        layout=first.layout,
        summary=summary,
        model="delays",
        version=1,
        source="",
        scores=None,
        watch=Watch(),
        noise=noise,
    )

    assert first.id == again.id
    assert first.id != learnt(values, kept=("quantiles", "moment_sums"), noise=noise).id


def test_everything_survives_json(learnt: Callable[..., Baseline]) -> None:
    """Noise with its words, seasons, pairs, variance factors and errors are the same after JSON."""
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=2_000), "y": rng.normal(size=2_000), "c": np.array(["a", "b"] * 1_000, dtype=object)}
    dispersion = Dispersion(200, 50, {"location": 1.5}, (1.2, 7.5, 9), {"location": 0.1})
    noise = Noise({"x": dispersion}, Seasons(3, weekend=True, utc_offset=timedelta(hours=2)), "as measured")
    times = np.full(2_000, "2015-01-01", dtype="datetime64[us]")
    labels, answers = (rng.choice(["0", "1"], 2_000) for _ in range(2))
    rows = LabelledRows.of_classes(answers, labels, event_time=times, arrived_at=times, score=rng.random(2_000))
    performance = replace(measure(rows), dispersion={"error rate": 1.5})
    made = learnt(values, noise=noise, of_row=rng.integers(0, 16, 2_000), performance=performance)
    copy = Baseline.from_json(json.loads(json.dumps(made.to_json())))

    assert made.to_json() == copy.to_json()
    assert (noise, performance) == (copy.noise, copy.performance)
    assert made.kappa.tolist() == copy.kappa.tolist()
    assert made.summary.to_bytes() == copy.summary.to_bytes()
    assert copy.season(MONDAY, MONDAY + timedelta(hours=1)) == 0
    assert copy.season(MONDAY, MONDAY + timedelta(hours=4)) is None


def test_words_about_noise_are_not_identity(learnt: Callable[..., Baseline]) -> None:
    """How a person is told of the noise does not make another baseline; what is judged with does."""
    values = {"x": np.random.default_rng(0).normal(size=2_000)}
    wide = {"x": Dispersion(200, 50, {"location": 1.5})}
    ids = [learnt(values, noise=noise).id for noise in (Noise(), Noise(why="in other words"), Noise(wide))]

    assert ids[0] == ids[1] != ids[2]


def test_source_and_time_are_not_identity(layout: Layout, training: Any, count: Count) -> None:
    """The same rows from elsewhere, at another time, are the same baseline; for another model they are not."""

    def build(source: str, version: int) -> str:
        summary = count(layout, training, exact=True)
        return Baseline.build(
            layout=layout, summary=summary, model="m", version=version, source=source, scores=None, watch=Watch()
        ).id

    assert build("a", 1) == build("b", 1)
    assert build("a", 1) != build("a", 2)


def test_json_round_trip(baseline: Baseline) -> None:
    """A baseline read back from JSON text is the same, digit by digit."""
    copy = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))

    assert baseline.to_json() == copy.to_json()
    assert baseline.summary.to_bytes() == copy.summary.to_bytes()
    assert (20_000, baseline.outlier_cutoff) == (copy.rows, copy.outlier_cutoff)


def test_changed_documents_are_refused(baseline: Baseline) -> None:
    """A document whose content was changed no longer has its id, and is not used."""
    document = json.loads(json.dumps(baseline.to_json()))
    document["content"]["summary"]["cells"][3] += 1

    with pytest.raises(LayoutMismatch, match="the document was changed after it was written"):
        Baseline.from_json(document)


def test_sums_must_be_exact(layout: Layout, training: Any, count: Count) -> None:
    """A summary without exact sums gives no baseline, and the message says how to make one."""
    with pytest.raises(ValueError, match=r"expected a summary with exact sums, `Summary.empty\(layout, exact=True\)`"):
        Baseline.build(
            layout=layout,
            summary=count(layout, training),
            model="m",
            version=1,
            source="",
            scores=None,
            watch=Watch(),
        )


def test_frozen(baseline: Baseline) -> None:
    """The counts of a baseline cannot be changed."""
    with pytest.raises(ValueError, match="read-only"):
        baseline.summary.cells[0] += 1
