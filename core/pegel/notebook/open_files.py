"""Parquet files that stay open: opening one takes as long as it has columns, and each column is read by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from pyarrow import parquet

STREAM = 1 << 16
"""Bytes of a column read ahead, so that a row group larger than memory does not fill it."""
MOST = 64
"""Files that stay open while nobody reads them: a process may have some hundreds."""


class OpenFiles:
    """Readers of Parquet files, each kept for whoever reads that file next; any threads may share them.

    `opened`: how often a file was opened so far.
    """

    def __init__(self) -> None:
        """Start with no file open."""
        self.opened = 0
        self._idle: defaultdict[Path, list[parquet.ParquetFile]] = defaultdict(list)
        self._kept = 0
        self._closed = False
        self._lock = Lock()

    @contextmanager
    def reader(self, path: Path, metadata: parquet.FileMetaData) -> Iterator[parquet.ParquetFile]:
        """Lend a reader of a file, to one borrower at a time; it is kept if what it is used for comes to its end."""
        reader = self._idle_reader(path)
        if reader is None:
            # Buffering ahead, Arrow's default, would hold the whole file by the end.
            reader = parquet.ParquetFile(path, metadata=metadata, buffer_size=STREAM, pre_buffer=False)
        completed = False
        try:
            yield reader
            completed = True
        finally:
            if not (completed and self._keep(path, reader)):
                reader.close()

    def close(self) -> None:
        """Close the files; one that is still read is closed when that ends."""
        with self._lock:
            self._closed = True
            for reader in [reader for readers in self._idle.values() for reader in readers]:
                reader.close()
            self._idle.clear()

    def _idle_reader(self, path: Path) -> parquet.ParquetFile | None:
        with self._lock:
            if self._idle[path]:
                self._kept -= 1
                return self._idle[path].pop()
            self.opened += 1
            return None

    def _keep(self, path: Path, reader: parquet.ParquetFile) -> bool:
        """Keep a reader for the next borrower; return False if there are enough."""
        with self._lock:
            if self._closed or self._kept == MOST:
                return False
            self._kept += 1
            self._idle[path].append(reader)
            return True
