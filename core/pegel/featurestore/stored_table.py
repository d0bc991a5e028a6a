"""A table that an engine reads by itself: where it is, and in which format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pegel.featurestore.known_database import KnownDatabase
from pegel.spec.settings import Settings
from pegel.spec.table_reference import JDBC, TableRef


class TableFormat(StrEnum):
    """How rows are kept, as far as it is said of which types their columns are."""

    PARQUET = "parquet"
    ORC = "orc"
    DELTA = "delta"
    ICEBERG = "iceberg"
    JDBC = "jdbc"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A file or a folder at an address, such as `s3a://bucket/rows`, or on this machine.

    `owner` and `table`: the catalog or database that knows it, and its name there, where it has no address of its own.
    `pin`: the version of a table of Delta, the snapshot of one of Iceberg; None means the newest. `database`: how the
    owner is reached, of a table in a database.
    """

    address: str
    format: TableFormat = TableFormat.PARQUET
    owner: str = ""
    table: str = ""
    pin: int | None = None
    database: KnownDatabase | None = None

    @classmethod
    def of(cls, ref: TableRef, settings: Settings) -> Self:
        """Return the table that a reference names. Raises SetupError for a database that no file names."""
        database = KnownDatabase.of(ref.owner, settings) if ref.kind == JDBC else None
        return cls(ref.address, TableFormat(ref.kind), ref.owner, ref.table, ref.pin, database)

    @property
    def is_of_this_machine(self) -> bool:
        """Say whether it lies in a folder, which other machines may not have."""
        return self.address.startswith(("/", "file:"))
