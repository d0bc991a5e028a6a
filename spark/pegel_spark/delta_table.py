"""A table of Delta, read by the files that its log names: the log by Delta's own library, the files by Spark."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession

from pegel.errors import InvalidSpec, NotFound, Unavailable
from pegel_spark.read_failures import NO_BASELINE
from pegel_spark.store_addresses import hadoop_address

_BEYOND_FILES = ("deletionVectors", "typeWidening")
"""How features of Delta's readers begin, of which the name may end in `-preview`."""


def read(spark: SparkSession, address: str, version: int | None = None) -> DataFrame:
    """Return the rows of a table as its log says them, now or at a version.

    Raises NotFound without a table or that version of it, Unavailable where the log cannot be read, InvalidSpec where
    its files do not say what its rows are.
    """
    from deltalake import DeltaTable  # noqa: PLC0415  nothing else needs it
    from deltalake.exceptions import DeltaError, TableNotFoundError  # noqa: PLC0415

    try:
        table = DeltaTable(f"s3{address[3:]}" if address.startswith("s3a://") else address)
        if version is not None and version > table.version():
            raise NotFound(
                f"baseline.source: the table of Delta at {address} has no version {version}; its newest is "
                f"{table.version()}. {NO_BASELINE}"
            )
        if version is not None:
            table.load_as_version(version)
        odd, files, columns = _beyond_files(table), table.file_uris(), _columns(table)
    except TableNotFoundError as error:
        raise NotFound(f"baseline.source: {address} holds no table of Delta. {NO_BASELINE}") from error
    except (DeltaError, OSError) as error:
        words = str(error).partition("\n")[0][:300]
        raise Unavailable(f"baseline.source: the log of {address} could not be read: {words}. {NO_BASELINE}") from error
    if odd:
        raise InvalidSpec(
            f"baseline.source: the table of Delta at {address} uses {', '.join(odd)}, so its files do not say what its "
            f"rows are; rewrite it without. {NO_BASELINE}"
        )
    # Columns by which the table is divided stand in the names of folders alone, where Spark would take "01" for 1.
    schema = ", ".join(f"`{name}` {kind}" for name, kind in columns)
    if not files:
        return spark.createDataFrame([], schema)
    rows = spark.read.schema(schema).option("basePath", address).parquet(*map(hadoop_address, files))
    return rows.select(*(f"`{name}`" for name, _ in columns))


def _beyond_files(table: Any) -> list[str]:
    """Return what a table of Delta uses by which its files alone are not its rows."""
    # Of reader version 2 there is no list of features: the columns of its files may have other names all the same.
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    features = [each for each in table.protocol().reader_features or () if each.startswith(_BEYOND_FILES)]
    return sorted([*features, *([f"columnMapping ({mapping})"] if mapping != "none" else [])])


def _columns(table: Any) -> list[tuple[str, str]]:
    """Return the columns of a table of Delta with their types as Spark calls them."""
    simple = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
    return [
        (each.name, simple.get(kind, kind))
        for each in table.schema().fields
        if isinstance(kind := getattr(each.type, "type", None), str)
    ]
