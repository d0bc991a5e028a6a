"""Baselines: identity and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline import Baseline
from pegel.errors import LayoutMismatch
from pegel.layout import Layout, build_layout
from pegel.spec import Watch
from pegel.summary import Summary

Count = Callable[..., Summary]


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

