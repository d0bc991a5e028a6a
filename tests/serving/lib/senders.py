"""A Sender without a broker, whose verdicts the test decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.producer import DeliveryOutcome, Report


@dataclass
class SwitchedSender:
    """A Sender whose broker is reachable, away or refusing; what is polled together travels as one batch."""

    verdict: DeliveryOutcome | None = DeliveryOutcome.DELIVERED
    """None: nothing is reported, as while the broker is away and its timeout has not passed."""
    reason: str = ""
    room: int = 10**6
    poison: set[bytes] = field(default_factory=set)
    """Keys for whose sake the broker refuses the whole batch in which they travel."""
    unreached: dict[bytes, str] = field(default_factory=dict)
    """Keys of events that never get through, although the broker is there, and what the client library says of it."""
    waiting: list[tuple[KafkaRecord, Report]] = field(default_factory=list)
    topic: list[KafkaRecord] = field(default_factory=list)
    batches: int = 0

    def send(self, event: KafkaRecord, report: Report) -> bool:
        """Take the event while there is room."""
        if len(self.waiting) >= self.room:
            return False
        self.waiting.append((event, report))
        return True

    def poll(self) -> None:
        """Report the present verdict on everything that waits."""
        if self.verdict is None or not self.waiting:
            return
        waiting, self.waiting = self.waiting, []
        self.batches += 1
        poisoned = self.verdict is DeliveryOutcome.DELIVERED and any(self._is_poison(event) for event, _ in waiting)
        for event, report in waiting:
            if poisoned:
                report(DeliveryOutcome.REFUSED_TOGETHER, "invalid_timestamp")
                continue
            if event.key in self.unreached and event.topic.endswith(".inference"):
                report(DeliveryOutcome.UNREACHED, self.unreached[event.key])
                continue
            if self.verdict is DeliveryOutcome.DELIVERED:
                self.topic.append(event)
            report(self.verdict, self.reason)

    def _is_poison(self, event: KafkaRecord) -> bool:
        return event.key in self.poison and event.topic.endswith(".inference")

    def forget(self) -> None:
        """Report everything that waits as purged."""
        waiting, self.waiting = self.waiting, []
        for _, report in waiting:
            report(DeliveryOutcome.UNREACHED, "purged")

    def flush(self, timeout_s: float) -> None:
        """Poll once."""
        del timeout_s
        self.poll()

    def listen(self, wake: Callable[[], None]) -> None:
        """Wake nobody: the tests poll."""

    def close(self) -> None:
        """Call nobody."""
