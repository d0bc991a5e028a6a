"""A table that an engine reads by itself: where it is, and in which format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TableFormat(StrEnum):
    """How rows are kept in files, as far as the files say the types of their columns."""

    PARQUET = "parquet"
    ORC = "orc"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A file or a folder at an address, such as `s3a://bucket/rows`, or on this machine."""

    address: str
    format: TableFormat = TableFormat.PARQUET
