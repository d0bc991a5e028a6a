"""A file of an archive with other rows in its place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from pegel.archive.archive_address import ArchiveAddress

TEMPORARY = "_erasing-"
"""How the name of a file begins that is being written; nobody reads it."""


def read_file(address: ArchiveAddress, path: str) -> pa.Table:
    """Return all rows of a file."""
    return pq.ParquetFile(path, filesystem=address.files).read()


def replace_file(address: ArchiveAddress, path: str, rows: pa.Table) -> None:
    """Write rows to a file; whoever reads it meanwhile sees the old ones, or all of these."""
    folder, _, name = path.rpartition("/")
    unfinished = f"{folder}/{TEMPORARY}{name}"
    pq.write_table(rows, unfinished, filesystem=address.files, compression="zstd")
    address.files.move(unfinished, path)
