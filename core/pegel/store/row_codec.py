"""Rows <-> values: the flat columns of a table against the dataclasses of result rows and findings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.engine import RowMapping

from pegel.data.spans import Span
from pegel.judge.findings import Finding, Verdict
from pegel.stream.commit import ArrivalRow, Gap, SetAside
from pegel.stream.result_rows import SAMPLE_LIMIT, Heartbeat, InvalidRow, LedgerRow, OutlierRow, WindowRow

Row = WindowRow | OutlierRow | LedgerRow | InvalidRow | Heartbeat | ArrivalRow | Gap | SetAside


def flat(row: Row) -> dict[str, Any]:
    """Return the columns of a row. A span becomes `span_start` and `span_end`; a sample is cut to its limit."""
    columns = {name: getattr(row, name) for name in row.__dataclass_fields__}
    span = columns.pop("span", None)
    if span is not None:
        columns |= {"span_start": span.start, "span_end": span.end, "verdict": columns["verdict"].value}
    if isinstance(row, InvalidRow):
        columns["sample"] = row.sample[:SAMPLE_LIMIT]
    return columns


def window(columns: RowMapping) -> WindowRow:
    """Build a window row from its columns."""
    values = dict(columns)
    values["span"] = Span(values.pop("span_start"), values.pop("span_end"))
    values["verdict"] = Verdict(values["verdict"])
    return WindowRow(**values)


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Return plain JSON, the inverse of `finding_from_json`; floats survive to the last bit."""
    data = asdict(finding)
    data["span"] = [finding.span.start.isoformat(), finding.span.end.isoformat()]
    data["verdict"] = finding.verdict.value
    return data


def finding_from_json(data: dict[str, Any]) -> Finding:
    """Build a finding from what `finding_to_json` wrote."""
    start, end = data["span"]
    span = Span(datetime.fromisoformat(start), datetime.fromisoformat(end))
    return Finding(**(data | {"span": span, "verdict": Verdict(data["verdict"])}))


def flat_finding(finding: Finding, *, final: bool) -> dict[str, Any]:
    """Return the columns of a finding without its `seq`."""
    return {
        "id": finding.id,
        "model": finding.model,
        "version": finding.version,
        "feature": finding.feature,
        "span_start": finding.span.start,
        "span_end": finding.span.end,
        "revision": finding.revision,
        "final": final,
        "finding": finding_to_json(finding),
    }
