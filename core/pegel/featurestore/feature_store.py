"""What Pegel asks of a feature store: training data to register, describe and read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pegel.data.columns import Schema
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.source_reference import SourceRef


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The event times that training data covers: half-open, [start, end), UTC."""

    start: datetime
    end: datetime


class TrainingData(Protocol):
    """Training data that is registered: what it is, and where."""

    def describe(self, ref: SourceRef | str) -> Schema:
        """Return the fields of training data. Raises NotFound."""
        ...

    def read_training_data(self, ref: SourceRef | str) -> Path | StoredTable:
        """Return where the data are, so that an engine reads them by itself; a path is one of Parquet.

        Raises NotFound.
        """
        ...


class FeatureStore(TrainingData, Protocol):
    """Keeps training data. What is learnt from it lives in the results database."""

    def register_training_data(
        self,
        name: str,
        version: int,
        table_path: Path,
        schema: Schema,
        time_range: TimeRange | None = None,
        *,
        split: str = "train",
        replace: bool = False,
    ) -> SourceRef:
        """Keep a copy of a Parquet file or folder under a name. The same content again changes nothing.

        Raises PermanentError where other content stands under the name and is not to be replaced.
        """
        ...
