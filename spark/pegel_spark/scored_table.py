"""The table to which a job writes rows and what it predicted of them, as it is now: by window, and row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.window import Window

from pegel.archive.prepared_rows import ROW_ID, TIME_US, prepared_key
from pegel.batch.table_windows import RowsNow
from pegel.data.columns import Role, Schema
from pegel.data.instants import MICROSECOND, to_us
from pegel.data.spans import Span
from pegel.errors import InvalidSpec, PegelError
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel.spec.table_reference import TableRef
from pegel_spark import training_table
from pegel_spark.training_columns import can_hold

NOTHING_JUDGED = "Nothing of it was judged."
_HASH, _PLACE = "__pegel_hash", "__pegel_place"
_WINDOW_US = "__pegel_window_us"
_TIMES = ("timestamp", "timestamp_ntz", "date")


def open_table(spark: SparkSession, settings: Settings, spec: MonitorSpec) -> DataFrame:
    """Return the rows of a model's table, of one version where it has such; nothing but its schema is read by then.

    Raises what `training_table.read` raises, told of `model.table`.
    """
    try:
        table = StoredTable.of(TableRef.parse(spec.model.table or ""), settings)
        return training_table.read(spark, training_table.pinned(table), whole=False)
    except PegelError as error:
        words = str(error).replace("baseline.source:", "model.table:").replace(NO_BASELINE, NOTHING_JUDGED)
        raise type(error)(words.replace("expected training data at", "expected a table at")) from error


@dataclass(frozen=True, slots=True)
class ScoredTable:
    """The rows of a table as one baseline sees them. `schema`: its fields, which must be columns of the table."""

    frame: DataFrame
    spec: MonitorSpec
    schema: Schema

    def refuse_unfit(self) -> None:
        """Raise InvalidSpec for columns that are not there, or cannot hold what they should."""
        model, types = self.spec.model, dict(self.frame.dtypes)
        wanted = [*(field.name for field in self._fields), *self._beside]
        if absent := [name for name in wanted if name not in types]:
            raise InvalidSpec(
                f"model.table: expected the columns {', '.join(map(shown, absent))} in {shown(model.table or '')}; "
                f"given {', '.join(map(shown, types))}. {NOTHING_JUDGED}"
            )
        if (kind := types[model.time or ""]) not in _TIMES:
            raise InvalidSpec(
                f"model.time: expected a column of times; given {shown(model.time or '')}, which holds {kind}. "
                f"{NOTHING_JUDGED}"
            )
        if unfit := [field for field in self._fields if not can_hold(types[field.name], field)]:
            given = ", ".join(f"{shown(field.name)}, which is {field.kind}, as {types[field.name]}" for field in unfit)
            raise InvalidSpec(
                f"model.table: expected numbers for numeric fields, and texts, numbers or truth values for categories; "
                f"given {given}. {NOTHING_JUDGED}"
            )

    def untimed(self) -> int:
        """Return how many rows have no time, and are in no window."""
        return self.frame.where(_column(self.spec.model.time or "").isNull()).count()

    def windows(self, span: Span) -> dict[int, RowsNow]:
        """Return what the windows of a time hold that have rows, by their begin in microseconds since the epoch."""
        rows = sf.count("*")
        distinct = sf.count_distinct(ROW_ID) if self.spec.model.event_id is not None else rows
        digest = sf.sum(sf.col(_HASH).cast("decimal(20,0)")).cast("string")
        by_window = (
            self._prepared(span)
            .groupBy(self._window_us.alias(_WINDOW_US))
            .agg(distinct.alias("rows"), rows.alias("all"), digest.alias("digest"))
            .collect()
        )
        names = "\n".join(self._names)
        columns = hashlib.sha256(names.encode()).hexdigest()[:8]
        return {
            row[_WINDOW_US]: RowsNow(row["rows"], columns, row["digest"], row["all"] - row["rows"]) for row in by_window
        }

    def rows(self, spans: Sequence[Span]) -> DataFrame:
        """Return the rows of some windows: their fields by name, time, id and keys; of copies by an id one."""
        whole = Span(min(span.start for span in spans), max(span.end for span in spans))
        wanted = self._window_us.isin([to_us(span.start) for span in spans])
        rows = self._prepared(whole).where(wanted)
        if self.spec.model.event_id is not None:
            # Which of two copies that differ is taken does not hang on who reads them.
            order = Window.partitionBy(self._window_us, sf.col(ROW_ID)).orderBy(_HASH)
            rows = rows.withColumn(_PLACE, sf.row_number().over(order)).where(sf.col(_PLACE) == 1).drop(_PLACE)
        return rows.drop(_HASH)

    @property
    def _fields(self) -> list[Any]:
        return [field for role in (Role.FEATURE, Role.PREDICTION) for field in self.schema.of_role(role)]

    @property
    def _beside(self) -> list[str]:
        """Return the columns that are looked at beside the fields."""
        model = self.spec.model
        named = (model.time, model.event_id, *model.keys)
        return [name for name in named if name is not None]

    @property
    def _names(self) -> list[str]:
        return sorted({*(field.name for field in self._fields), *self._beside})

    @property
    def _window_us(self) -> Column:
        length = self.spec.windowing.length // MICROSECOND
        return sf.col(TIME_US) - sf.pmod(sf.col(TIME_US), sf.lit(length))

    def _prepared(self, span: Span) -> DataFrame:
        """Return the rows of a time with what is looked at of them; the time is asked of the source by its column."""
        model, kind = self.spec.model, dict(self.frame.dtypes)[self.spec.model.time or ""]
        time = _column(model.time or "")
        columns = [_column(name) for name in self._names]
        # The hash passes over nulls: without saying where they are, (1, null) would be (null, 1).
        hashed = sf.xxhash64(*columns, *(column.isNull() for column in columns))
        made = sf.concat(sf.lit("row-"), sf.lower(sf.lpad(sf.hex(hashed), 16, "0")))
        named = None if model.event_id is None else _column(model.event_id).cast("string")
        chosen = self.frame.where((time >= _literal(span.start, kind)) & _before(time, span.end, kind)).select(
            *(_column(field.name).alias(field.name) for field in self._fields),
            sf.unix_micros(time.cast("timestamp")).alias(TIME_US),
            (made if named is None else sf.coalesce(named, made)).alias(ROW_ID),
            *(_column(name).alias(prepared_key(at)) for at, name in enumerate(model.keys)),
            hashed.alias(_HASH),
        )
        return chosen.where((sf.col(TIME_US) >= to_us(span.start)) & (sf.col(TIME_US) < to_us(span.end)))


def _literal(instant: datetime, kind: str) -> Column:
    """Return an instant as a value of a column's type: a source is asked for no other."""
    # Years before 1000 have four digits here, other than by `%Y`.
    written = instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    match kind:
        case "date":
            return sf.expr(f"DATE '{written[:10]}'")
        case "timestamp_ntz":
            return sf.expr(f"TIMESTAMP_NTZ '{written}'")
        case _:
            return sf.expr(f"TIMESTAMP '{written} UTC'")


def _before(time: Column, end: datetime, kind: str) -> Column:
    """Say of a time that it is before an instant; a day is, if its first instant is."""
    last = end - timedelta(microseconds=1)
    return time <= _literal(last, kind)


def _column(name: str) -> Column:
    return sf.col(f"`{name.replace('`', '``')}`")
