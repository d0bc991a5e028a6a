"""A table of Delta, read by the files that its log names: the log by Delta's own library, the files by Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from pegel.errors import InvalidSpec, NotFound, Unavailable
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.spec.outside_text import quoted
from pegel_spark.store_addresses import hadoop_address

_BEYOND_FILES = ("deletionVectors", "typeWidening")
"""How features of Delta's readers begin, of which the name may end in `-preview`."""
_NULL = "__HIVE_DEFAULT_PARTITION__"
"""The folder of rows without a value."""


def read(spark: SparkSession, address: str, version: int | None = None) -> DataFrame:
    """Return the rows of a table as its log says them, now or at a version.

    Raises NotFound without a table or that version of it, Unavailable where the log cannot be read, InvalidSpec where
    its files do not say what its rows are.
    """
    with _opened(address) as table:
        if version is not None and version > table.version():
            raise NotFound(
                f"baseline.source: the table of Delta at {address} has no version {version}; its newest is "
                f"{table.version()}. {NO_BASELINE}"
            )
        if version is not None:
            table.load_as_version(version)
        odd, files, columns = _beyond_files(table), table.file_uris(), _columns(table)
        misread = [] if odd else _misread_folders(table)
    if odd:
        raise InvalidSpec(
            f"baseline.source: the table of Delta at {address} uses {', '.join(odd)}, so its files do not say what its "
            f"rows are; rewrite it without. {NO_BASELINE}"
        )
    if misread:
        raise InvalidSpec(
            f"baseline.source: the table of Delta at {address} is divided by {', '.join(map(quoted, misread))}, and "
            f"its folders do not name the values as Spark reads them, such as letters beyond ASCII; rewrite it without "
            f"dividing it by that. {NO_BASELINE}"
        )
    # Columns by which the table is divided stand in the names of folders alone, where Spark would take "01" for 1.
    if not files:
        return spark.createDataFrame([], columns)
    rows = spark.read.schema(columns).option("basePath", address).parquet(*map(hadoop_address, files))
    return rows.select(*("`{}`".format(name.replace("`", "``")) for name in columns.names))


def newest_version(address: str) -> int:
    """Return the version that a table has now. Raises NotFound without a table, Unavailable as `read` does."""
    with _opened(address) as table:
        return int(table.version())


@contextmanager
def _opened(address: str) -> Iterator[Any]:
    """Open a table by its log, and say in our words what Delta's library raises while it is read."""
    from deltalake import DeltaTable  # noqa: PLC0415  nothing else needs it
    from deltalake.exceptions import DeltaError, TableNotFoundError  # noqa: PLC0415

    try:
        yield DeltaTable(f"s3{address[3:]}" if address.startswith("s3a://") else address)
    except TableNotFoundError as error:
        raise NotFound(f"baseline.source: {address} holds no table of Delta. {NO_BASELINE}") from error
    except (DeltaError, OSError) as error:
        words = str(error).partition("\n")[0][:300]
        raise Unavailable(f"baseline.source: the log of {address} could not be read: {words}. {NO_BASELINE}") from error


def _misread_folders(table: Any) -> list[str]:
    """Return the columns whose values Spark would read otherwise from the names of folders than the log says them."""
    columns = table.metadata().partition_columns
    if not columns:
        return []
    odd = set()
    for action in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        # Spark reads each escaped byte as a letter of its own; what its log says is escaped once more in a path.
        pairs = (part.partition("=") for part in unquote(action["path"]).split("/")[:-1])
        folders = {unquote(name, "latin-1"): unquote(value, "latin-1") for name, _, value in pairs}
        for name in columns:
            value = action[f"partition.{name}"]
            said = _NULL if value is None else value if isinstance(value, str) else folders.get(name)
            if name not in folders or folders[name] != said:
                odd.add(name)
    return sorted(odd)


def _beyond_files(table: Any) -> list[str]:
    """Return what a table of Delta uses by which its files alone are not its rows."""
    # Of reader version 2 there is no list of features: the columns of its files may have other names all the same.
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    features = [each for each in table.protocol().reader_features or () if each.startswith(_BEYOND_FILES)]
    return sorted([*features, *([f"columnMapping ({mapping})"] if mapping != "none" else [])])


def _columns(table: Any) -> StructType:
    """Return the columns of a table of Delta, nested ones too: its log says their types as Spark does."""
    said = StructType.fromJson(json.loads(table.schema().to_json()))
    return StructType([StructField(each.name, each.dataType) for each in said.fields])
