"""Attribution events on their way to the broker, by the rules of the logger: acknowledged, or tried again, or counted.

Explanations are no data that anybody else lacks: one that the broker refuses for good is given up, and counted.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.producer import DeliveryOutcome, Sender

AGAIN_S: Final = 1.0
"""How long what the broker did not take is kept until it is sent again."""
TRIES: Final = 3
"""How often an event is sent that the broker refuses together with others."""

Delivered = Callable[[bool], None]
"""Called once: whether the broker has the event."""


class AttributionOutbox:
    """Sends records and keeps them until it is known what became of each. Not for several threads."""

    def __init__(self, sender: Sender) -> None:
        """Send by `sender`."""
        self._sender = sender
        self._waiting: deque[tuple[float, KafkaRecord, int, Delivered]] = deque()
        self.bytes = 0
        self.count = 0

    def put(self, record: KafkaRecord, delivered: Delivered) -> None:
        """Take a record."""
        self.bytes += record.size
        self.count += 1
        self._waiting.append((0.0, record, 0, delivered))

    def work(self) -> None:
        """Send what is due, and hear what became of what was sent."""
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            due, record, tries, delivered = self._waiting.popleft()
            if due > now or not self._sent(record, tries, delivered):
                self._waiting.append((due, record, tries, delivered))
        self._sender.poll()

    def flush(self, within_s: float) -> None:
        """Try to bring away what is left."""
        end = time.monotonic() + within_s
        while self.count and time.monotonic() < end:
            self.work()
            self._sender.flush(0.2)

    def _sent(self, record: KafkaRecord, tries: int, delivered: Delivered) -> bool:
        def report(outcome: DeliveryOutcome, _reason: str) -> None:
            together = outcome is DeliveryOutcome.REFUSED_TOGETHER and tries + 1 < TRIES
            if outcome is DeliveryOutcome.UNREACHED or together:
                again = tries + 1 if together else tries
                self._waiting.append((time.monotonic() + AGAIN_S, record, again, delivered))
                return
            self.bytes -= record.size
            self.count -= 1
            delivered(outcome is DeliveryOutcome.DELIVERED)

        return self._sender.send(record, report)
