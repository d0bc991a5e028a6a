"""What is in memory lies on disk as well, so that a killed process loses nothing: written before the event is answered.

::

    0000000004-5f3a91c2.mem    settled to its end: deleted
    0000000005-0b77e1d4.mem    <- holds the oldest event that is still in memory
    0000000006-c09e5a1f.mem    <- appended to
    settled                    <- up to where all events are settled, and which losses a kill would leave untold

The note `settled` stays for as long as the folder: its place on the disk is taken when the folder is used for the first
time, and it is changed in that place, so that a full disk takes it too. A folder in use without a whole note is damage,
never a loss of nothing.

The files lie in the folder of the spool, in the form of its segments: the next process renames them to the first
segments, see `take_over`, which needs no room on the disk. So the events that were in memory are sent again, and those
that were delivered since `settle` was last called come twice.

A write reaches the operating system, not the platter: it survives the end of the process however it comes. A power
failure may cost what the system had not written yet, of what the broker had not taken. Files are deleted within
moments, so hardly any of this is ever written to the platter.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import orjson
import structlog

from pegel_serving.logger.served_namespaces import take_place
from pegel_serving.logger.spool_records import HEAD, append_whole, file_name, head, number_and_mark
from pegel_serving.logger.untold_losses import Loss

log = structlog.stdlib.get_logger(__name__)

_SUFFIX, _NOTE = ".mem", "settled"
_NOTE_BYTES = 4096
"""No more: what is written into one page of memory, a kill does not cut in half."""


class Place(NamedTuple):
    """Where a record begins, or where the next one will: places grow with time."""

    file: int
    offset: int


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What an earlier process had in memory when it ended: now the first segments of the spool."""

    offsets: Mapping[str, int]
    """By the name of a segment, where the events in it begin that were not settled."""
    untold: Mapping[Loss, int] | None
    """Losses of which no notice had told, and events that were in memory alone: at most so many of those are lost.
    None: the note about it is damaged or gone, so nobody knows.
    """


@dataclass(slots=True)
class _File:
    path: Path
    size: int = 0


class Journal:
    """See the module. Not thread-safe; who holds the lock of the folder owns the journal."""

    def __init__(self, folder: Path, *, untold: Mapping[Loss, int] | None = None, file_bytes: int = 4 << 20) -> None:
        """Begin in a folder of which `take_over` took everything, with losses that nobody was told of yet.

        Raises OSError when there is no room for the note.
        """
        self._folder, self._file_bytes = folder, file_bytes
        self._files: dict[int, _File] = {}
        self._tail: FileIO | None = None
        self._mark = b""
        self.end = Place(0, 0)
        """Where the next record will begin, unless a file is begun for it."""
        self.size = 0
        """Bytes on disk: the file with the oldest event that is not settled, and all later ones."""
        self._settled = self.end, dict(untold or {})
        self._refusal = ""
        self._note = FileIO(_opened_note(folder), "r+")
        _write_note(self._note, *self._settled)

    def add(self, record: bytes) -> None:
        """Write a record. Raises OSError when the disk refuses; then nothing of it is kept."""
        tail = self._tail
        if tail is None or self.end.offset >= self._file_bytes:
            tail = self._begin_file()
        try:
            self._append(tail, record)
        except OSError:
            if not self.end.offset:
                raise
            self._append(self._begin_file(), record)  # that file may not grow, another one may

    def settle(self, place: Place, untold: Mapping[Loss, int]) -> None:
        """Note that all events before `place` are settled, and of which losses nobody could learn after a kill.

        Never fails: a disk that cannot even change a note in its place is broken. It is asked again the next time.
        """
        if (place, untold) == self._settled:
            return
        if self._note.closed:  # the folder may belong to another process by now
            log.error("what is lost after the end is noted nowhere", events=sum(untold.values()))
            return
        refusal = self._refusal
        try:
            _write_note(self._note, place, untold)
            self._settled, self._refusal = (place, dict(untold)), ""
        except OSError as error:
            self._refusal = str(error)
        if self._refusal and not refusal:
            log.error("the disk refuses to note what is settled and how many losses are untold", why=self._refusal)
        for number in [number for number in self._files if number < place.file]:
            file = self._files.pop(number)
            self.size -= file.size
            _remove(file.path)

    def close(self) -> None:
        """Close the files. What is not settled is for the next process."""
        if self._tail is not None:
            self._tail.close()
            self._tail = None
        self._note.close()

    def _append(self, tail: FileIO, record: bytes) -> None:
        append_whole(tail, head(self._mark, record) + record, self.end.offset)
        size = HEAD.size + len(record)
        self.end = Place(self.end.file, self.end.offset + size)
        self._files[self.end.file].size += size
        self.size += size

    def _begin_file(self) -> FileIO:
        mark, number = secrets.token_bytes(4), self.end.file + 1
        path = self._folder / file_name(number, mark, _SUFFIX)
        tail = FileIO(path, "a")
        if self._tail is not None:
            self._tail.close()
        self._tail, self._mark, self._files[number], self.end = tail, mark, _File(path), Place(number, 0)
        return tail


def prepare(folder: Path) -> None:
    """Take the place of the note in a folder that nobody used before. Raises OSError when there is no room for it."""
    try:
        with FileIO(_opened_note(folder), "r+") as note:
            _write_note(note, Place(0, 0), {})
        take_place(folder)
    except OSError:
        (folder / _NOTE).unlink(missing_ok=True)
        raise


def take_over(folder: Path, *, before: int) -> Inheritance:
    """Rename what an earlier process had in memory to segments of the spool that end right before number `before`.

    Whoever is killed meanwhile does the rest the next time, in the same order. Raises OSError.
    """
    settled, untold = _read_note(folder / _NOTE)
    left: list[tuple[int, bytes, Path]] = []
    offsets: dict[str, int] = {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        named = number_and_mark(path)
        if named is None:
            log.warning("not a file of the logger; it is left alone", file=path.name)
        elif named[0] < settled.file or not path.stat().st_size:
            path.unlink()
        else:
            left.append((*named, path))
    # the newest first: what is still to be renamed belongs before it
    for back, (number, mark, path) in enumerate(reversed(left), 1):
        segment = path.rename(folder / file_name(before - back, mark, ".seg"))
        if number == settled.file:
            offsets[segment.stem] = settled.offset
    return Inheritance(offsets, untold)


def _opened_note(folder: Path) -> int:
    """Return the note's file descriptor. It is never cut, since its place on the disk would be given back."""
    return os.open(folder / _NOTE, os.O_RDWR | os.O_CREAT, 0o666)


def _write_note(note: FileIO, place: Place, untold: Mapping[Loss, int]) -> None:
    words = orjson.dumps([*place, [[*loss, count] for loss, count in untold.items()]])
    os.pwrite(note.fileno(), (b"%b\n%d" % (words, zlib.crc32(words))).ljust(_NOTE_BYTES), 0)


def _read_note(path: Path) -> tuple[Place, Mapping[Loss, int] | None]:
    """Return what `settle` noted last; without a whole note nothing was settled, and nobody knows what was lost."""
    try:
        words, checksum = path.read_bytes().split(b"\n")
        if int(checksum) == zlib.crc32(words):
            file, offset, untold = orjson.loads(words)
            return Place(file, offset), {Loss(*names): count for *names, count in untold}
    except (OSError, ValueError, TypeError):
        pass
    return Place(0, 0), None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("a file of settled events stays on disk; they may come again", why=error.strerror)
