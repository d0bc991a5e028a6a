"""Rows <-> values: the flat columns of a table against the dataclasses of result rows and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from pegel.alerts.alert_kind import AlertKind
from pegel.data.spans import Span
from pegel.errors import DamagedRow, LayoutMismatch
from pegel.judge.findings import Finding, Verdict
from pegel.stats.answer_latencies import Latencies
from pegel.store.column_types import DamagedDocument
from pegel.store.plain_rows import feature_verdicts
from pegel.store.tables import FINDING_NUMBERS
from pegel.stream.commit import ArrivalRow, Gap, SetAside
from pegel.stream.partial import SAMPLE_LIMIT
from pegel.stream.result_rows import Heartbeat, InvalidRow, LedgerRow, Origin, OutlierRow, WindowRow

Row = WindowRow | OutlierRow | LedgerRow | InvalidRow | Heartbeat | ArrivalRow | Gap | SetAside


_TOLD = ("detector", "test", *FINDING_NUMBERS, "effect_unit", "n", "m", "baseline_id")
"""What views tell of a finding, each in a column of its own."""
Data = TypeVar("Data")
Value = TypeVar("Value")


def flat(row: Row) -> dict[str, Any]:
    """Return the columns of a row. A span becomes `span_start` and `span_end`; a sample is cut to its limit."""
    columns = {name: getattr(row, name) for name in row.__dataclass_fields__}
    span = columns.pop("span", None)
    if span is not None:
        columns |= {"span_start": span.start, "span_end": span.end, "verdict": columns["verdict"].value}
    if "origin" in columns:
        columns["origin"] = columns["origin"].value
    if isinstance(row, WindowRow):
        columns["latencies"] = row.latencies.to_bytes() if row.latencies else b""
        columns["feature_verdicts"] = feature_verdicts(row.judgement) if row.final else None
    if isinstance(row, OutlierRow):
        del columns["made"]  # written by whoever asks the model, and kept where a row is counted again
    if isinstance(row, InvalidRow):
        columns["sample"] = row.sample[:SAMPLE_LIMIT]
    return columns


def decoded(read: Callable[[Data], Value], data: Data, what: str) -> Value:
    """Return `read(data)`. Raises DamagedRow, which names `what`, where the data are not what was once written."""
    if isinstance(data, DamagedDocument):
        raise DamagedRow(f"{what} cannot be read: {data.reason}. It is left out; everything else is read.")
    try:
        return read(data)
    except (AttributeError, KeyError, LayoutMismatch, TypeError, ValueError) as error:
        raise DamagedRow(f"{what} cannot be read: {error!r}. It is left out; everything else is read.") from error


def fetched(
    connection: Connection, statement: sa.Select[Any], what: str, parameters: Mapping[str, Any] | None = None
) -> list[RowMapping | DamagedRow]:
    """Return the rows of a statement, each taken alone: one that its column types refuse stands there as DamagedRow.

    SQLite keeps any value in any column, so an instant may be read where none was written.
    """
    try:
        return list(connection.execute(statement, parameters).mappings().all())
    except (TypeError, ValueError):
        pass  # of which row that was shows one by one, which takes twice as long
    result = connection.execute(statement, parameters).mappings()
    rows: list[RowMapping | DamagedRow] = []
    while True:
        try:
            row = result.fetchone()
        except (TypeError, ValueError) as error:
            rows.append(DamagedRow(f"{what} cannot be read: {error!r}. It is left out; everything else is read."))
            continue
        if row is None:
            return rows
        rows.append(row)


def typed(kind: Callable[..., Value], columns: Mapping[Any, Any]) -> Value:
    """Return the dataclass `kind` of these columns. Raises TypeError naming a column of another type than its field."""
    expected = _types(kind)
    for name, value in columns.items():
        if not isinstance(value, expected[name]):
            raise TypeError(f"{name}: expected {'|'.join(each.__name__ for each in expected[name])}, given {value!r}")
    return kind(**columns)


@cache
def _types(kind: type[Any]) -> dict[str, tuple[type[Any], ...]]:
    return {name: _plain_types(hint) for name, hint in get_type_hints(kind).items()}


def _plain_types(hint: Any) -> tuple[type[Any], ...]:
    """Return the classes of a field's values; a whole number may stand for a float."""
    if get_origin(hint) is UnionType:
        return tuple(each for part in get_args(hint) for each in _plain_types(part))
    return (float, int) if hint is float else (get_origin(hint) or hint,)


def readable(
    read: Callable[[Data], Value], rows: Iterable[Data | DamagedRow], damaged: list[str] | None
) -> list[Value]:
    """Return what `read` makes of each row. Raises DamagedRow; with a list, such rows are left out and named there."""
    values = []
    for row in rows:
        try:
            if isinstance(row, DamagedRow):
                raise row
            values.append(read(row))
        except DamagedRow as error:
            if damaged is None:
                raise
            damaged.append(str(error))
    return values


def window(columns: Mapping[Any, Any]) -> WindowRow:
    """Build a window row from its columns. Raises DamagedRow."""
    start = f"{columns['span_start']:%Y-%m-%d %H:%M:%S}"
    what = f"the window of {columns['model']}/{columns['version']} that starts at {start}"
    return decoded(_window, columns, what)


def _window(columns: Mapping[Any, Any]) -> WindowRow:
    values = dict(columns)
    values["span"] = Span(values.pop("span_start"), values.pop("span_end"))
    values["verdict"] = Verdict(values["verdict"])
    for name in ("judgement", "remarks"):
        if not isinstance(values[name], dict):
            raise TypeError(f"{name}: expected a mapping, given {values[name]!r}")
    values["origin"] = Origin(values["origin"])
    values["latencies"] = Latencies.from_bytes(values["latencies"]) if values["latencies"] else Latencies()
    return typed(WindowRow, values)


def outlier(columns: RowMapping) -> OutlierRow:
    """Build an outlier row from its columns. Raises DamagedRow."""
    what = f"the outlier {columns['event_id']} row {columns['row']} of {columns['model']}/{columns['version']}"
    return decoded(_outlier, columns, what)


def _outlier(columns: RowMapping) -> OutlierRow:
    reasons = columns["reasons"]
    if not isinstance(reasons, list) or not all(isinstance(reason, dict) for reason in reasons):
        raise TypeError(f"reasons: expected a list of mappings, given {reasons!r}")
    return typed(OutlierRow, dict(columns) | {"origin": Origin(columns["origin"])})


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Return plain JSON, the inverse of `finding_from_json`; floats survive to the last bit."""
    data = asdict(finding)
    data["span"] = [finding.span.start.isoformat(), finding.span.end.isoformat()]
    data["verdict"] = finding.verdict.value
    return data


def finding_from_json(data: dict[str, Any]) -> Finding:
    """Build a finding from what `finding_to_json` wrote. Raises DamagedRow."""
    return decoded(_finding, data, "a finding")


def _finding(data: dict[str, Any]) -> Finding:
    start, end = data["span"]
    span = Span(datetime.fromisoformat(start), datetime.fromisoformat(end))
    return Finding(**(data | {"span": span, "verdict": Verdict(data["verdict"])}))


def flat_finding(finding: Finding) -> dict[str, Any]:
    """Return the columns of a finding without its `seq`; what one event was like stands in the document alone."""
    kind = AlertKind.of(finding)
    return {
        "id": finding.id,
        "model": finding.model,
        "version": finding.version,
        "segment": finding.segment,
        "feature": finding.feature,
        "kind": kind.value,
        "rhythm": "window" if finding.rhythm is None else finding.rhythm.value,
        **{name: getattr(finding, name) for name in _TOLD},
        "what": "" if kind is AlertKind.SINGLE_EVENT else finding.what,
        "verdict": finding.verdict.value,
        "span_start": finding.span.start,
        "span_end": finding.span.end,
        "revision": finding.revision,
        "origin": str(finding.origin),
        "finding": finding_to_json(finding),
    }
