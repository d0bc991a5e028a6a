"""What is kept of how a model did: its spans, and the charts over its labelled events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.stats.performance_counts import PerformanceCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRow:
    """How a model did in one span. Key: model, version, segment, span, revision.

    `settled`: whether no further label changes figures, see `settling`. `coverage`: what is
    known of the labels beyond their number, as it is shown; None where nothing is. `estimate`: of answers without
    labels, as it is shown; None where there is none. `judgement`: as `SpanJudgement.to_json` wrote it.
    """

    model: str
    version: int
    span: Span
    counts: PerformanceCounts
    settled: bool
    verdict: Verdict
    judgement: dict[str, Any]
    at: datetime
    revision: int = 0
    segment: str = ""
    coverage: dict[str, Any] | None = None
    estimate: dict[str, Any] | None = None
    baseline_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptChartRow:
    """A chart over labelled events. Key: model, version, segment, chart. `up_to`: it took in all events before.

    `aside`: the state that could not be read, because of which it began anew: `at`, as ISO 8601, `why`, and `state` as
    it stood there; None where nothing happened to it since its baseline came.
    """

    model: str
    version: int
    chart: str
    state: dict[str, Any]
    baseline_id: str
    up_to: datetime
    segment: str = ""
    aside: dict[str, Any] | None = None
