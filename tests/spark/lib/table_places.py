"""Tables where users keep them, each written by a program that is none of ours: what a source is to be read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake
from py4j.protocol import Py4JJavaError
from pyiceberg.catalog.sql import SqlCatalog

from pegel.spec.settings import Settings

PASSWORD = "correct-horse"  # noqa: S105
USER = "reader"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that tables lie. `write` adds rows to the table of a name; `source` names it, `absent` none that is."""

    kind: str
    settings: Settings
    write: Callable[[str, pa.Table], None]
    source: Callable[[str], str]

    @property
    def absent(self) -> str:
        """Return the source of a table that is not there."""
        return self.source("absent")


@contextmanager
def parquet(folder: Path, _: Any) -> Iterator[Place]:
    """A folder of Parquet files."""

    def write(name: str, rows: pa.Table) -> None:
        (folder / name).mkdir(exist_ok=True)
        pq.write_table(rows, folder / name / f"part-{len(list((folder / name).iterdir()))}.parquet")

    yield Place("parquet", Settings(), write, lambda name: f"parquet:{folder}/{name}")


@contextmanager
def delta(folder: Path, _: Any) -> Iterator[Place]:
    """Tables of Delta."""

    def write(name: str, rows: pa.Table) -> None:
        write_deltalake(folder / name, rows, mode="append")

    yield Place("delta", Settings(), write, lambda name: f"delta:{folder}/{name}")


@contextmanager
def iceberg(folder: Path, _: Any) -> Iterator[Place]:
    """Tables of Iceberg in a catalog, named by their metadata."""
    catalog = catalog_in(folder)

    def write(name: str, rows: pa.Table) -> None:
        table = catalog.create_table_if_not_exists(f"shop.{name}", schema=rows.schema)
        table.append(rows)

    def source(name: str) -> str:
        if not catalog.table_exists(f"shop.{name}"):
            return f"iceberg:{folder}/{name}"
        return f"iceberg:{catalog.load_table(f'shop.{name}').metadata_location}"

    yield Place("iceberg", Settings(), write, source)
    catalog.engine.dispose()


def catalog_in(folder: Path) -> SqlCatalog:
    """Return a catalog of Iceberg that keeps everything in a folder."""
    catalog = SqlCatalog("prod", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace_if_not_exists("shop")
    return catalog


@contextmanager
def jdbc(folder: Path, spark: Any) -> Iterator[Place]:
    """A database that asks for a password: Derby, which comes with Spark."""
    url, login = f"jdbc:derby:{folder}/shop", {"user": USER, "password": PASSWORD}
    java = spark._jvm.java
    java.lang.System.setProperty("derby.stream.error.file", f"{folder}/derby.log")
    connect = java.sql.DriverManager.getConnection
    made = connect(f"{url};create=true;user={USER}")
    # The first user of a database that keeps its own is whoever made it; from its next start on it asks for passwords.
    call = made.prepareCall("CALL SYSCS_UTIL.SYSCS_CREATE_USER(?, ?)")
    call.setString(1, USER)
    call.setString(2, PASSWORD)
    call.execute()
    made.close()
    # That it was ended, it says by an exception.
    with suppress(Py4JJavaError):
        connect(f"{url};shutdown=true;user={USER}")
    file = folder / "databases"
    file.write_text(f"[shop]\nurl = {url}\nuser = {USER}\npassword = {PASSWORD}\n")

    def write(name: str, rows: pa.Table) -> None:
        spark.createDataFrame(rows).write.jdbc(url, name, mode="append", properties=login)

    yield Place("jdbc", Settings(databases_file=file), write, lambda name: f"jdbc://shop/{name}")


PLACES = {"parquet": parquet, "delta": delta, "iceberg": iceberg, "jdbc": jdbc}
