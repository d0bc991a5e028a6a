"""A file of an archive with other rows in its place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from pegel.archive.archive_address import ArchiveAddress
from pegel.errors import PermanentError


class UnreadFile(PermanentError):
    """A file that cannot be read: damaged, left behind by a writer that was killed, or being written just now."""

    def __init__(self, path: str, why: str) -> None:
        """Name the file and why."""
        super().__init__(f"{path} cannot be read: {why}")
        self.path, self.why = path, why


TEMPORARY = "_erasing-"
"""How the name of a file begins that is being written; nobody reads it."""


def read_file(address: ArchiveAddress, path: str) -> pa.Table:
    """Return all rows of a file. Raises UnreadFile where it cannot be read, or is not there any more."""
    try:
        return pq.ParquetFile(path, filesystem=address.files).read()
    except (pa.ArrowException, OSError) as error:
        raise UnreadFile(path, str(error).partition("\n")[0][:200]) from error


def replace_file(address: ArchiveAddress, path: str, rows: pa.Table) -> None:
    """Write rows to a file; whoever reads it meanwhile sees the old ones, or all of these.

    Hadoop keeps checksums of a file of this machine beside it, in `.NAME.crc`, and refuses another content.
    """
    folder, _, name = path.rpartition("/")
    unfinished, checksums = f"{folder}/{TEMPORARY}{name}", f"{folder}/.{name}.crc"
    pq.write_table(rows, unfinished, filesystem=address.files, compression="zstd")
    if address.files.get_file_info(checksums).type == fs.FileType.File:
        address.files.delete_file(checksums)
    address.files.move(unfinished, path)
