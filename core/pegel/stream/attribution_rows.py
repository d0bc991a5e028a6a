"""What the results database holds of explained rows, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.stats.attribution_sums import AttributionSums
from pegel.stream.explained_counts import LearnedRows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttributionRow:
    """One final window of explained rows. Key: model, version, span, revision.

    `verdict`: on attributions; `identity`: on the answers, INSUFFICIENT where none was looked at. `rows`: explained
    ones of the window itself; `summary`, `sums` are of those that were judged, which windows before may have left,
    since `since`. `replayed`: answers that were looked at; beside a surrogate they are judged together, and none by
    itself is among the `differing`. `why`: why rows were not judged; empty where they were. `facts`: what is shown and
    never thresholded; `features`: what is known of each.
    """

    model: str
    version: int
    span: Span
    revision: int
    rows: int
    replayed: int
    differing: int
    verdict: Verdict
    identity: Verdict
    why: str
    since: datetime
    baseline_id: str | None
    summary: bytes
    sums: AttributionSums | None
    facts: dict[str, Any] = field(default_factory=dict)
    features: list[dict[str, Any]] = field(default_factory=list)
    spec_fingerprint: str = ""
    code_version: str = ""
    emitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowsOfWindow:
    """Explained rows of one final window, of which a baseline is learned. Key: model, version, begin of the window."""

    model: str
    version: int
    start: datetime
    parts: tuple[LearnedRows, ...]
