"""What becomes of events that are never delivered: counted, told to whoever counts, and kept for people if possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import structlog

from pegel.data import wire
from pegel_serving.logger.dead_letters import dead_letter
from pegel_serving.logger.drops import Drops
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.producer import TOPIC_REASONS
from pegel_serving.logger.resend import NOT_TAKEN
from pegel_serving.logger.untold_losses import Loss, UntoldLosses

log = structlog.stdlib.get_logger(__name__)


class Losses:
    """Counts in `metrics` at once, and in `drops` until notices are sent. Letters and notices are no events."""

    def __init__(self, metrics: Metrics, drops: Drops, served: Iterable[str]) -> None:
        """Begin with nothing lost. What may have befallen anybody is told in each of the namespaces `served`."""
        self._metrics, self._drops, self._served = metrics, drops, served
        self._refusals: Counter[str] = Counter()
        """By reason, since they were last said: a line for each event could fill the disk."""
        self._damage_told = 0
        self.beside: KafkaRecord | None = None
        """The last event that the spool gave back: what is damaged lay beside it."""

    def lose(self, event: KafkaRecord, reason: str, *, tell: bool = True) -> None:
        """Count an event for which there was no place, or that was refused."""
        if event.header(wire.HEADER_REASON):
            self._metrics.dropped.labels("", f"letter_{reason}").inc()
            return
        if event.header(wire.HEADER_TYPE) != wire.DROPPED_TYPE:
            self._metrics.dropped.labels(self._metrics.endpoint(event.header(wire.HEADER_ENDPOINT)), reason).inc()
        if tell:
            self._drops.add(event, reason)

    def refuse(self, event: KafkaRecord, reason: str) -> KafkaRecord | None:
        """Count an event that the broker refuses also alone, and return the letter about it if one is to be sent."""
        self._refusals[reason] += 1
        if event.header(wire.HEADER_REASON):
            self._metrics.dropped.labels("", f"letter_{reason}").inc()
            return None
        if event.header(wire.HEADER_TYPE) == wire.DROPPED_TYPE:
            log.error("a loss that nobody can be told of", notice=event.value.decode(), topic=event.topic[:300])
            self._metrics.dropped.labels("", f"notice_{reason}").inc()
            return None
        tell = reason not in TOPIC_REASONS
        self.lose(event, reason, tell=tell)
        if not tell or reason == NOT_TAKEN:  # the letter about that one was sent before it was set aside
            return None
        self._metrics.dead.labels(reason).inc()
        return dead_letter(event.headers, event.value, reason=reason)

    def lose_inherited(self, untold: Mapping[Loss, int] | None) -> None:
        """Count what a killed process had told nobody; None: nobody knows what that is.

        What has a reason of its own that process has counted in its metrics.
        """
        if untold is None:
            log.error("the note of what a killed process had in memory alone is damaged: an unknown number is lost")
            self.lose_unknown(wire.KILLED_UNKNOWN, 1)
            return
        if untold:
            log.error("the last process was killed with losses that nobody was told of", up_to=sum(untold.values()))
        for loss, count in untold.items():
            if loss.reason == wire.KILLED_IN_MEMORY:
                self._metrics.dropped.labels("", loss.reason).inc(count)
            self._drops.add_loss(loss, count)

    def lose_unknown(self, reason: str, count: int) -> None:
        """Count events of which only the number is known: told beside what lay beside them, else in all namespaces."""
        self._metrics.dropped.labels("", reason).inc(count)
        if self.beside is not None:
            self._drops.add_beside(self.beside, reason, count)
            return
        for namespace in self._served:
            self._drops.add_loss(Loss(namespace, "", reason), count)

    def untold(self, damaged: int) -> UntoldLosses:
        """Return the losses of which nobody could learn after a kill; `damaged` as in `notice_damage`."""
        untold = UntoldLosses(self._drops.untold.counts)
        if count := damaged - self._damage_told:
            for namespace in self._served:
                untold.add(Loss(namespace, "", wire.SPOOL_DAMAGED), count)
        return untold

    def notice_damage(self, events: int, stretches: int, *, all_read: bool) -> None:
        """Count what was lost on disk, in all so far, once an event is known that lay beside it, or none will be."""
        lost = events - self._damage_told
        if lost and (self.beside is not None or all_read):
            self._damage_told = events
            log.error("damage in the spool was skipped", events_at_least=lost, stretches=stretches)
            self.lose_unknown(wire.SPOOL_DAMAGED, lost)

    def say_refusals(self) -> None:
        """Say in one line what the broker refused since the last time."""
        if self._refusals:
            log.warning("the broker refused events", refused=self._refusals.total(), reasons=dict(self._refusals))
            self._refusals.clear()
