"""A table of Iceberg, read by the files that its metadata name: the metadata by pyiceberg, the files by Spark.

Where a catalog is and how it is asked, pyiceberg's own configuration says: `PYICEBERG_CATALOG__PROD__URI` and the like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as st

from pegel.errors import InvalidSpec, NotFound, PegelError, SetupError, Unavailable
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.featurestore.stored_table import StoredTable
from pegel_spark.store_addresses import hadoop_address

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

FIELD_ID = "parquet.field.id"
"""By which Spark finds a column in files that were written when it had another name, or did not exist."""
_SIMPLE = {
    "boolean": st.BooleanType(),
    "int": st.IntegerType(),
    "long": st.LongType(),
    "float": st.FloatType(),
    "double": st.DoubleType(),
    "date": st.DateType(),
    "timestamp": st.TimestampNTZType(),
    "timestamptz": st.TimestampType(),
    "string": st.StringType(),
}


def read(spark: SparkSession, stored: StoredTable) -> DataFrame:
    """Return the rows of a snapshot, the newest where none is said; columns of types that Spark has not are left out.

    Raises NotFound without a table or that snapshot of it, SetupError where nobody says where its catalog is or it lets
    nobody in, Unavailable where metadata cannot be read, InvalidSpec where the files do not say what the rows are.
    """
    table = _loaded(stored)
    if stored.pin is not None and table.snapshot_by_id(stored.pin) is None:
        raise NotFound(f"baseline.source: {stored.address} has no snapshot {stored.pin}. {NO_BASELINE}")
    try:
        scan = table.scan(snapshot_id=stored.pin)
        tasks, schema = list(scan.plan_files()), _schema(scan.projection())
    except (OSError, ValueError) as error:
        raise _unread(stored, error) from error
    odd = sorted(
        {
            *("rows that are deleted in files of their own" for task in tasks if task.delete_files),
            *(f"files of {task.file.file_format}" for task in tasks if task.file.file_format != "PARQUET"),
        }
    )
    if odd:
        raise InvalidSpec(
            f"baseline.source: the table of Iceberg at {stored.address} has {' and '.join(odd)}, so Spark cannot read "
            f"its rows by itself; rewrite its files. {NO_BASELINE}"
        )
    if not tasks:
        return spark.createDataFrame([], schema)
    return spark.read.schema(schema).parquet(*(hadoop_address(task.file.file_path) for task in tasks))


def newest_snapshot(stored: StoredTable) -> int | None:
    """Return the snapshot that a table has now; None where nothing was ever written to it. Raises as `read` does."""
    now = _loaded(stored).current_snapshot()
    return None if now is None else now.snapshot_id


def _loaded(stored: StoredTable) -> Table:
    """Return the table as its metadata say it now."""
    from pyiceberg import exceptions  # noqa: PLC0415  half a second, which nothing else needs
    from pyiceberg.catalog import load_catalog  # noqa: PLC0415  as above
    from pyiceberg.table import StaticTable  # noqa: PLC0415  as above

    try:
        if not stored.owner:
            return StaticTable.from_metadata(stored.address)
        # As the environment is now: pyiceberg looks at it once, when it is first imported.
        return load_catalog(stored.owner, **_configured(stored.owner)).load_table(stored.table)
    except (FileNotFoundError, exceptions.NoSuchTableError, exceptions.NoSuchNamespaceError) as error:
        raise NotFound(
            f"baseline.source: {stored.address} is no table of Iceberg: expected one that its catalog knows, its "
            f"folder with metadata/version-hint.text, or one of its metadata files. {NO_BASELINE}"
        ) from error
    except (exceptions.UnauthorizedError, exceptions.ForbiddenError, exceptions.OAuthError) as error:
        raise SetupError(
            f"baseline.source: the catalog {stored.owner} does not let in whoever asks ({type(error).__name__}); see "
            f"PYICEBERG_CATALOG__{stored.owner.upper()}__... of the job. {NO_BASELINE}"
        ) from error
    except exceptions.NotInstalledError as error:
        raise SetupError(
            f"baseline.source: {stored.address} takes a library that is not installed ({_first_line(error)}). "
            f"{NO_BASELINE}"
        ) from error
    # A server that is away is an OSError, too.
    except (exceptions.RESTError, OSError) as error:
        raise _unread(stored, error) from error
    except ValueError as error:
        if stored.owner:
            raise SetupError(
                f"baseline.source: nobody says where the catalog {stored.owner} is: set "
                f"PYICEBERG_CATALOG__{stored.owner.upper()}__URI, and what else it takes, for the job. {NO_BASELINE}"
            ) from error
        raise _unread(stored, error) from error


def _configured(catalog: str) -> dict[str, Any]:
    from pyiceberg.utils.config import Config  # noqa: PLC0415  as above

    return dict(Config().get_catalog_config(catalog) or {})


def _schema(schema: Schema) -> st.StructType:
    """Return the columns with their types as Spark calls them, each to be found by its number."""
    kinds = [(field, _kind(field.field_type)) for field in schema.fields]
    return st.StructType(
        [
            st.StructField(field.name, kind, True, {FIELD_ID: field.field_id})
            for field, kind in kinds
            if kind is not None
        ]
    )


def _kind(field_type: Any) -> st.DataType | None:
    from pyiceberg.types import DecimalType  # noqa: PLC0415  as above

    if isinstance(field_type, DecimalType):
        return st.DecimalType(field_type.precision, field_type.scale)
    return _SIMPLE.get(str(field_type))


def _unread(stored: StoredTable, error: Exception) -> PegelError:
    return Unavailable(
        f"baseline.source: the metadata of {stored.address} could not be read: {_first_line(error)}. {NO_BASELINE}"
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
