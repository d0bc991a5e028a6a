"""Training data held against the suite of its model, before a baseline of it is kept.

Great Expectations looks at the rows as they are read: numbers as floats, categories as text, what is neither as
missing. What it is not asked, types and columns, the counts of the baseline tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Kind, Role, Schema
from pegel.errors import PermanentError
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.quality.merged_suite import suite_for
from pegel.quality.on_columns import of_training
from pegel.quality.on_counts import on_counts
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, quoted, shown
from pegel_spark.great_expectations_door import run_on_spark

OF_COUNTS = kinds.COLUMNS | {kinds.OF_TYPE}
"""Types and columns are those that Pegel reads, without times and others that stand beside them."""
CRITICAL = "critical"


def refuse_unmet(frame: DataFrame, baseline: Baseline, spec: MonitorSpec) -> list[ExpectationOutcome]:
    """Return what the training data says of each expectation of its model's suite; none where there is no suite.

    Raises PermanentError with what is not met, where that is critical, or cannot be told: no baseline is kept then.
    """
    # How many rows there are is a matter of windows: training data has as many as there are.
    asked = [found for found in suite_for(spec, baseline).expectations if found.type not in kinds.ROWS]
    if not asked:
        return []
    outcomes = _outcomes(frame, baseline, asked)
    broken = [each for each in outcomes if each.met is not True and each.expectation.severity == CRITICAL]
    if broken:
        more = f", nor {len(broken) - 1} further expectations" if broken[1:] else ""
        first, suite = broken[0], quoted(broken[0].expectation.suite)
        raise PermanentError(
            f"the training data {spec.baseline.source} does not meet suite {suite}{more}: "
            f"{shown(first.words, LONGEST_SENTENCE)}. No baseline was kept; correct the data or watch.expectations."
        )
    return outcomes


def _outcomes(frame: DataFrame, baseline: Baseline, asked: list[Expectation]) -> list[ExpectationOutcome]:
    schema = baseline.layout.schema
    by_rows = [expectation for expectation in asked if expectation.type not in OF_COUNTS]
    told = {each.expectation.key: each for each in run_on_spark(as_read(frame, schema), schema, by_rows)}
    return [told.get(each.key) or _by_counts(each, baseline) for each in asked]


def _by_counts(expectation: Expectation, baseline: Baseline) -> ExpectationOutcome:
    if expectation.type in kinds.COLUMNS:
        return of_training(expectation, baseline.layout.schema, baseline.rows)
    return on_counts(expectation, baseline.summary)


def as_read(frame: DataFrame, schema: Schema) -> DataFrame:
    """Return the measured columns as they are counted: doubles and text, null where nothing could be read."""
    types = {field.name: "double" if field.kind is Kind.NUMERIC else "string" for field in schema.fields}

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns: dict[str, pa.Array] = {}
            for role in schema.roles:
                columns |= _of_role(schema, role, batch)
            yield pa.RecordBatch.from_pydict({name: columns[name] for name in types})

    return frame.mapInArrow(run, ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in types.items()))


def _of_role(schema: Schema, role: Role, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    fields = schema.of_role(role)
    rows = columns_of(fields, batch)
    numbers, texts = iter(rows.numeric.T), iter(rows.categorical)
    return {
        field.name: pa.array(next(numbers), from_pandas=True)
        if field.kind is Kind.NUMERIC
        else pa.array(next(texts), pa.string())
        for field in fields
    }
