"""A queue of byte records on disk: append-only segments, read in order, capped in size, safe against a killed process.

::

    0000001000000000.seg   <- first: the cursor points into it
    0000001000000001.seg
    0000001000000002.seg   <- last: appended to
    cursor                 <- what of the first segment has been delivered, replaced atomically

A record is its length and CRC-32 (4 bytes each, big-endian) and its bytes. A record torn by a crash fails its check and
ends its segment. Writes reach the operating system at once, so they survive SIGKILL; they are not forced to the
platter, so a power failure may cost the last seconds. Delivery is at least once: what was read but not `advance`d is
read again.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path

import filelock

from pegel.errors import SetupError, TemporaryError

_RECORD = struct.Struct(">II")
_START = 10**9  # room on both sides: evacuated events are written before the first segment


class SpoolFull(TemporaryError):
    """No room: the size cap or the disk. Nothing of the record was kept."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records read from the head, in order, and where the next ones begin."""

    records: tuple[bytes, ...]
    segment: int
    end: int


class Spool:
    """See the module. Not thread-safe: one thread owns it, and a lock file keeps other processes out."""

    def __init__(self, folder: Path, *, cap_bytes: int = 1 << 30, segment_bytes: int = 16 << 20) -> None:
        """Open the folder, creating it, and count what an earlier process left. Raises SetupError when it is in use."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.cap_bytes, self.segment_bytes = folder, cap_bytes, segment_bytes
        self._lock = filelock.FileLock(folder / "lock")
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout as error:
            raise SetupError(
                f"the spool {folder} must belong to one logger; another process holds its lock. Nothing was started; "
                "give each logger its own folder."
            ) from error
        self._sizes: dict[int, int] = {int(path.stem): 0 for path in sorted(folder.glob("*.seg"))}
        self._tail: FileIO | None = None
        self._offset = 0
        self._left: dict[int, int] = {}
        self.torn = 0
        """How many segments ended in a damaged record."""
        self._recover()

    @property
    def size(self) -> int:
        """Return the disk space in use."""
        return sum(self._sizes.values())

    @property
    def records(self) -> int:
        """Return how many records wait."""
        return sum(self._left.values())

    @property
    def empty(self) -> bool:
        """Say whether every record was delivered."""
        return self.records == 0

    @property
    def full(self) -> bool:
        """Say whether the cap is reached for a record of ordinary size."""
        return self.size + 4096 > self.cap_bytes

    def append(self, record: bytes, *, beyond_cap: bool = False) -> None:
        """Add a record at the tail. Raises SpoolFull."""
        size = _RECORD.size + len(record)
        if not beyond_cap and self.size + size > self.cap_bytes:
            raise SpoolFull(f"the spool may hold {self.cap_bytes} bytes; {size} more do not fit")
        number, file = self._writable(size)
        _write(file, _RECORD.pack(len(record), zlib.crc32(record)) + record, self._sizes[number])
        self._sizes[number] += size
        self._left[number] += 1

    def prepend(self, records: list[bytes]) -> None:
        """Add records, in their order, before everything else. Not the cap, the memory they come from bounds them.

        Possible while nothing of the first segment was delivered; otherwise they go to the tail. Raises SpoolFull when
        the disk is full; then none of them is kept.
        """
        if self._offset:
            for record in records:
                self.append(record, beyond_cap=True)
            return
        data = b"".join(_RECORD.pack(len(record), zlib.crc32(record)) + record for record in records)
        number = min(self._sizes, default=_START) - 1
        self._save(number)  # first: a cursor behind the new segment would declare it delivered
        draft = self.folder / "draft"
        try:
            draft.write_bytes(data)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SpoolFull(f"the disk refused {len(data)} bytes: {error.strerror}") from error
        draft.replace(self._path(number))
        self._sizes[number], self._left[number] = len(data), len(records)

    def read(self, *, max_records: int, max_bytes: int) -> Batch:
        """Return records of the first segment without removing them; none when it turns out to be unreadable."""
        number = min(self._sizes)
        records: list[bytes] = []
        taken = 0
        with self._path(number).open("rb") as file:
            file.seek(self._offset)
            while len(records) < max_records and taken < max_bytes:
                record = _next(file)
                if record is None:
                    break
                records.append(record)
                taken += len(record)
            return Batch(tuple(records), number, self._offset + taken + _RECORD.size * len(records))

    def advance(self, batch: Batch) -> None:
        """Forget a batch: it was delivered. Segments delivered to their end are deleted."""
        self._left[batch.segment] -= len(batch.records)
        self._offset = batch.end
        if batch.end >= self._sizes[batch.segment]:
            self._drop(batch.segment)
        elif not batch.records:
            self.torn += 1  # damaged since it was written: what follows in this segment cannot be found
            self._drop(batch.segment)
        self._save(min(self._sizes, default=0))

    def close(self) -> None:
        """Close the files and leave the lock. What is not delivered stays for the next process."""
        self._close_tail()
        self._lock.release()

    def _recover(self) -> None:
        cursor = self.folder / "cursor"
        number, offset = (int(part) for part in cursor.read_text().split()) if cursor.exists() else (0, 0)
        for segment in list(self._sizes):
            if segment < number:
                # delivered; the process ended between saving the cursor and deleting the file
                self._drop(segment)
                continue
            start = offset if segment == number else 0
            count, good = _scan(self._path(segment), start)
            if good < self._path(segment).stat().st_size:
                self.torn += 1
                os.truncate(self._path(segment), good)
            self._sizes[segment], self._left[segment] = good, count
            if count == 0:
                self._drop(segment)
        self._offset = offset if number == min(self._sizes, default=None) else 0
        self._save(min(self._sizes, default=0))

    def _writable(self, size: int) -> tuple[int, FileIO]:
        number = max(self._sizes, default=_START - 1)
        if self._tail is not None and self._sizes[number] + size <= self.segment_bytes:
            return number, self._tail
        self._close_tail()
        number += 1
        try:
            self._tail = FileIO(self._path(number), "a")
        except OSError as error:
            raise SpoolFull(f"the disk refused a new segment: {error.strerror}") from error
        self._sizes[number], self._left[number] = 0, 0
        return number, self._tail

    def _drop(self, number: int) -> None:
        if number == max(self._sizes):
            self._close_tail()
        self._path(number).unlink(missing_ok=True)
        del self._sizes[number]
        self._left.pop(number, None)
        self._offset = 0

    def _save(self, number: int) -> None:
        draft = self.folder / "cursor.draft"
        draft.write_text(f"{number} {self._offset}\n")
        draft.replace(self.folder / "cursor")

    def _close_tail(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:016d}.seg"


def _write(file: FileIO, data: bytes, start: int) -> None:
    """Append all of `data` or nothing. Raises SpoolFull."""
    try:
        written = file.write(data)
        if written == len(data):
            return
        reason = f"only {written} of {len(data)} bytes were written"
    except OSError as error:
        reason = error.strerror or str(error)
    # a record cut in half would hide every later one
    os.ftruncate(file.fileno(), start)
    raise SpoolFull(f"the disk refused {len(data)} bytes: {reason}")


def _next(file: BufferedReader) -> bytes | None:
    """Return the next whole record, or None at the end or at a torn one."""
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return None
    size, checksum = _RECORD.unpack(head)
    record = file.read(size)
    return record if len(record) == size and zlib.crc32(record) == checksum else None


def _scan(path: Path, start: int) -> tuple[int, int]:
    """Return how many whole records follow `start`, and where the last one ends."""
    count, end = 0, start
    with path.open("rb") as file:
        file.seek(start)
        while (record := _next(file)) is not None:
            count, end = count + 1, end + _RECORD.size + len(record)
    return count, end
