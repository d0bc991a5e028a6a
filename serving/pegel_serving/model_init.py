"""`metadata.json` from a table's columns and what the model knows of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from pegel.data.arrow_columns import kind_of
from pegel.data.columns import TIME, Field, Kind, Role, Schema
from pegel.errors import PermanentError, SetupError
from pegel.notebook.column_type import ColumnType, is_instant
from pegel.notebook.named_table import NamedTable
from pegel.notebook.naming import few, listed
from pegel.notebook.table_reading import Table
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many
from pegel_serving.fitted_model import FittedModel, load_estimator, probability_fields, text_classes
from pegel_serving.metadata import METADATA_FILE, Metadata
from pegel_serving.model_check import named_type, notes_on_times
from pegel_serving.model_columns import Rows, WrongValue, is_time
from pegel_serving.model_errors import ModelFailed, ModelRefused
from pegel_serving.model_features import names_in
from pegel_serving.table_rows import first_rows, reading

ASKED = 20
"""Rows that a model is asked about, to find how it is given them."""


@dataclass(frozen=True)
class NewMetadata:
    """What a person says of a model: its prediction columns, whether probabilities are asked for, name and version."""

    predictions: Sequence[str]
    probabilities: bool
    name: str
    version: int


def init(folder: Path, table: NamedTable, wanted: NewMetadata) -> list[str]:
    """Write `metadata.json` into a model's folder. Returns what was done and what to know about it, one line each.

    Features stand in the order of the table, because that is how the monitor counts rows that are lists; a frame has
    the columns in the model's own order anyway.

    Raises SetupError or PermanentError where model and table do not fit, or the file is there already; then nothing is
    written.
    """
    if (folder / METADATA_FILE).exists():
        raise SetupError(f"{folder / METADATA_FILE} is there already; remove it to write it anew. Nothing was written.")
    estimator = load_estimator(folder)
    with reading(table) as read:
        names = _features(estimator, read, table, wanted)
        features = [_field(name, read, table) for name in names]
        predictions, notes = _predictions(estimator, read, table, wanted)
        rows = first_rows(read, features, ASKED)
        types = _types(features, read)
    schema = Schema((*features, *predictions))
    plainly = Metadata(wanted.name, wanted.version, schema, types, wanted.probabilities)
    metadata, tried = _way_that_answers(estimator, _ways(estimator, plainly, table), _complete(rows), folder)
    metadata.write(folder)
    return [*_told(folder, metadata, table), *notes, *_order(estimator, names), *notes_on_times(metadata), *tried]


def _complete(rows: Rows) -> Rows:
    """Return the rows in which nothing is missing, which a model may refuse however it is given; else all."""
    complete = [row for row in range(len(rows)) if not pd.isna(rows[row]).any()]
    return rows[complete] if complete else rows


def _ways(estimator: Any, metadata: Metadata, table: NamedTable) -> list[Metadata]:
    """Return how a model can be given its rows, the likeliest first.

    Whether registered times have a zone is not known of all, and the model may have been fitted on the others. A model
    that names no columns takes a matrix, in which categories are texts, or its only feature as a column, or a frame.
    """
    ways = [metadata]
    if table.registered is not None and any(is_time(column_type) for column_type in metadata.types.values()):
        other = {TIME: f"{TIME} UTC"}
        types = {name: other.get(str(kind), TIME) if is_time(kind) else kind for name, kind in metadata.types.items()}
        ways.append(replace(metadata, types=types))
    if names_in(estimator) is not None:
        return ways
    matrices = [
        replace(way, types={name: as_what for name, as_what in way.types.items() if not isinstance(as_what, list)})
        for way in ways
    ]
    others = ["column", "frame"] if len(metadata.features) == 1 else ["frame"]
    return [*matrices, *(replace(way, given=given) for given in others for way in ways)]


def _way_that_answers(estimator: Any, ways: Sequence[Metadata], rows: Rows, folder: Path) -> tuple[Metadata, list[str]]:
    """Return by which metadata a model answers rows, the first if by none, and what to know about it.

    Raises SetupError where model and metadata do not fit.
    """
    reasons = []
    for metadata in ways:
        try:
            FittedModel(estimator, metadata, folder).answer(rows)
        except (WrongValue, ModelRefused, ModelFailed) as error:
            reasons.append(str(error))
        else:
            note = f"note: the model answers no matrix, but a {metadata.given}, although it does not name its columns"
            return metadata, [note] * bool(metadata.given)
    return ways[0], [f"note: {how_many(len(rows), 'row')} together are not answered: {reasons[0]}"]


def _features(estimator: Any, read: Table, table: NamedTable, wanted: NewMetadata) -> list[str]:
    """Return the names of the model's features in the order of the table. Raises SetupError."""
    columns = _ordered(read, table)
    known = names_in(estimator)
    if known is None:
        names = [name for name in columns if name not in wanted.predictions]
        if table.registered is not None:
            names = [field.name for field in table.registered.of_role(Role.FEATURE)]
        fitted = getattr(estimator, "n_features_in_", len(names))
        if fitted != len(names):
            raise SetupError(
                f"the model was fitted on a matrix of {fitted} columns; {table.name} has {len(names)} beside the "
                f"prediction: {listed(names)}. Name a table with the model's features alone. Nothing was written."
            )
        return names
    if lacking := [name for name in known if name not in columns]:
        raise SetupError(
            f"the model was fitted on columns that {table.name} does not have: "
            f"{listed([_with_near(name, columns) for name in lacking])}. Nothing was written."
        )
    return [name for name in columns if name in known]


def _ordered(read: Table, table: NamedTable) -> list[str]:
    """Return the columns of a table; those that are registered as features first, in the order of the schema."""
    registered = () if table.registered is None else table.registered.of_role(Role.FEATURE)
    first = [feature.name for feature in registered if feature.name in read.schema.names]
    return [*first, *(name for name in read.schema.names if name not in first)]


def _with_near(name: str, columns: Sequence[str]) -> str:
    guess = did_you_mean(name, columns, lead=" (")
    return f"{name}{guess})" if guess else name


def _field(name: str, read: Table, table: NamedTable) -> Field:
    """Return a feature as it was registered, else as its column says. Raises PermanentError for what cannot be sent."""
    for registered in () if table.registered is None else table.registered.fields:
        if registered.name == name:
            return replace(registered, role=Role.FEATURE)
    arrow = read.schema.field(name).type
    if is_instant(arrow):
        return Field(name, Kind.CATEGORICAL)
    kind = kind_of(arrow)
    if not isinstance(kind, Kind):
        raise PermanentError(f"{shown(name)} of {table.name}: {shown(str(kind))}. Nothing was written.")
    return Field(name, kind)


def _types(features: Sequence[Field], read: Table) -> dict[str, ColumnType]:
    """Return as what a model takes those features whose kind does not say it, as their columns tell."""
    types: dict[str, ColumnType] = {}
    for feature in features:
        if (kept := read.type_of(feature.name)) is not None:
            types[feature.name] = kept
        elif feature.kind is Kind.CATEGORICAL and kind_of(read.schema.field(feature.name).type) is Kind.NUMERIC:
            types[feature.name] = "number"
    return types


def _predictions(estimator: Any, read: Table, table: NamedTable, wanted: NewMetadata) -> tuple[list[Field], list[str]]:
    """Return the prediction fields, and what to know about them."""
    fields = [_prediction(name, estimator, read, table) for name in wanted.predictions]
    if wanted.probabilities:
        fields.append(probability_fields(wanted.predictions[0], ())[0])
    unknown = [_with_near(field.name, read.schema.names) for field in fields if field.name not in read.schema.names]
    note = (
        f"note: {table.name} has no column {listed(unknown)}, which is watched once the training data is registered "
        "with what the model answered"
    )
    return fields, [note] * bool(unknown)


def _prediction(name: str, estimator: Any, read: Table, table: NamedTable) -> Field:
    if name in read.schema.names:
        return replace(_field(name, read, table), role=Role.PREDICTION)
    return Field(name, Kind.CATEGORICAL if text_classes(estimator) else Kind.NUMERIC, Role.PREDICTION)


def _told(folder: Path, metadata: Metadata, table: NamedTable) -> list[str]:
    types = [f"{shown(feature.name)} ({named_type(metadata.type_of(feature))})" for feature in metadata.features]
    return [
        f"{shown(str(folder / METADATA_FILE))}: written from {table.name}",
        f"takes    {few(types, ', ')}",
        f"gives    {listed([field.name for field in metadata.predictions])}",
    ]


def _order(estimator: Any, names: Sequence[str]) -> list[str]:
    known = names_in(estimator)
    if known is None or known == list(names):
        return []
    note = (
        f"note: the model was fitted with the order {listed(known)}; requests that are lists have that of the table, "
        "and the model is given its own"
    )
    return [note]
