"""A queue of byte records on disk: append-only segments, read in order, capped in size, safe against a killed process.

::

    0000001000000000-5f3a91c2.seg   <- first: read from the cursor on
    0000001000000001-0b77e1d4.seg
    0000001000000002-c09e5a1f.seg   <- last: appended to
    cursor                          <- how far one segment has been delivered, replaced atomically

What a killed process had in memory lies beside it, see `journal`, and becomes the first segments when it is opened.
How a record lies in its segment is said in `spool_records`. Damage (a record torn by a power cut, garbage in the
middle) is skipped up to the next record whose checksum holds, and counted.

What a power cut took so cleanly that a segment ends with a whole record cannot be seen.

Writes reach the operating system at once, so they survive SIGKILL; they are not forced to the platter (no `fsync`), so
a power failure may cost what the system had not written yet: with Linux' settings the last 30 s or so. Delivery is at
least once: what was read but not `advance`d is read again, and so is what was advanced while the disk refused the
cursor.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import filelock
import structlog

from pegel.data import wire
from pegel.errors import SetupError, TemporaryError
from pegel_serving.logger.journal import Journal, prepare, take_over
from pegel_serving.logger.served_namespaces import ServedNamespaces
from pegel_serving.logger.spool_records import (
    HEAD,
    append_whole,
    file_name,
    head,
    next_record,
    number_and_mark,
    record_at,
)
from pegel_serving.logger.untold_losses import Loss, UntoldLosses

log = structlog.stdlib.get_logger(__name__)

_START = 10**9  # room on both sides: what comes back from memory is written before the first segment
_ORDINARY = 4096
"""A record of ordinary size, for telling whether there is room."""


class SpoolFull(TemporaryError):
    """No room: the size cap or the disk. Nothing of the record was kept."""


class SpoolUnreadable(TemporaryError):
    """The disk did not give back what was written. It is asked again; `set_aside` gives up on the segment."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records read from the head, in order, and where the next ones begin."""

    records: tuple[bytes, ...]
    segment: int
    end: int
    damages: int
    """Damaged stretches that were skipped between and behind the records."""


@dataclass(slots=True)
class _Segment:
    path: Path
    mark: bytes
    size: int
    left: int = 0
    """Records that wait."""
    offset: int = 0
    """Where the first of them begins."""
    damages: int = 0
    since: float = 0.0
    """Seconds since the epoch of its first record; after a restart, of its last one."""


class Spool:
    """See the module. Not thread-safe: one thread owns it, and a lock file keeps other processes out."""

    def __init__(self, folder: Path, *, cap_bytes: int = 1 << 30, segment_bytes: int = 16 << 20) -> None:
        """Open the folder, creating it, and count what an earlier process left.

        Raises SetupError when another process uses it or it cannot be written.
        """
        self.folder, self.cap_bytes, self.segment_bytes = folder, cap_bytes, segment_bytes
        self._lock = filelock.FileLock(folder / "lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except filelock.Timeout as error:
            raise SetupError(
                f"the spool {folder} must belong to one logger; another process holds its lock. Nothing was started; "
                "give each logger its own folder."
            ) from error
        except OSError as error:
            raise SetupError(
                f"the spool {folder} must be a folder that can be written; given: {error.strerror}. Nothing was "
                "started; choose another folder."
            ) from error
        self._segments: dict[int, _Segment] = {}
        self._tail: FileIO | None = None
        self.refusal = ""
        """Why the disk refused the last write; empty when it took it."""
        self.damages = 0
        """How many damaged stretches were skipped."""
        self.lost = 0
        """How many records went with them, as far as known; at least one each."""
        try:
            self.untold = self._recover()
            """What an earlier process lost without telling anybody; None: nobody knows."""
            self.namespaces = ServedNamespaces(folder)
            # what was inherited is noted again until it was told
            self.journal = Journal(folder, untold=self._still_untold().counts)
        except OSError as error:
            self._lock.release()
            raise SetupError(
                f"what the last logger had in memory must become part of the spool {folder}, and there must be room "
                f"for a note; given: {error.strerror}. Nothing was started, and nothing is lost; make room on the disk "
                "and the folder writable."
            ) from error

    @property
    def size(self) -> int:
        """Return the disk space of what waits; what is in memory lies beside it."""
        return sum([segment.size for segment in self._segments.values()])

    @property
    def disk_bytes(self) -> int:
        """Return all disk space in use."""
        return self.size + self.journal.size

    @property
    def records(self) -> int:
        """Return how many records wait."""
        return sum([segment.left for segment in self._segments.values()])

    @property
    def empty(self) -> bool:
        """Say whether nothing is left to read."""
        return not self._segments

    @property
    def full(self) -> bool:
        """Say whether a record of ordinary size would be refused: by the cap, or by the disk the last time."""
        return bool(self.refusal) or self.size + _ORDINARY > self.cap_bytes

    @property
    def since(self) -> float | None:
        """Return since when the oldest segment has been waiting, in seconds since the epoch; None when empty."""
        return self._segments[min(self._segments)].since if self._segments else None

    def append(self, record: bytes, *, beyond_cap: bool = False) -> None:
        """Add a record at the tail. Raises SpoolFull."""
        size = HEAD.size + len(record)
        if not beyond_cap and self.size + size > self.cap_bytes:
            raise SpoolFull(f"the spool may hold {self.cap_bytes} bytes; {size} more do not fit")
        grown = self._tail is not None
        try:
            self._append(record, size)
        except OSError as error:
            self._close_tail()  # whatever is left of the attempt is the end of that segment
            if error.errno != errno.EFBIG or not grown:
                raise self._refused(size, error) from error
            # this file may not grow, another one may
            try:
                self._append(record, size)
            except OSError as again:
                raise self._refused(size, again) from again
        self.refusal = ""

    def prepend(self, records: Sequence[bytes]) -> None:
        """Add records, in their order, before everything else. Not the cap, the memory they come from bounds them.

        Raises SpoolFull when the disk refuses; then none of them is kept.
        """
        if not records:
            return
        number = min(self._segments, default=_START) - 1
        segment = self._new(number)
        draft = self.folder / "draft"
        try:
            with draft.open("wb") as file:
                for record in records:
                    file.write(head(segment.mark, record))
                    file.write(record)
            draft.replace(segment.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise self._refused(sum(len(record) for record in records), error) from error
        segment.size, segment.left = sum(HEAD.size + len(record) for record in records), len(records)
        self._segments[number] = segment
        self.refusal = ""

    def probe(self) -> bool:
        """Say whether the disk takes a record of ordinary size again. To be asked now and then after a refusal."""
        trial = self.folder / "trial"
        try:
            trial.write_bytes(bytes(_ORDINARY))
        except OSError as error:
            self.refusal = _reason(error)
        else:
            self.refusal = ""
        trial.unlink(missing_ok=True)
        return not self.refusal

    def read(self, *, max_records: int, max_bytes: int) -> Batch:
        """Return records of the first segment without removing them; at most `max_bytes` and one record.

        Raises SpoolUnreadable when the disk fails.
        """
        number = min(self._segments)
        segment = self._segments[number]
        records: list[bytes] = []
        at, taken, damages = segment.offset, 0, 0
        try:
            with segment.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                while at < size and len(records) < max_records and taken < max_bytes:
                    record = record_at(file, segment.mark, at, size)
                    if record is None:
                        damages += 1
                        at = next_record(file, segment.mark, at + 1, size)
                        continue
                    records.append(record)
                    taken += len(record)
                    at += HEAD.size + len(record)
        except OSError as error:
            raise SpoolUnreadable(f"{segment.path.name} cannot be read: {_reason(error)}") from error
        # a file that became shorter than what was written to it has nothing more to give
        return Batch(tuple(records), number, max(at, segment.size) if at >= size else at, damages)

    def advance(self, batch: Batch) -> None:
        """Forget a batch: it was delivered. Segments delivered to their end are deleted.

        Never fails: while the disk refuses the cursor, only a restart would read the batch again.
        """
        segment = self._segments[batch.segment]
        segment.left -= len(batch.records)
        segment.damages += batch.damages
        segment.offset = batch.end
        if batch.end >= segment.size:
            self._drop(batch.segment)
        self._save()

    def set_aside(self) -> None:
        """Give up on the first segment, which the disk does not give back; the file stays, and is counted as damage."""
        self._set_aside(min(self._segments))

    def refuse(self, error: OSError) -> None:
        """Note that the disk refused something that was to lie beside the spool."""
        self.refusal = _reason(error)

    def close(self) -> None:
        """Close the files and leave the lock. What is not delivered stays for the next process."""
        self._close_tail()
        self.journal.close()
        self._lock.release()

    def _still_untold(self) -> UntoldLosses:
        """Return what a kill before the first tick would leave untold: what was inherited, and what is damaged."""
        untold = UntoldLosses(self.untold)
        for namespace in self.namespaces:
            for reason, count in ((wire.KILLED_UNKNOWN, int(self.untold is None)), (wire.SPOOL_DAMAGED, self.lost)):
                if count:
                    untold.add(Loss(namespace, "", reason), count)
        return untold

    def _recover(self) -> Mapping[Loss, int] | None:
        """Count what waits, and return which losses were told to nobody; None: nobody knows."""
        (self.folder / "draft").unlink(missing_ok=True)
        delivered, offset = self._read_cursor()
        if not any(True for pattern in ("cursor", "*.mem", "*.seg") for _ in self.folder.glob(pattern)):
            prepare(self.folder)
        inherited = take_over(self.folder, before=min(self._found(), default=_START))
        offsets = {delivered: offset, **inherited.offsets}
        for key, (path, mark) in self._found().items():
            segment = self._segments[key] = _Segment(path, mark, 0)
            segment.offset = offsets.get(path.stem, 0)
            try:
                self._count(segment)
            except OSError as error:
                log.warning("a segment cannot be read and is set aside", segment=path.name, reason=_reason(error))
                self._set_aside(key)
                continue
            if not segment.left:
                self._drop(key)
        self._save()
        return inherited.untold

    def _found(self) -> dict[int, tuple[Path, bytes]]:
        """Return path and mark of every segment in the folder, by number, the first one first."""
        found: dict[int, tuple[Path, bytes]] = {}
        for path in sorted(self.folder.glob("*.seg")):
            named = number_and_mark(path)
            if named is None:
                log.warning("not a segment; it is left alone", file=path.name)
            else:
                found[named[0]] = path, named[1]
        return found

    def _count(self, segment: _Segment) -> None:
        """Count the whole records of a segment. The damage between them is counted when it is read over."""
        status = segment.path.stat()
        segment.size, segment.since = status.st_size, status.st_mtime
        with segment.path.open("rb") as file:
            at = next_record(file, segment.mark, segment.offset, segment.size)
            damaged = at > segment.offset or not segment.size  # no segment is left without a record
            while at < segment.size:
                record = record_at(file, segment.mark, at, segment.size)
                if record is None:
                    damaged = True
                    at = next_record(file, segment.mark, at + 1, segment.size)
                    continue
                segment.left += 1
                at += HEAD.size + len(record)
        if damaged and not segment.left:
            segment.damages = 1  # nobody will read over it

    def _read_cursor(self) -> tuple[str, int]:
        """Return the name of a segment and how far it was delivered. With a damaged cursor, records may come twice."""
        try:
            content = (self.folder / "cursor").read_bytes()
        except FileNotFoundError:
            return "", 0
        except OSError as error:
            log.warning("the cursor cannot be read; delivered events may come again", reason=_reason(error))
            return "", 0
        try:
            name, offset, checksum = content.split()
            if int(checksum) == zlib.crc32(b"%b %b" % (name, offset)):
                return name.decode("ascii"), int(offset)
        except ValueError:
            pass
        log.warning("the cursor is damaged; delivered events may come again")
        return "", 0

    def _append(self, record: bytes, size: int) -> None:
        """Append to the last segment, or begin one. Raises OSError; then nothing of the record is kept."""
        number = max(self._segments, default=_START - 1)
        tail = self._tail
        if tail is None or self._segments[number].size + size > self.segment_bytes:
            self._close_tail()
            number += 1
            segment = self._new(number)
            tail = FileIO(segment.path, "a")
            try:
                append_whole(tail, head(segment.mark, record) + record, 0)
            except OSError:
                tail.close()
                segment.path.unlink(missing_ok=True)
                raise
            self._segments[number], self._tail = segment, tail
        else:
            segment = self._segments[number]
            append_whole(tail, head(segment.mark, record) + record, segment.size)
        segment.size += size
        segment.left += 1

    def _new(self, number: int) -> _Segment:
        mark = secrets.token_bytes(4)
        return _Segment(self.folder / file_name(number, mark, ".seg"), mark, 0, since=time.time())

    def _drop(self, number: int) -> None:
        path = self._segments[number].path
        if number == max(self._segments):
            self._close_tail()
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a delivered segment stays on disk; its events may come again", reason=_reason(error))
        self._forget(number)

    def _set_aside(self, number: int) -> None:
        segment = self._segments[number]
        segment.damages += 1
        try:
            segment.path.replace(segment.path.with_suffix(".unreadable"))
        except OSError as error:
            log.warning("a segment cannot be renamed", segment=segment.path.name, reason=_reason(error))
        self._forget(number)

    def _forget(self, number: int) -> None:
        if number == max(self._segments):
            self._close_tail()
        segment = self._segments.pop(number)
        if segment.damages or segment.left:
            self.damages += max(1, segment.damages)
            self.lost += max(segment.left, segment.damages)

    def _save(self) -> None:
        first = self._segments[min(self._segments)] if self._segments else None
        place = b"%b %d" % (os.fsencode(first.path.stem), first.offset) if first else b"none 0"
        draft = self.folder / "cursor.draft"
        try:
            draft.write_bytes(b"%b %d\n" % (place, zlib.crc32(place)))
            draft.replace(self.folder / "cursor")
        except OSError as error:
            if not self.refusal:
                log.warning("the disk refused the cursor; delivered events may come again", reason=_reason(error))
            self.refusal = _reason(error)

    def _refused(self, size: int, error: OSError) -> SpoolFull:
        self.refusal = _reason(error)
        return SpoolFull(f"the disk refused {size} bytes: {self.refusal}")

    def _close_tail(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            try:
                tail.close()
            except OSError as error:  # a network disk may only now say that it has no room
                self.refusal = _reason(error)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
