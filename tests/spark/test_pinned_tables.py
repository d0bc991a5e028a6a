"""What only some tables have: versions that stay, columns with another name, catalogs, passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from py4j.protocol import Py4JJavaError
from table_places import PASSWORD, Place, catalog_in, delta, jdbc

from pegel.errors import InvalidSpec, NotFound, SetupError
from pegel.featurestore.known_database import KnownDatabase
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.settings import Settings
from pegel.spec.table_reference import TableRef
from pegel_spark import training_table
from pegel_spark.read_failures import read_failure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def amounts(*values: float) -> pa.Table:
    """Return a table of one column."""
    return pa.table({"amount": pa.array(values, pa.float64())})


def read(spark: Any, source: str, settings: Settings | None = None) -> list[dict[str, Any]]:
    """Return the rows that a source names."""
    stored = StoredTable.of(TableRef.parse(source), settings or Settings())
    rows: list[dict[str, Any]] = training_table.read(spark, stored).toArrow().to_pylist()
    return rows


def test_a_version_of_delta_stays(spark: Any, tmp_path: Path) -> None:
    """Pinned, a table is what it was; a version that it never had is refused with the newest."""
    with delta(tmp_path, spark) as place:
        place.write("rows", amounts(1))
        place.write("rows", amounts(2))
        source = place.source("rows")

    assert [1.0] == [row["amount"] for row in read(spark, f"{source}?version=0")]
    assert [1.0, 2.0] == sorted(row["amount"] for row in read(spark, source))
    with pytest.raises(NotFound, match="has no version 7; its newest is 1"):
        read(spark, f"{source}?version=7")


def test_folders_that_spark_would_misread_are_refused(spark: Any, tmp_path: Path) -> None:
    """Letters beyond ASCII in the name of a folder become others in Spark: no baseline of wrong categories."""
    plain, odd = [[*"ab", "a b", "x%y", "01", None], ["a", "é"]]
    for name, values in (("plain", plain), ("odd", odd)):
        rows = pa.table({"kind": pa.array(values, pa.string()), "amount": [1.0] * len(values)})
        write_deltalake(tmp_path / name, rows, partition_by=["kind"])

    assert set(plain) == {row["kind"] for row in read(spark, f"delta:{tmp_path}/plain")}
    with pytest.raises(InvalidSpec, match="divided by 'kind', and its folders do not name the values"):
        read(spark, f"delta:{tmp_path}/odd")


def test_a_catalog_knows_its_tables(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, and by a snapshot; a table that it does not know, and a catalog that nobody knows, are told apart."""
    catalog = catalog_in(tmp_path)
    table = catalog.create_table("shop.rows", schema=amounts().schema)
    table.append(amounts(1))
    first = table.current_snapshot()
    table.append(amounts(2))
    assert first is not None
    with pytest.raises(SetupError, match="nobody says where the catalog prod is: set PYICEBERG_CATALOG__PROD__URI"):
        read(spark, "iceberg://prod/shop.rows")
    monkeypatch.setenv("PYICEBERG_CATALOG__PROD__URI", f"sqlite:///{tmp_path}/catalog.db")

    assert [1.0, 2.0] == sorted(row["amount"] for row in read(spark, "iceberg://prod/shop.rows"))
    assert [{"amount": 1.0}] == read(spark, f"iceberg://prod/shop.rows?snapshot={first.snapshot_id}")
    with pytest.raises(NotFound, match="has no snapshot 5"):
        read(spark, "iceberg://prod/shop.rows?snapshot=5")
    with pytest.raises(NotFound, match=r"iceberg://prod/shop\.none is no table of Iceberg"):
        read(spark, "iceberg://prod/shop.none")
    catalog.engine.dispose()


def test_a_renamed_column_of_iceberg_is_the_same_column(spark: Any, tmp_path: Path) -> None:
    """Files from before a column was renamed, and one was added, are read by the numbers of their columns."""
    catalog = catalog_in(tmp_path)
    table = catalog.create_table("shop.rows", schema=amounts().schema)
    table.append(amounts(1))
    with table.update_schema() as changes:
        changes.rename_column("amount", "price")
    table.append(pa.table({"price": [2.0]}))

    found = read(spark, f"iceberg:{table.metadata_location}")

    assert [{"price": 1.0}, {"price": 2.0}] == sorted(found, key=lambda row: row["price"])
    catalog.engine.dispose()


def test_an_empty_table_has_its_columns(spark: Any, tmp_path: Path) -> None:
    """A table of Iceberg without a row is a table without a row."""
    catalog = catalog_in(tmp_path)
    table = catalog.create_table("shop.rows", schema=amounts().schema)

    assert [] == read(spark, f"iceberg:{table.metadata_location}")
    catalog.engine.dispose()


def test_rows_that_were_deleted_are_not_read(spark: Any, tmp_path: Path) -> None:
    """Deleted rows are in no file that is read."""
    catalog = catalog_in(tmp_path)
    table = catalog.create_table("shop.rows", schema=amounts().schema)
    table.append(amounts(1, 2))
    table.delete("amount == 2.0")

    assert [{"amount": 1.0}] == read(spark, f"iceberg:{table.metadata_location}")
    catalog.engine.dispose()


def known(folder: Path, **options: str) -> Settings:
    """Return settings with a file of one database."""
    file = folder / "known"
    file.write_text("\n".join(["[shop]", *(f"{name} = {value}" for name, value in options.items())]))
    return Settings(databases_file=file)


@pytest.fixture(scope="module")
def database(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A database that asks for a password, with a table of one row."""
    with jdbc(tmp_path_factory.mktemp("database"), spark) as place:
        place.write("prices", amounts(1))
        yield place


def test_a_wrong_password_is_told_and_not_shown(spark: Any, database: Place, tmp_path: Path) -> None:
    """Neither the wrong one nor the address of the database stands in the sentence, which says where both are."""
    right = KnownDatabase.of("shop", database.settings)
    settings = known(tmp_path, url=right.url, user="reader", password="wrong-horse")  # noqa: S106
    with pytest.raises(SetupError, match=r"does not let in whoever asks .* user and password of shop") as told:
        read(spark, "jdbc://shop/absent", settings)

    assert "wrong-horse" not in str(told.value)
    assert right.url not in str(told.value)


def test_a_database_without_a_driver_is_told(spark: Any, tmp_path: Path) -> None:
    """The sentence has the command that adds PostgreSQL's driver; others are put beside pyspark's archives."""
    with pytest.raises(SetupError, match=r"`python -m pegel_local.jars.store_jars postgresql` adds it"):
        read(spark, "jdbc://shop/prices", known(tmp_path, url="jdbc:postgresql://127.0.0.1:1/shop"))
    with pytest.raises(SetupError, match="put its archives beside those of pyspark"):
        read(spark, "jdbc://shop/prices", known(tmp_path, url="jdbc:abc://127.0.0.1:1/shop"))


def test_a_password_is_in_no_plan(spark: Any, database: Place) -> None:
    """What Spark says of how it reads a database has no password in it; the rows are those of the first reading."""
    stored = StoredTable.of(TableRef.parse("jdbc://shop/prices"), database.settings)
    frame = training_table.read(spark, stored)
    plan = str(frame._jdf.queryExecution().toString())
    first = frame.toArrow().to_pylist()
    database.write("prices", amounts(2))

    assert PASSWORD not in plan + repr(stored)
    assert [{"amount": 1.0}] == first == training_table.read(spark, stored).toArrow().to_pylist()


@pytest.mark.parametrize(
    ("state", "error"), [("28P01", SetupError), ("42501", SetupError), ("42P01", NotFound), ("3D000", NotFound)]
)
def test_states_of_sql_say_whose_matter_it_is(spark: Any, state: str, error: type[Exception]) -> None:
    """PostgreSQL's states for a wrong password, a missing grant and an absent table are what they say."""
    database = KnownDatabase(name="shop", url="jdbc:postgresql://db/shop", options={"password": PASSWORD})
    thrown = spark._jvm.java.sql.SQLException(f"at jdbc:postgresql://db/shop: {PASSWORD}", state)
    found = read_failure(Py4JJavaError("failed", thrown), "jdbc://shop/prices", database=database)

    assert error is type(found)
    assert "SQLException: at ...: ..." in str(found)
