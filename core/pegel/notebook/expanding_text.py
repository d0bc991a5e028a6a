"""One pass over a text file, decompressed on the way, that sees how large the text gets and where it ends."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

EXPANDED = 1 << 30
EXPANSION = 300
"""A compressed file may hold `EXPANDED` bytes of text, or `EXPANSION` per byte of its own, whichever is more. Tables
shrink to a tenth; what is made to fill a disk, to a thousandth."""
_TAIL = 1 << 16
"""Bytes that are kept of the end."""


class ExpandingText:
    """A file of which Arrow reads text. Use it as a context; it is read once, from front to end."""

    closed = False
    """What Arrow asks of a file before it reads."""

    def __init__(
        self, path: Path, compression: str | None, expanded_bytes: int, progress: Callable[[float], None]
    ) -> None:
        self.path = path
        self._compression = compression
        self._expanded_bytes = expanded_bytes
        self._progress = progress
        self._read = 0
        self._tail = b""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._raw = self._open.enter_context(pa.OSFile(str(self.path)))
        self._size = self._raw.size()
        self._text = self._raw
        if self._compression is not None:
            self._text = self._open.enter_context(pa.CompressedInputStream(self._raw, self._compression))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True
        self._open.close()

    def read(self, count: int) -> bytes:
        """Return at most `count` bytes, none at the end. Raises OSError if they are damaged, or too many by far."""
        block: bytes = self._text.read(count)
        self._read += len(block)
        self._tail = (self._tail + block)[-_TAIL:] if len(block) < _TAIL else block[-_TAIL:]
        if self._compression is not None and self._read > max(self._expanded_bytes, EXPANSION * self._size):
            raise OSError(f"its {self._size:,} bytes expand to more than {self._read:,}, as no table does")
        self._progress(min(1.0, self._raw.tell() / max(1, self._size)))
        return block

    @property
    def ends_quoted(self) -> bool:
        """Say whether a quote is the last thing read, but for line ends; in any encoding of Unicode."""
        return self._tail.rstrip(b"\r\n\0").endswith(b'"')

    def ends_open(self, separator: str) -> bool:
        """Say whether a quote is open at the end of the last line, if this is short enough; not of UTF-16."""
        lines = self._tail.decode("latin-1").rstrip("\r\n").replace("\r", "\n").split("\n")
        if '"' not in lines[-1] or b"\0" in self._tail or len(self._tail) == len(lines[-1]) == _TAIL:
            return False
        try:
            list(csv.reader(lines[-1:], delimiter=separator, strict=True))
        except csv.Error as error:
            return "unexpected end of data" in str(error)
        return False
