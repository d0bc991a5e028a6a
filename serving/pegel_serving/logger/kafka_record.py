"""One event on its way to Kafka, and its bytes in the spool."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from pegel.data.compact_headers import compacted, expanded

_HEAD = struct.Struct(">qHHH")  # timestamp, length of topic, length of key, number of headers
_PAIR = struct.Struct(">HI")  # length of a header's name, length of its value

_OVERHEAD = 1024
"""Bytes of the Python objects around an ordinary event with a dozen headers."""


@dataclass(slots=True)  # not frozen: that costs a microsecond for each event
class KafkaRecord:
    """A Kafka record before it is sent. `value` is the logged body, untouched; `timestamp_ms` is the event time."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int
    told: Callable[[str], None] | None = field(default=None, compare=False, repr=False)
    """Told once what became of the event: `delivered`, `spooled`, `refused` or `dropped`; None: nobody asks."""
    _sent: list[tuple[str, bytes]] | None = field(default=None, init=False, compare=False, repr=False)

    def became(self, fate: str) -> None:
        """Tell what became of it, see `told`."""
        if self.told is not None:
            told, self.told = self.told, None
            told(fate)

    @property
    def sent_headers(self) -> list[tuple[str, bytes]]:
        """Return the headers as they are sent and spooled, see `compact_headers`. They are not to be changed."""
        if self._sent is None:
            self._sent = compacted(self.key, self.headers)
        return self._sent

    @property
    def size(self) -> int:
        """Return the bytes this event holds in memory, the interpreter's overhead included as an estimate."""
        carried = sum([len(name) + len(value) for name, value in self.sent_headers])
        return _OVERHEAD + len(self.topic) + len(self.key) + len(self.value) + carried

    def header(self, name: str) -> str:
        """Return a header as text, empty when absent."""
        return next((value.decode("utf-8", "replace") for key, value in self.headers if key == name), "")

    def encode(self) -> bytes:
        """Return the spool's form of the event, the inverse of `decode` but for the order of headers."""
        topic, headers = self.topic.encode(), self.sent_headers
        parts = [_HEAD.pack(self.timestamp_ms, len(topic), len(self.key), len(headers)), topic, self.key]
        for name, value in headers:
            raw = name.encode()
            parts += (_PAIR.pack(len(raw), len(value)), raw, value)
        parts.append(self.value)
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> KafkaRecord:
        """Read what `encode` wrote. Raises ValueError when it is something else."""
        try:
            return cls._decode(data)
        except (struct.error, IndexError) as error:
            raise ValueError(f"{len(data)} bytes are no logged event: {error}") from error

    @classmethod
    def _decode(cls, data: bytes) -> KafkaRecord:
        timestamp_ms, topic_size, key_size, count = _HEAD.unpack_from(data)
        at = _HEAD.size
        topic = data[at : at + topic_size].decode()
        at += topic_size
        key = data[at : at + key_size]
        at += key_size
        headers: list[tuple[str, bytes | None]] = []
        for _ in range(count):
            name_size, value_size = _PAIR.unpack_from(data, at)
            at += _PAIR.size
            headers.append((data[at : at + name_size].decode(), data[at + name_size : at + name_size + value_size]))
            at += name_size + value_size
        given = [(name, value or b"") for name, value in expanded(key, headers)]
        return cls(topic, key, data[at:], tuple(given), timestamp_ms)
