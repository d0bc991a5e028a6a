"""Training data as Spark reads them: Parquet and ORC by itself, a table of Delta by the files that its log names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from pegel.errors import InvalidSpec, NotFound, Unavailable
from pegel.featurestore.stored_table import StoredTable, TableFormat
from pegel_spark.read_failures import NO_BASELINE, read_failure

_BEYOND_FILES = ("deletionVectors", "typeWidening")
"""How features of Delta's readers begin, of which the name may end in `-preview`."""


def read(spark: SparkSession, place: Path | StoredTable) -> DataFrame:
    """Return the rows of a table; nothing but its schema is read by then.

    Raises NotFound where there is none, SetupError where Spark has no way to it, Unavailable where it cannot read what
    is there, InvalidSpec for a table of Delta that only Delta itself can read.
    """
    table = StoredTable(str(place)) if isinstance(place, Path) else place
    address = _address(table.address)
    try:
        if table.format is TableFormat.DELTA:
            return _delta(spark, address)
        return spark.read.format(table.format.value).load(address)
    except (AnalysisException, Py4JJavaError) as failure:
        raise read_failure(failure, address) from failure


def _address(address: str) -> str:
    """Return an address as Hadoop's file systems know it; others call the same store `s3`."""
    return f"s3a{address[2:]}" if address.startswith("s3://") else address


def _delta(spark: SparkSession, address: str) -> DataFrame:
    """Return the rows of a Delta table as its log says them now."""
    from deltalake import DeltaTable  # noqa: PLC0415  nothing else needs it
    from deltalake.exceptions import DeltaError, TableNotFoundError  # noqa: PLC0415

    try:
        table = DeltaTable(f"s3{address[3:]}" if address.startswith("s3a://") else address)
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
    rows = spark.read.schema(schema).option("basePath", address).parquet(*map(_address, files))
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
