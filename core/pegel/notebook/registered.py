"""Training data as it stands in the feature store: its fields, rows and times, read back for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pegel.data.columns import Field, Schema
from pegel.errors import PermanentError
from pegel.featurestore import LocalFeatureStore, SourceRef, TimeRange
from pegel.notebook.column_type import is_instant
from pegel.notebook.naming import listed, place, reason
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many

TIME, LABEL = b"pegel.time", b"pegel.label"
"""Under which the schema of a stored file names its column of times, and that of true outcomes."""
MOST_FIELDS = 60
"""Fields that are listed."""


@dataclass(frozen=True)
class Registered:
    """Training data in a feature store.

    `time`, `label`: the columns beside the fields, None where there is none. `other_times`: further columns of times.
    """

    ref: SourceRef
    path: Path
    schema: Schema
    rows: int
    covered: TimeRange | None
    time: str | None
    label: str | None
    other_times: tuple[str, ...]

    @classmethod
    def read(cls, store: LocalFeatureStore, ref: SourceRef) -> Registered:
        """Look a reference up. Raises NotFound, PermanentError if what stands there cannot be read."""
        path = store.read_training_data(ref)
        files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
        try:
            footers = [parquet.read_metadata(file) for file in files]
        except (pa.ArrowException, OSError) as error:
            raise PermanentError(f"expected Parquet, given {place(path)}: {reason(error)}.") from error
        if not footers:
            raise PermanentError(f"expected Parquet, given {place(path)}, where nothing is: register {ref} again.")
        told = footers[0].metadata or {}
        rows = sum(footer.num_rows for footer in footers)
        time, label = (told[key].decode() if key in told else None for key in (TIME, LABEL))
        schema = store.describe(ref)
        others = {time, *(field.name for field in schema.fields)}
        columns = footers[0].schema.to_arrow_schema()
        times = tuple(one.name for one in columns if is_instant(one.type) and one.name not in others)
        return cls(ref, path, schema, rows, store.time_range(ref), time, label, times)

    @property
    def _size(self) -> str:
        return f"{how_many(self.rows, 'row')}, {how_many(len(self.schema.fields), 'field')}"

    @property
    def cells(self) -> list[str]:
        """Return its row of a table: reference, rows, fields, times; what is not known is a dash."""
        return [str(self.ref), f"{self.rows:,}", f"{len(self.schema.fields):,}", self._period("") or "-"]

    def to_json(self) -> dict[str, object]:
        """Return the same for machines."""
        covered = None if self.covered is None else [self.covered.start.isoformat(), self.covered.end.isoformat()]
        return {
            "reference": str(self.ref),
            "rows": self.rows,
            "fields": [field.name for field in self.schema.fields],
            "time": self.time,
            "label": self.label,
            "covered": covered,
        }

    def __str__(self) -> str:
        """Return everything that is known, a line each."""
        lines = [self._size, *_table(self.schema)]
        if self.time is not None:
            lines.append(f"times in {shown(self.time, NAME_LIMIT)}{self._period(': ')}")
        elif self.covered is not None:
            lines.append(f"times{self._period(': ')}")
        if self.other_times:
            lines.append(f"times beside the fields, for models that take them: {listed(self.other_times)}")
        if self.label is not None:
            lines.append(f"label in {shown(self.label, NAME_LIMIT)}: kept beside the fields, not watched")
        lines.append(f"data: {place(self.path)}")
        return "\n".join(lines)

    def _period(self, before: str) -> str:
        if self.covered is None:
            return ""
        return f"{before}{self.covered.start:%Y-%m-%d %H:%M:%S} to {self.covered.end:%Y-%m-%d %H:%M:%S} UTC"


def _table(schema: Schema) -> list[str]:
    names = [shown(field.name, NAME_LIMIT) for field in schema.fields[:MOST_FIELDS]]
    width = max(map(len, names), default=0)
    lines = [f"  {name:{width}}  {_words(field)}" for name, field in zip(names, schema.fields, strict=False)]
    more = len(schema.fields) - len(names)
    return [*lines, f"  and {more:,} more"] if more else lines


def _words(field: Field) -> str:
    unit = "" if field.unit is None else f", in {shown(field.unit, NAME_LIMIT)}"
    return f"{field.kind:11}  {field.role}{unit}"
