"""What a model's folder takes and gives back, tried on real rows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.notebook.named_table import NamedTable
from pegel.notebook.naming import listed
from pegel.notebook.table_reading import Table
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel_serving.fitted_model import FittedModel, v1_predictions
from pegel_serving.metadata import Metadata
from pegel_serving.model_agreement import compare
from pegel_serving.model_columns import ColumnType, Rows, WrongValue, is_time
from pegel_serving.model_errors import ModelFailed, ModelRefused
from pegel_serving.model_process import Findings
from pegel_serving.table_rows import first_rows, reading

MOST_ROWS = 200
"""Rows of a table that a model is asked about."""
_MOST_REASONS = 3
"""Reasons of one kind that are told, at most; of all others how many there are."""
_UNANSWERED = (WrongValue, ModelRefused, ModelFailed)


def check(folder: Path, table: NamedTable | None) -> Findings:
    """Load a model as the model server does, and ask it about the first rows of a table.

    Raises SetupError where the folder holds no model that fits its metadata, PermanentError where the table cannot be
    read.
    """
    findings = Findings()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        model = FittedModel.load(folder)
        findings.lines += _description(model)
        if table is not None:
            _ask(model, table, findings)
    texts = list(dict.fromkeys(shown(str(warning.message)) for warning in warned))
    findings.problems += [f"a warning on the way: {text}" for text in texts[:_MOST_REASONS]]
    if more := texts[_MOST_REASONS:]:
        findings.problems.append(f"{how_many(len(more), 'more warning')} on the way")
    return findings


def named_type(column_type: ColumnType) -> str:
    """Return as what a model takes a feature, for people."""
    return f"one of {len(column_type)} categories" if isinstance(column_type, list) else column_type


def notes_on_times(metadata: Metadata) -> list[str]:
    """Return what is to be known of a model that takes times; nothing of any other."""
    times = [feature.name for feature in metadata.features if is_time(metadata.type_of(feature))]
    note = f"note: the monitor measures no times ({listed(times)}): send rows as objects by name, not as lists"
    return [note] * bool(times)


def _description(model: FittedModel) -> list[str]:
    metadata = model.metadata
    types = [f"{shown(feature.name)} ({named_type(metadata.type_of(feature))})" for feature in metadata.features]
    watched = {prediction.name for prediction in metadata.predictions}
    given = [f"{shown(answer.name)} ({_kind(answer, watched)})" for answer in model.answered]
    form = {"matrix": "a matrix of objects", "column": "this column"}.get(model.given, "a frame with these columns")
    return [
        f"{shown(metadata.name)} version {metadata.version}, served from {shown(str(model.place), LONGEST_SENTENCE)}",
        f"takes    {', '.join(types)}; the model is given {form}",
        f"gives    {', '.join(given)}",
        *notes_on_times(metadata),
    ]


def _kind(answer: Field, watched: set[str]) -> str:
    kind = "number" if answer.kind is Kind.NUMERIC else "text"
    return kind if answer.name in watched else f"{kind}, not watched"


def _ask(model: FittedModel, table: NamedTable, findings: Findings) -> None:
    features = model.metadata.features
    if table.registered is not None:
        findings.problems += differences(model.metadata, table.registered)
    with reading(table, features) as read:
        if absent := read.absent([feature.name for feature in features]):
            findings.problems.append(
                f"{table.name} has no column {listed(absent)}: the model was not asked"
                f"{did_you_mean(absent, read.schema.names, lead='; ')}"
            )
            return
        rows = first_rows(read, features, MOST_ROWS)
        if not len(rows):
            findings.problems.append(f"{table.name} has no rows: the model was not asked")
            return
        answered, problems = _answers(model, rows)
        asked = f"asked    about {how_many(len(rows), 'row')} of {table.name}: {len(answered):,} answered"
        findings.lines.append(asked)
        findings.problems += problems
        if answered:
            findings.lines += _example(features, rows, answered)
            _compare(model.metadata.predictions, read, answered, findings)


def _compare(
    predictions: Sequence[Field], read: Table, answered: dict[int, dict[str, Any]], findings: Findings
) -> None:
    for field in predictions:
        given = [answer[field.name] for answer in answered.values()]
        is_known = field.name in read.schema.names
        known = first_rows(read, [field], MOST_ROWS)[list(answered), 0].tolist() if is_known else None
        compare(field, known, given, read, findings)


def _not_answered(refused: Mapping[str, int], rows: int) -> list[str]:
    """Return how many rows are not answered, for the most frequent reasons one sentence each."""
    reasons = sorted(refused.items(), key=lambda reason: -reason[1])
    problems = [f"{count:,} of {rows:,} rows are not answered: {reason}" for reason, count in reasons[:_MOST_REASONS]]
    if more := reasons[_MOST_REASONS:]:
        others = f"{how_many(len(more), 'other reason')}"
        problems.append(f"{sum(count for _, count in more):,} of {rows:,} rows are not answered for {others}")
    return problems


def _answers(model: FittedModel, rows: Rows) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Return answers by row, and what is wrong with them. Rows are asked one by one only if together they fail."""
    try:
        together = model.answer(rows)
    except _UNANSWERED:
        return _one_by_one(model, rows)
    answered = {row: {name: values[row] for name, values in together.items()} for row in range(len(rows))}
    return answered, _unanswered(model, rows[:1], f"{how_many(len(rows), 'row')} together")


def _one_by_one(model: FittedModel, rows: Rows) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Return answers by row, and what is wrong with them. Reasons that differ in the row alone are one."""
    answered: dict[int, dict[str, Any]] = {}
    refused: dict[str, int] = {}
    for row in range(len(rows)):
        try:
            alone = model.answer(rows[row : row + 1])
        except _UNANSWERED as error:
            reason = str(error).removeprefix("instances[0].")
            refused[reason] = refused.get(reason, 0) + 1
        else:
            answered[row] = {name: values[0] for name, values in alone.items()}
    problems = _not_answered(refused, len(rows))
    if len(answered) > 1:
        problems += _unanswered(model, rows[list(answered)], "each of these rows alone")
    return answered, problems


def _unanswered(model: FittedModel, rows: Rows, otherwise: str) -> list[str]:
    """Return the problem that a model fails on rows in one request that it answers `otherwise`; nothing if it does not.

    A request may hold one row or many.
    """
    try:
        model.answer(rows)
    except _UNANSWERED as error:
        return [f"the model answers {otherwise}, but not {how_many(len(rows), 'row')} in one request: {error}"]
    return []


def _example(features: Sequence[Field], rows: Rows, answered: dict[int, dict[str, Any]]) -> list[str]:
    """Return a request of protocol v1 with its answer, each as it is written."""
    row = next(iter(answered))
    values = [None if isinstance(value, float) and not np.isfinite(value) else value for value in rows[row]]
    request = {"instances": [{feature.name: value for feature, value in zip(features, values, strict=True)}]}
    answer = {"predictions": v1_predictions({name: [value] for name, value in answered[row].items()})}
    return [f"request  {json.dumps(request)}", f"answer   {json.dumps(answer)}"]


def differences(metadata: Metadata, registered: Schema) -> list[str]:
    """Return, one sentence each, where a model's requests and answers are not the rows that were registered.

    Times aside: they are never registered as features.
    """
    problems = []
    asked = [feature.name for feature in metadata.features if not is_time(metadata.type_of(feature))]
    known = [feature.name for feature in registered.of_role(Role.FEATURE)]
    unused = [name for name in known if name not in asked]
    if extra := [name for name in asked if name not in known]:
        problems.append(
            f"{listed(extra)} is not registered, so the monitor refuses rows that are lists: send rows as objects by "
            f"name (v1) or one tensor per feature (v2){did_you_mean(extra, unused, lead='; ')}"
        )
    if unused:
        problems.append(f"{listed(unused)} is registered and no feature of the model: it will be null in every request")
    if not extra and not unused and asked != known:
        problems.append(
            f"the registered features have the order {listed(known)}, the model's {listed(asked)}: rows that are lists "
            "would be counted as something else; `pegel model init` takes the registered order"
        )
    kinds = {field.name: field.kind for field in registered.fields}
    problems += [
        f"{shown(field.name)} is {field.kind.value} in metadata.json, and registered as {kinds[field.name].value}"
        for field in metadata.schema.fields
        if kinds.get(field.name, field.kind) is not field.kind
    ]
    answers = {field.name for field in metadata.predictions}
    if missing := [field.name for field in registered.of_role(Role.PREDICTION) if field.name not in answers]:
        meant = did_you_mean(missing, answers, lead="; ")
        problems.append(f"the registered prediction {listed(missing)} is no prediction in metadata.json{meant}")
    return problems
