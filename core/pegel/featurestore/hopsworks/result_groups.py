"""What results look like as feature groups of Hopsworks: four, each with columns, a key and a time.

A row of one is found again by its key, so writing it twice changes nothing. Instants are in UTC. Groups are read
offline, by SQL or a notebook beside the features of the model; nothing is served from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pegel.judge.findings import Finding
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary, Summary
from pegel.stream.result_rows import OutlierRow, WindowRow

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultGroup:
    """A feature group of results. `columns`: their types by name, as Hopsworks calls them (`bigint`, `timestamp`).

    `keys` and `event_time` together are no two rows'.
    """

    name: str
    description: str
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    event_time: str
    version: int = 1


_MONITOR = {"model": "string", "version": "int"}
_SPAN = {"segment": "string", "window_start": "timestamp", "window_end": "timestamp"}
_COUNTS = ("requests", "responses", "joined", "rows", "late", "duplicates", "invalid", "clamped", "orphans")
_FIELD_COUNTS = ("values", "nulls", "nans", "infinities", "unparseable", "unseen", "beyond")

WINDOWS = ResultGroup(
    name="pegel_windows",
    description="Final windows of watched models: counts and verdicts",
    columns={
        **_MONITOR,
        **_SPAN,
        "revision": "int",
        "origin": "string",
        "verdict": "string",
        **dict.fromkeys(_COUNTS, "bigint"),
        "baseline_id": "string",
        "emitted_at": "timestamp",
    },
    keys=("model", "version", "segment", "window_start"),
    event_time="window_end",
)
FINDINGS = ResultGroup(
    name="pegel_findings",
    description="Judged deviations of single features in final windows",
    columns={
        **_MONITOR,
        "finding_id": "string",
        **_SPAN,
        "revision": "int",
        "origin": "string",
        "feature": "string",
        "detector": "string",
        "test": "string",
        "verdict": "string",
        "statistic": "double",
        "p_value": "double",
        "threshold": "double",
        "effect": "double",
        "effect_unit": "string",
        "n": "bigint",
        "m": "bigint",
        "what": "string",
        "baseline_id": "string",
    },
    keys=("model", "version", "finding_id"),
    event_time="window_end",
)
OUTLIERS = ResultGroup(
    name="pegel_outliers",
    description="Single rows that score beyond what training data has, with the features that made them so",
    columns={
        **_MONITOR,
        "event_id": "string",
        "row": "int",
        "event_time": "timestamp",
        "score": "double",
        "cutoff": "double",
        "p_value": "double",
        "reasons": "string",
    },
    keys=("model", "version", "event_id", "row"),
    event_time="event_time",
)
QUALITY = ResultGroup(
    name="pegel_quality",
    description="What came in place of values, by field and final window: nulls, infinities, unseen categories",
    columns={
        **_MONITOR,
        **_SPAN,
        "feature": "string",
        "revision": "int",
        "origin": "string",
        **dict.fromkeys(_FIELD_COUNTS, "bigint"),
    },
    keys=("model", "version", "segment", "window_start", "feature"),
    event_time="window_end",
)
RESULT_GROUPS = (WINDOWS, FINDINGS, OUTLIERS, QUALITY)


def of_window(row: WindowRow) -> Record:
    """Return a window as a row of `WINDOWS`."""
    return {
        **_place_of(row),
        "verdict": row.verdict.value,
        **{name: getattr(row, name) for name in _COUNTS},
        "baseline_id": row.baseline_id or "",
        "emitted_at": row.emitted_at,
    }


def of_finding(finding: Finding) -> Record:
    """Return a finding as a row of `FINDINGS`."""
    plain = ("revision", "origin", "feature", "detector", "test", "statistic", "p_value", "threshold", "effect")
    return {
        "model": finding.model,
        "version": finding.version,
        "finding_id": finding.id,
        "segment": finding.segment,
        "window_start": finding.span.start,
        "window_end": finding.span.end,
        **{name: getattr(finding, name) for name in (*plain, "effect_unit", "n", "m", "what", "baseline_id")},
        "verdict": finding.verdict.value,
    }


def of_outlier(row: OutlierRow) -> Record:
    """Return an outlying row as one of `OUTLIERS`; its reasons are JSON."""
    plain = ("model", "version", "event_id", "row", "event_time", "score", "cutoff", "p_value")
    return {**{name: getattr(row, name) for name in plain}, "reasons": json.dumps(row.reasons)}


def of_summary(row: WindowRow, summary: Summary) -> Iterator[Record]:
    """Yield a row of `QUALITY` for each field of a window's summary.

    `values` are all, whatever they are. `unseen`: categories, or values of a number with few of them, that training
    data lack; `beyond`: other numbers below the least or above the most of the training data.
    """
    for name, field in summary.features.items():
        infinite = field.n_posinf + field.n_neginf
        counts = (field.n, field.n_null, field.n_nan, infinite, field.n_unparseable, *_strange(field))
        yield {**_place_of(row), "feature": name, **dict(zip(_FIELD_COUNTS, counts, strict=True))}


def _strange(field: FeatureSummary) -> tuple[int, int]:
    """Return how many values of a field training data lack, and how many lie beyond all of theirs."""
    layout = field.layout
    if not isinstance(layout, NumericLayout):
        return field.n_unseen, 0
    if layout.discrete:
        return int(field.cells[~layout.points].sum()), 0
    return 0, int(field.cells[[0, -1]].sum())


def _place_of(row: WindowRow) -> Record:
    return {
        "model": row.model,
        "version": row.version,
        "segment": row.segment,
        "window_start": row.span.start,
        "window_end": row.span.end,
        "revision": row.revision,
        "origin": row.origin.value,
    }
