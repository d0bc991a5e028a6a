"""A table against a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind
from pegel.data.spans import Span
from pegel.errors import InvalidSpec, LayoutMismatch
from pegel.judge.judge import judge
from pegel.judge.whole_and_segments import judge_segments
from pegel.notebook import arguments, labelled, table_reading
from pegel.notebook.check_report import CheckReport
from pegel.notebook.naming import listed
from pegel.notebook.running_numbers import RunningNumbers
from pegel.notebook.stray_texts import StrayTexts, stray_texts
from pegel.notebook.table_counting import summarise
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats.layout import CategoricalLayout
from pegel.stats.segment_counts import SegmentCounts


def check(
    data: Any,
    baseline: Baseline,
    *,
    false_alarms: str = "1 per week",
    windows_per_week: float = 168,
    margin: float = 0.02,
    units: Mapping[str, str] | None = None,
    progress: table_reading.Progress | None = None,
) -> CheckReport:
    """Compare a table with a baseline.

    A column's distribution is judged where it has 50 values in the table and 1,000 in the baseline; whether nulls, new
    values or exceeded ranges have become more frequent, with any number.

    Args:
        data: Any table with the baseline's columns, in any order; further columns are left alone.
        baseline: What `pegel.profile` made, or the baseline of a monitor.
        false_alarms: How often you accept to be told of a change that is none: `"1 per week"`, on average over
            baselines; `"1 per week for 95% of baselines"` keeps it for so many of them, and finds less.
        windows_per_week: How many such tables you check in a week; 168 is one per hour.
        margin: Smallest change that matters, in standard deviations.
        units: Unit per numeric column, if you know it: another one than the baseline's is refused, never converted.
        progress: Called now and then with the share of the work that is done, from 0 to 1.

    Raises:
        LayoutMismatch: If a column of the baseline is missing, or is in another unit.
        InvalidSpec: If the settings cannot be understood.
    """
    if not isinstance(baseline, Baseline):
        raise InvalidSpec(
            "baseline: expected a Baseline, as pegel.profile returns it and Baseline.from_json reads it, given an "
            f"object of the type {type(baseline).__name__}. Nothing was judged."
        )
    _check_units(baseline, arguments.units(units))
    spec = _spec(baseline, false_alarms, windows_per_week, margin)
    performance = baseline.performance
    names = [field.name for field in baseline.layout.schema.fields]
    beside = () if performance is None else (performance.label, performance.prediction, performance.score)
    used = {*names, *(name for name in beside if name is not None)}
    stages = table_reading.Stages(progress, 2)
    with table_reading.opened(
        data, text=_text(baseline), numbers=_numeric(baseline), watched=used, progress=stages.stage(0)
    ) as table:
        if absent := table.absent(names):
            raise LayoutMismatch(
                f"expected the columns of the baseline, given a table without {listed(absent)}: nothing was judged. "
                "Give them, too, or make a baseline of the columns that will be checked."
            )
        running = RunningNumbers(baseline.layout.schema)
        parts = SegmentCounts(baseline.layout, baseline.segments.segments)
        summary = summarise(table, baseline.layout, running=running, segments=parts, progress=stages.stage(1))
        known = None if performance is None else labelled.count(table, performance)
        estimate = None if performance is None else labelled.estimate(table, performance)
        strays = _strays(table, baseline)
    now = datetime.now(UTC)
    span = Span(now - spec.windowing.length, now)
    whole = judge(baseline, summary, spec=spec, span=span, revision=0, labelled=known)
    judged = judge_segments(whole, baseline, summary, parts.summaries, spec=spec, span=span, revision=0)
    judgement = judged.whole
    extra = tuple(name for name in table.names if name not in used)
    drifted = [finding.feature for finding in judgement.findings if finding.feature in baseline.layout.index]
    ids = tuple(running.among(dict.fromkeys(drifted), baseline.summary))
    rows = {name: part.most_rows for name, part in parts.summaries.items()}
    return CheckReport(baseline, summary, spec, judgement, extra, estimate, ids, strays, judged.segments, rows)


def _check_units(baseline: Baseline, units: Mapping[str, str]) -> None:
    known = {field.name: field.unit for field in baseline.layout.schema.fields}
    for name, unit in units.items():
        if known.get(name) != unit:
            raise LayoutMismatch(
                f"expected {shown(name, NAME_LIMIT)} in {shown(known.get(name) or 'no unit')}, as in the "
                f"baseline, given {shown(unit)}: "
                "nothing was judged."
            )


def _text(baseline: Baseline) -> list[str]:
    """Return the columns that CSV is to leave as they are written: categories, unless they are truth values."""
    fields = (feature for feature in baseline.layout.features if isinstance(feature, CategoricalLayout))
    return [feature.field.name for feature in fields if not feature.texts <= {"true", "false"}]


def _numeric(baseline: Baseline) -> list[str]:
    return [field.name for field in baseline.layout.schema.fields if field.kind is Kind.NUMERIC]


def _strays(table: table_reading.Table, baseline: Baseline) -> dict[str, StrayTexts]:
    """Return what is no number in columns of numbers that the baseline has as categories of any value."""
    fields = (feature for feature in baseline.layout.features if isinstance(feature, CategoricalLayout))
    names = [feature.field.name for feature in fields if feature.open_vocabulary]
    strays = {name: stray_texts(table.column(name), table.rows) for name in names}
    return {name: stray for name, stray in strays.items() if stray is not None}


def _spec(baseline: Baseline, false_alarms: str, windows_per_week: float, margin: float) -> MonitorSpec:
    margin = arguments.number("margin", margin)
    length = arguments.check_length(windows_per_week)
    try:
        # The names of a table are for people; those of a monitor name topics, and have rules for that.
        spec = MonitorSpec.parse(
            {
                "model": {"name": "table", "uri": "none"},
                "baseline": {"source": "none"},
                "windowing": {"length": length},
                "watch": {"margin": margin, "long_spans": [], "segments": list(baseline.segments.wanted)},
                "false_alarms": false_alarms,
            }
        )
    except (InvalidSpec, ValueError, OverflowError) as error:
        raise InvalidSpec(f"{error}. Nothing was judged.") from error
    named = {"name": baseline.model, "version": baseline.version}
    return spec.model_copy(update={"model": spec.model.model_copy(update=named)})
