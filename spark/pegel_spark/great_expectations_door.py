"""The one door to Great Expectations: a table in, what came of each expectation out.

It is imported where a suite is run, which costs some seconds once. It sends nothing home, keeps nothing on a disk, and
draws no bars: its context lives in memory and ends with the call.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pegel.data.columns import Kind, Schema
from pegel.detect.tolerated import ToleratedShare
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import NO_ROWS, ExpectationOutcome
from pegel.quality.refused_arguments import refusal
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, quoted, shown

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

KEPT = 20
"""Rows that are not as expected, named of one expectation."""
EXAMPLES = 5
"""Values that are not as expected, told of one expectation."""
_RESULT = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}
_PLACE = "place"
"""Under which an expectation carries its number to its result: the library gives back neither order nor names."""
_VALUES, _RANGES = "value_set", "quantile_ranges"
"""Arguments that hold numbers within lists; a set holds such of a column of numbers alone."""


def run_on_pandas(frame: pd.DataFrame, schema: Schema, expectations: Sequence[Expectation]) -> list[ExpectationOutcome]:
    """Return what the rows of a pandas table say of each expectation; of no rows none can be told."""
    return _run("pandas", frame, schema, expectations, rows=len(frame))


def run_on_spark(
    frame: DataFrame, schema: Schema, expectations: Sequence[Expectation], *, named_by: Sequence[str] = ()
) -> list[ExpectationOutcome]:
    """Return what the rows of a Spark table say of each expectation; of no rows none can be told.

    `named_by`: columns that say which row it is; with them, some rows that are not as expected are named, `KEPT` at
    most of each expectation that is not met.
    """
    rows = frame.count()
    outcomes = _run("spark", frame, schema, expectations, rows=rows)
    unmet = [outcome.expectation for outcome in outcomes if outcome.met is False]
    if not named_by or not unmet:
        return outcomes
    # Looked for in a second run alone: of each expectation it is one more job of Spark.
    asked = {**_RESULT, "partial_unexpected_count": KEPT, "unexpected_index_column_names": list(named_by)}
    again = iter(_run("spark", frame, schema, unmet, rows=rows, asked=asked))
    return [replace(outcome, rows=next(again).rows) if outcome.met is False else outcome for outcome in outcomes]


def _run(
    engine: str,
    frame: Any,
    schema: Schema,
    expectations: Sequence[Expectation],
    *,
    rows: int,
    asked: Mapping[str, Any] | None = None,
) -> list[ExpectationOutcome]:
    if not rows:
        return [_untold(expectation, 0, NO_ROWS) for expectation in expectations]
    whys = [_why_not(expectation) for expectation in expectations]
    may = [expectation for expectation, why in zip(expectations, whys, strict=True) if not why]
    configurations = [_configured(expectation, schema) for expectation in may]
    with library() as gx:
        found = iter(_validated(gx, engine, frame, configurations, asked or _RESULT))
    return [
        _untold(expectation, rows, why) if why else _outcome(expectation, next(found), rows)
        for expectation, why in zip(expectations, whys, strict=True)
    ]


def _why_not(expectation: Expectation) -> str:
    """Return why the library is not asked; empty where it is. What it would run as code never reaches it."""
    # Types are those of Pegel: what a column of the table is called by its engine says nothing of the values.
    return refusal(expectation) or ("types are looked at where rows are read" * (expectation.type == kinds.OF_TYPE))


@contextmanager
def library() -> Iterator[Any]:
    """Import Great Expectations, without a word on logs and nothing sent; its warnings are about its own ways."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx  # noqa: PLC0415  some seconds, which only a suite that is run needs

        # What it has to say of an expectation stands in the result. One of its loggers has a level of its own.
        for name in ("great_expectations", "great_expectations.data_context.types.base"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield gx


def _validated(
    gx: Any, engine: str, frame: Any, configurations: Sequence[dict[str, Any]], asked: Mapping[str, Any]
) -> list[Any]:
    """Return the library's result of each configuration, in order; its own error where one cannot be made or run."""
    # Its pages would be written to a folder of temporary files.
    from great_expectations.data_context.types.base import (  # noqa: PLC0415  as the library itself
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )

    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = getattr(context.data_sources, f"add_{engine}")("rows")
    definition = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")
    batch = definition.get_batch(batch_parameters={"dataframe": frame})
    results: list[Any] = [None] * len(configurations)
    made = []
    for at, configuration in enumerate(configurations):
        try:
            made.append(_made(gx, configuration, at))
        except Exception as error:  # noqa: BLE001  the library raises what it likes; the expectation is told as untold
            results[at] = error
    for place, result in _results(gx, batch, made, asked):
        results[place] = result
    return results


def _results(gx: Any, batch: Any, made: Sequence[Any], asked: Mapping[str, Any]) -> list[tuple[int, Any]]:
    """Return results by their places. Where the library fails at one expectation, it fails at all: then one by one."""
    if not made:
        return []
    try:
        whole = batch.validate(gx.ExpectationSuite("suite", expectations=list(made)), result_format=dict(asked))
    except Exception as error:  # noqa: BLE001  as above
        if len(made) == 1:
            return [(made[0].meta[_PLACE], error)]
        return [pair for one in made for pair in _results(gx, batch, [one], asked)]
    return [(result.expectation_config.meta[_PLACE], result) for result in whole.results]


def _made(gx: Any, configuration: Mapping[str, Any], place: int) -> Any:
    made_by = getattr(gx.expectations, class_name(configuration["type"]))
    return made_by(**configuration["kwargs"], meta={_PLACE: place})


def class_name(kind: str) -> str:
    """Return what the library calls the class of a kind: `expect_column_to_exist` is `ExpectColumnToExist`."""
    return "".join(part.capitalize() for part in kind.split("_"))


def _configured(expectation: Expectation, schema: Schema) -> dict[str, Any]:
    """Return an expectation as the library takes it: numbers of a spec are texts, except under a few names."""
    numeric = {field.name for field in schema.fields if field.kind is Kind.NUMERIC}
    kwargs = dict(expectation.kwargs)
    if _VALUES in kwargs:
        # Nulls are never looked at, and Spark finds no value outside of a set that has one.
        values = [value for value in kwargs[_VALUES] if value is not None]
        kwargs[_VALUES] = [_numbers(value) for value in values] if expectation.column in numeric else values
    if _RANGES in kwargs:
        kwargs[_RANGES] = _numbers(kwargs[_RANGES])
    return {"type": expectation.type, "kwargs": kwargs}


def _numbers(value: Any) -> Any:
    """Return a text as the number that it is, if it is one; in lists and mappings each."""
    if isinstance(value, Mapping):
        return {name: _numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _outcome(expectation: Expectation, result: Any, rows: int) -> ExpectationOutcome:
    """Return a result in Pegel's words, with the p-value of what may be otherwise in part."""
    problem = _problem(result)
    if problem:
        return _untold(expectation, rows, problem)
    numbers = result.result or {}
    seen = int(numbers.get("unexpected_count") or 0)
    n = int(numbers.get("element_count") or rows)
    if expectation.type not in {kinds.NOT_NULL, kinds.NULL}:
        n -= int(numbers.get("missing_count") or 0)
    test = None if expectation.is_rule or "unexpected_count" not in numbers else _test(expectation, seen, n)
    return ExpectationOutcome(
        expectation=expectation,
        met=bool(result.success),
        n=n,
        seen=seen,
        most_seen=seen,
        observed=_observed(numbers.get("observed_value")),
        test=test,
        why="" if "unexpected_count" in numbers or result.success else _told(numbers),
        examples=tuple(
            quoted(value, NAME_LIMIT) for value in (numbers.get("partial_unexpected_list") or ())[:EXAMPLES]
        ),
        rows=_named(numbers),
    )


def _named(numbers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which rows are not as expected, as they are known in the archive."""
    columns = numbers.get("unexpected_index_column_names") or ()
    found = (numbers.get("partial_unexpected_index_list") or ())[:KEPT]
    return tuple(shown("/".join(str(row.get(name)) for name in columns), NAME_LIMIT) for row in found)


def _problem(result: Any) -> str:
    if isinstance(result, Exception):
        return shown(f"Great Expectations cannot make it: {result}".replace("\n", " "), LONGEST_SENTENCE)
    told = result.exception_info or {}
    raised = [told] if "raised_exception" in told else list(told.values())
    messages = [str(one.get("exception_message")) for one in raised if one.get("raised_exception")]
    return shown(f"Great Expectations cannot tell: {messages[0]}", LONGEST_SENTENCE) if messages else ""


def _test(expectation: Expectation, seen: int, n: int) -> ToleratedShare:
    return ToleratedShare(expectation.test, seen, n, 1 - expectation.mostly)


def _observed(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _told(numbers: Mapping[str, Any]) -> str:
    """Return what is there where that is no number, of which an outcome tells itself."""
    if _observed(numbers.get("observed_value")) is not None:
        return ""
    return shown(f"there is {quoted(numbers.get('observed_value'))}", LONGEST_SENTENCE)


def _untold(expectation: Expectation, n: int, why: str) -> ExpectationOutcome:
    return ExpectationOutcome(expectation=expectation, met=None, n=n, why=why)
