"""Rows of an hour or a day, as the archive has them, held against the suite of their model by Great Expectations.

All rows are looked at, not a sample: what depends on them together is told as well, and rows that are not as expected
are named by the event that they came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from pegel.archive.row_columns import ANSWERED_AT, EVENT_ID, EVENT_TIME, REPLACED, ROW, field_column
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.judge.judge import judge_rows
from pegel.judge.rhythm_parts import paid_by
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.quality.merged_suite import suite_for
from pegel.quality.on_rows import columns_of, of_rows, untold, why_untold
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel_spark.counted_rows import summarise
from pegel_spark.great_expectations_door import run_on_spark
from pegel_spark.served_values import column

_EVENT, _ROW, _ANSWERED = "__pegel_event", "__pegel_row", "__pegel_answered"
"""Beside the fields, none of which is called so."""
NOT_KEPT = "the archive has no values of it (archive.private)"


@dataclass(frozen=True, slots=True)
class ArchivedQuality:
    """What all `rows` of a span say of each expectation, and the findings that follow."""

    rows: int
    outcomes: tuple[ExpectationOutcome, ...]
    findings: tuple[Finding, ...]


def quality_of(rows: DataFrame, spec: MonitorSpec, baseline: Baseline, span: Span) -> ArchivedQuality:
    """Hold the archived rows of a span against the suite of its model; answers with the rows that have one.

    Rows with features that are not the online store's own are left out, as they are of windows. What has a p-value is
    tested at the level of an hour or a day, which pays for it. Where windows alone are judged nothing pays: then rules
    alone are told, and the rest is in the outcomes.
    """
    frame = _as_fields(rows, spec, baseline).cache()
    try:
        count = frame.count()
        outcomes = _outcomes(frame, spec, baseline, count)
        return ArchivedQuality(count, tuple(outcomes), _findings(frame, outcomes, spec, baseline, span))
    finally:
        frame.unpersist()


def _outcomes(frame: DataFrame, spec: MonitorSpec, baseline: Baseline, count: int) -> list[ExpectationOutcome]:
    schema = baseline.layout.schema
    asked = suite_for(spec, baseline).expectations
    told = {expectation.key: untold(expectation, why, count) for expectation, why in _untold(asked, spec, schema)}
    features = {field.name for field in schema.of_role(Role.FEATURE)}
    of_requests = [each for each in asked if each.key not in told and columns_of(each) <= features]
    of_answers = [each for each in asked if each.key not in told and not columns_of(each) <= features]
    for expectations, chosen in ((of_requests, frame), (of_answers, frame.where(f"`{_ANSWERED}`"))):
        found = run_on_spark(chosen, schema, expectations, named_by=[_EVENT, _ROW]) if expectations else []
        told |= {each.expectation.key: of_rows(each, baseline.noise) for each in found}
    return [told[expectation.key] for expectation in asked]


def _untold(asked: Sequence[Expectation], spec: MonitorSpec, schema: Schema) -> Iterator[tuple[Expectation, str]]:
    """Yield what rows cannot tell, and why."""
    # Of answers there are rows here, too.
    whole = Schema(tuple(replace(field, role=Role.FEATURE) for field in schema.fields))
    for expectation in asked:
        private = columns_of(expectation) & spec.archive.private.keys()
        why = NOT_KEPT if private else why_untold(expectation, whole, is_whole=True)
        if why:
            yield expectation, why


def _findings(
    frame: DataFrame, outcomes: Sequence[ExpectationOutcome], spec: MonitorSpec, baseline: Baseline, span: Span
) -> tuple[Finding, ...]:
    paid = paid_by(spec, span.end - span.start)
    if paid is None:
        outcomes = [outcome for outcome in outcomes if outcome.expectation.is_rule]
    if all(outcome.met is not False for outcome in outcomes):
        return ()
    rhythm, portion = paid or (Rhythm.WINDOW, 1.0)
    layout = baseline.layout
    summary = summarise(frame.select(*(column(field.name) for field in layout.schema.fields)), layout).whole
    rows = summary.rows(Role.FEATURE)
    found = judge_rows(
        *(outcomes, baseline, summary),
        spec=spec,
        span=span,
        revision=1,
        evidence={"looked_at": rows, "rows": rows},
        rhythm=rhythm,
        portion=portion,
    )
    named = {(outcome.expectation.feature, outcome.expectation.test): outcome.rows for outcome in outcomes}
    return tuple(
        replace(
            finding,
            origin="batch",
            evidence=finding.evidence | {"named": list(named.get((finding.feature, finding.test), ()))},
        )
        for finding in found
    )


def _as_fields(rows: DataFrame, spec: MonitorSpec, baseline: Baseline) -> DataFrame:
    """Return the rows that windows count, by the names of the model's fields, with what names each."""
    fields = []
    for field in baseline.layout.schema.fields:
        kind, name = "double" if field.kind is Kind.NUMERIC else "string", field_column(field)
        there = column(name) if name in rows.columns and field.name not in spec.archive.private else sf.lit(None)
        fields.append(there.cast(kind).alias(field.name))
    names = [sf.col(EVENT_ID).alias(_EVENT), sf.col(ROW).alias(_ROW), sf.col(ANSWERED_AT).isNotNull().alias(_ANSWERED)]
    return rows.where(sf.col(REPLACED).isNull() & sf.col(EVENT_TIME).isNotNull()).select(*fields, *names)
