"""A table against a baseline."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from pydantic import ValidationError

from pegel.baseline import Baseline
from pegel.errors import InvalidSpec, LayoutMismatch
from pegel.findings import Span
from pegel.judge import judge
from pegel.notebook import tables
from pegel.notebook.profiling import summarise
from pegel.notebook.report import Report
from pegel.spec import BaselineSource, FalseAlarms, Model, MonitorSpec, Watch, Windowing

_WEEK = timedelta(weeks=1)
_PERIODS = get_args(FalseAlarms.model_fields["per"].annotation)


def check(
    data: Any,
    baseline: Baseline,
    *,
    false_alarms: str = "1 per week",
    windows_per_week: float = 168,
    margin: float = 0.02,
) -> Report:
    """Compare a table with a baseline.

    Args:
        data: Any table with the baseline's columns, in any order; further columns are left alone.
        baseline: What `pegel.profile` made, or the baseline of a monitor.
        false_alarms: How often you accept to be told of a change that is none: `"1 per week"`.
        windows_per_week: How many such tables you check in a week; 168 is one per hour.
        margin: Smallest change that matters, in standard deviations.

    Raises:
        LayoutMismatch: If a column of the baseline is missing.
        InvalidSpec: If the settings cannot be understood.
    """
    spec = _spec(baseline, false_alarms, windows_per_week, margin)
    table = tables.read(data)
    names = [field.name for field in baseline.layout.schema.fields]
    if absent := [name for name in names if name not in table.schema.names]:
        raise LayoutMismatch(
            f"expected the columns of the baseline, given a table without {', '.join(absent)}: nothing was judged."
        )
    summary = summarise(table, baseline.layout)
    now = datetime.now(UTC)
    judgement = judge(baseline, summary, spec=spec, span=Span(now - spec.windowing.length, now), revision=0)
    extra = tuple(name for name in table.schema.names if name not in baseline.layout.index)
    return Report(baseline, summary, spec, judgement, extra)


def _spec(baseline: Baseline, false_alarms: str, windows_per_week: float, margin: float) -> MonitorSpec:
    found = re.fullmatch(r"\s*([0-9.]+)\s+per\s+([a-z]+)\s*", false_alarms)
    if not found or found[2] not in _PERIODS:
        raise InvalidSpec(
            f'false_alarms: expected a number "per" one of {", ".join(_PERIODS)}, as in "1 per week"; '
            f"given {false_alarms!r}. Nothing was judged."
        )
    try:
        return MonitorSpec(
            model=Model(name=baseline.model, version=baseline.version, uri="none"),
            baseline=BaselineSource(source=baseline.source),
            windowing=Windowing(length=_WEEK / windows_per_week),
            watch=Watch(margin=margin),
            false_alarms=FalseAlarms(count=float(found[1]), per=found[2]),  # type: ignore[arg-type]  # checked above
        )
    except (ValidationError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise InvalidSpec(f"{error}. Nothing was judged.") from error
