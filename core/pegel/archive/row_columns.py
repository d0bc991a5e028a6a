"""The columns of archived rows: what every row has, and those of a model's fields and entity keys.

A field's column begins with its role, an entity key's with `e_`, and what is hashed with `hashed_` before that, so that
no name collides with another and a name has one type: numbers are float64, categories, keys and hashes texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa

from pegel.data.columns import Field, Kind, Role, Schema

EVENT_ID: Final = "event_id"
ROW: Final = "row"
EVENT_TIME: Final = "event_time"
ANSWERED_AT: Final = "answered_at"
LATENCY: Final = "latency_ms"
REPLACED: Final = "replaced"
UNPARSEABLE: Final = "unparseable"
TOPIC, PARTITION, OFFSET = "topic", "partition", "offset"
ANSWER_PARTITION, ANSWER_OFFSET = "answer_partition", "answer_offset"

INSTANT: Final = pa.timestamp("us", tz="UTC")
OF_EVERY_ROW: Final = pa.schema(
    [
        # As it is told everywhere: that of an event which another component than the predictor logged says so.
        (EVENT_ID, pa.string()),
        # From 0 on within the event.
        (ROW, pa.int32()),
        # When the request came; null in rows of an answer that fits no request.
        (EVENT_TIME, INSTANT),
        # When the response ended; null without an answer.
        (ANSWERED_AT, INSTANT),
        (LATENCY, pa.float64()),
        # Why features of the request are not those of the online store; null: they are, or none is looked up.
        (REPLACED, pa.string()),
        # The columns whose values were there and are not what their field holds: null in them. Null: there is none.
        (UNPARSEABLE, pa.list_(pa.string())),
        (TOPIC, pa.string()),
        # Where the request lies; null in rows of an answer alone.
        (PARTITION, pa.int32()),
        (OFFSET, pa.int64()),
        # Where its answer lies.
        (ANSWER_PARTITION, pa.int32()),
        (ANSWER_OFFSET, pa.int64()),
    ]
)
_PREFIXES: Final = {Role.FEATURE: "f_", Role.PREDICTION: "p_"}
_KEY: Final = "e_"
_HASHED: Final = "hashed_"


def feature_column(name: str) -> str:
    """Return the column of a feature."""
    return _PREFIXES[Role.FEATURE] + name


def prediction_column(name: str) -> str:
    """Return the column of a prediction."""
    return _PREFIXES[Role.PREDICTION] + name


def key_column(name: str) -> str:
    """Return the column of a part of the entity's key: a text, as in `pegel.data.entity_keys`."""
    return _KEY + name


def subject_columns(name: str) -> tuple[str, ...]:
    """Return the columns in which a value of that name may stand: as a part of a key, a feature, or a prediction."""
    return (key_column(name), *(prefix + name for prefix in _PREFIXES.values()))


def hashed_column(column: str) -> str:
    """Return the column that holds keyed hashes of what another would hold."""
    return _HASHED + column


def field_column(field: Field) -> str:
    """Return the column of a field, which must be a feature or a prediction."""
    return _PREFIXES[field.role] + field.name


_OF_ANSWERS: Final = (_PREFIXES[Role.PREDICTION], _HASHED + _PREFIXES[Role.PREDICTION])


def is_of_answers(column: str) -> bool:
    """Say whether a column holds what an answer says."""
    return column in {ANSWERED_AT, LATENCY, ANSWER_PARTITION, ANSWER_OFFSET} or column.startswith(_OF_ANSWERS)


def field_type(field: Field) -> pa.DataType:
    """Return the type of a field's column."""
    return pa.float64() if field.kind is Kind.NUMERIC else pa.string()


def archived_fields(schema: Schema) -> tuple[Field, ...]:
    """Return the fields that have columns: those of events."""
    return tuple(field for field in schema.fields if field.role in _PREFIXES)


def archive_schema(schema: Schema, keys: Sequence[str], private: Mapping[str, str]) -> pa.Schema:
    """Return the columns of a model's rows; a private field, key or prediction is hashed or not there."""
    columns = [*OF_EVERY_ROW]
    named = [(name, key_column(name), pa.string()) for name in keys]
    named += [(field.name, field_column(field), field_type(field)) for field in archived_fields(schema)]
    for name, column, kind in named:
        match private.get(name):
            case None:
                columns.append(pa.field(column, kind))
            case "hash":
                columns.append(pa.field(hashed_column(column), pa.string()))
    return pa.schema(columns)


def together(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Return every column that some files have, by name. Where types differ, it is read as text."""
    types: dict[str, pa.DataType] = {}
    of_every_row = {column.name: column.type for column in OF_EVERY_ROW}
    for schema in schemas:
        for column in schema:
            known = types.setdefault(column.name, of_every_row.get(column.name, column.type))
            if known != column.type and column.name not in of_every_row:
                types[column.name] = pa.string()
    return pa.schema(list(types.items()))
