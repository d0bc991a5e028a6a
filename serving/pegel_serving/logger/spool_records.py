"""How records lie in a file of the spool, and how the next whole one is found behind damage.

A record is the mark of its file, its length, a CRC-32 of length and bytes (4 bytes each, big-endian), and its bytes.
The mark is drawn at random and stands in the file's name, so that no body can imitate a record.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from io import BufferedReader, FileIO
from pathlib import Path

HEAD = struct.Struct(">4sII")
_CHUNK = 1 << 20
_STEM = re.compile(r"([0-9]{16})-([0-9a-f]{8})")


def head(mark: bytes, record: bytes) -> bytes:
    """Return what stands before a record."""
    return HEAD.pack(mark, len(record), _checksum(record))


def file_name(number: int, mark: bytes, suffix: str) -> str:
    """Return the name of the file with records marked so; names sort by number."""
    return f"{number:016d}-{mark.hex()}{suffix}"


def number_and_mark(path: Path) -> tuple[int, bytes] | None:
    """Return what a name made by `file_name` says; None for a file that somebody else put there."""
    parts = _STEM.fullmatch(path.stem)
    return (int(parts[1]), bytes.fromhex(parts[2])) if parts else None


def append_whole(file: FileIO, data: bytes, start: int) -> None:
    """Append all of `data` to a file of `start` bytes, or nothing. Raises OSError."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]  # what is cut short the first time says why the second time
    except OSError:
        # a record cut in half would be damage for whoever reads on
        os.ftruncate(file.fileno(), start)
        raise


def record_at(file: BufferedReader, mark: bytes, at: int, size: int) -> bytes | None:
    """Return the record that begins at `at`, or None when what stands there is none."""
    file.seek(at)
    start = file.read(HEAD.size)
    if len(start) < HEAD.size:
        return None
    given, length, checksum = HEAD.unpack(start)
    # before reading: a damaged length must not cost memory
    if given != mark or at + HEAD.size + length > size:
        return None
    record = file.read(length)
    return record if len(record) == length and _checksum(record) == checksum else None


def next_record(file: BufferedReader, mark: bytes, at: int, size: int) -> int:
    """Return where the next whole record begins, at `at` or behind it; `size` when there is none."""
    while at < size:
        file.seek(at)
        chunk = file.read(_CHUNK)
        place = chunk.find(mark)
        while place >= 0:
            if record_at(file, mark, at + place, size) is not None:
                return at + place
            place = chunk.find(mark, place + 1)
        if len(chunk) <= len(mark):
            break
        at += len(chunk) - len(mark) + 1  # a mark may lie across two chunks
    return size


def _checksum(record: bytes) -> int:
    return zlib.crc32(record, len(record))  # begun with the length, which is therefore checked as well
