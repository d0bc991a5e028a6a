"""Which namespaces events came for lately: where a loss is told of which nobody knows whom it befell.

The file lies in the folder of the spool. Its place on the disk is taken when the folder is used first, and it is
changed in that place, so that a full disk takes it too.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import structlog

from pegel.data import wire
from pegel.spec import names
from pegel_serving.logger.dead_letters import DEFAULT_NAMESPACE
from pegel_serving.logger.kafka_record import KafkaRecord

log = structlog.stdlib.get_logger(__name__)

MOST = 32
"""The namespaces that came last."""
_FILE, _BYTES = "namespaces", 4096


class ServedNamespaces:
    """The namespaces of this process and the one before. Never raises: they matter only where all else is lost."""

    def __init__(self, folder: Path) -> None:
        """Read what an earlier process noted."""
        self._path = folder / _FILE
        self._names = _read(self._path)
        self._topics: set[str] = set()
        """Of events whose namespace is noted: an event costs one look into it."""

    def __iter__(self) -> Iterator[str]:
        """Go through them; `default` alone when none is known."""
        return iter(self._names or [DEFAULT_NAMESPACE])

    def saw(self, event: KafkaRecord) -> None:
        """Note the namespace of an event, if it is a new one."""
        if event.topic in self._topics:
            return
        if len(self._topics) >= MOST:
            self._topics.clear()
        self._topics.add(event.topic)
        namespace = event.header(wire.HEADER_NAMESPACE) or DEFAULT_NAMESPACE
        if names.is_safe(namespace) and namespace not in self._names:
            self._names = [*self._names, namespace][-MOST:]
            self._write()

    def _write(self) -> None:
        words = " ".join(self._names).encode()
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                os.pwrite(descriptor, (b"%b\n%d" % (words, zlib.crc32(words))).ljust(_BYTES), 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("the namespaces that are served cannot be noted", why=error.strerror)


def take_place(folder: Path) -> None:
    """Take the file's place in a folder that nobody used before. Raises OSError when there is no room for it."""
    try:
        (folder / _FILE).write_bytes((b"\n%d" % zlib.crc32(b"")).ljust(_BYTES))
    except OSError:
        (folder / _FILE).unlink(missing_ok=True)
        raise


def _read(path: Path) -> list[str]:
    try:
        words, checksum = path.read_bytes().split(b"\n")
        if int(checksum) == zlib.crc32(words):
            return words.decode("ascii").split()
    except (OSError, ValueError):
        pass
    return []
