"""What could not be taken is kept for people on the namespace's topic of dead letters, with its headers and why."""

from __future__ import annotations

import time
from collections.abc import Iterable

from pegel.data import wire
from pegel.spec import names
from pegel_serving.logger.kafka_record import KafkaRecord

DEFAULT_NAMESPACE = "default"
KEPT_BYTES = 65_536
"""How much of a body a letter keeps."""
_MAX_HEADERS, _MAX_NAME, _MAX_VALUE = 40, 100, 1000


def dead_letter(headers: Iterable[tuple[str, bytes]], body: bytes, *, reason: str, cut: bool = False) -> KafkaRecord:
    """Return the letter about an event with these record headers. `cut`: `body` is only the beginning of what came."""
    kept = [(name[:_MAX_NAME], value[:_MAX_VALUE]) for name, value in headers][:_MAX_HEADERS]
    marks = [(wire.HEADER_REASON, reason.encode())]
    if cut or len(body) > KEPT_BYTES:
        marks.append((wire.HEADER_TRUNCATED, b"true"))
    namespace = dict(kept).get(wire.HEADER_NAMESPACE, b"").decode("latin-1")
    return KafkaRecord(
        topic=names.dead_letters_topic(namespace if names.is_safe(namespace) else DEFAULT_NAMESPACE),
        key=dict(kept).get(wire.HEADER_ID, b""),
        value=body[:KEPT_BYTES],
        headers=tuple(kept + marks),
        timestamp_ms=int(time.time() * 1000),
    )
