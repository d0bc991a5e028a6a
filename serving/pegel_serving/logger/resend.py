"""Sends events again until each one was taken or set aside: one bad event holds up nobody and takes nobody with it.

A broker refuses whole batches for the sake of one record, and says so of every record in it. So those that were refused
together are sent again in halves, each half alone, until what is refused is a single event::

    refused together [a b C d]  ->  [a b] taken,  [C d] refused  ->  [C] refused: set aside,  [d] taken

One bad event among n costs about log2(n) round trips, and the order of the others is kept. What the broker did not take
in time is sent again after a pause, as often as it needs: that is an outage, no refusal.

Unless the client library itself is at a loss (`UNEXPLAINED`). A group to which that happens `TRIES` times in a row is
halved as well, and an event to which it happens alone is doubted: a letter about it is sent to the dead letters. If the
broker answers that, whatever it answers, the event has one more try, and is set aside after it: nothing that a library
does with one event can hold up the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.producer import NO_REPORT, UNEXPLAINED, DeliveryOutcome, Sender

TRIES = 3
"""Rounds in which the library was at a loss before a group is halved, and before a single event is doubted."""
NOT_TAKEN = "not_taken"
"""The reason of an event that could not be sent while the letter about it could."""

Settle = Callable[[int, DeliveryOutcome, str], None]
"""Told the place of an event, whether it was DELIVERED or REFUSED, and the broker's reason."""


class Resend:
    """Some events on their way. Nothing else may be sent meanwhile, or it would be refused with them.

    Times are seconds of one monotonic clock. `pause_s` lies between two attempts; what was not reported after
    `patience_s` counts as not taken.
    """

    def __init__(
        self,
        sender: Sender,
        events: Sequence[KafkaRecord],
        settle: Settle,
        letter: Callable[[KafkaRecord], KafkaRecord],
        *,
        pause_s: float,
        patience_s: float,
        not_before: float = 0.0,
    ) -> None:
        """Begin with all events together, not before `not_before`. `letter` is asked for the letter about an event."""
        self._sender, self._events, self._settle, self._letter = sender, events, settle, letter
        self._pause_s, self._patience_s, self._not_before = pause_s, patience_s, not_before
        self._groups: deque[list[int]] = deque([list(range(len(events)))] if events else [])
        self._group: list[int] = []
        self._reports: dict[int, tuple[DeliveryOutcome, str]] = {}
        self._round = 0
        self._lost_rounds = 0
        """Rounds in a row in which the library was at a loss with all events of the group."""
        self._answered = False
        """Whether the broker just answered that letter."""
        self._doubted = False
        """Whether the letter about the one event of `_group` is on its way in place of the event."""
        self._sent_at = 0.0
        self.failed = False
        """Whether the last attempt ended with events that the broker did not take in time."""
        self.open = len(events)
        """How many events are neither taken nor set aside."""

    @property
    def done(self) -> bool:
        """Say whether every event was taken or set aside."""
        return not self._groups and not self._group

    def tick(self, now: float) -> None:
        """Look at what was reported and send what is next. Reports are called from `Sender.poll`."""
        self.collect(now)
        if not self._group and self._groups and now >= self._not_before:
            self._send(now)

    def collect(self, now: float) -> None:
        """Look at what was reported."""
        if self._group and len(self._reports) < len(self._group) and now - self._sent_at > self._patience_s:
            self._sender.forget()
            for place in self._group:
                self._reports.setdefault(place, (DeliveryOutcome.UNREACHED, NO_REPORT))
        if self._group and len(self._reports) == len(self._group):
            self._judge(now)

    def _send(self, now: float) -> None:
        self._group, self._reports, self._sent_at = self._groups.popleft(), {}, now
        self._doubted = len(self._group) == 1 and self._lost_rounds >= TRIES and not self._answered
        self._round += 1
        for place in self._group:
            event = self._letter(self._events[place]) if self._doubted else self._events[place]
            if not self._sender.send(event, partial(self._report, self._round, place)):
                self._report(self._round, place, DeliveryOutcome.UNREACHED, "queue_full")

    def _report(self, number: int, place: int, verdict: DeliveryOutcome, reason: str) -> None:
        if number == self._round:
            self._reports.setdefault(place, (verdict, reason))

    def _judge(self, now: float) -> None:
        """Settle what is settled, and put the rest back, in order."""
        group, self._group = self._group, []
        if self._doubted:
            self._judge_doubted(group[0], now)
            return
        again: list[int] = []
        suspects: list[int] = []
        for place in group:
            verdict, reason = self._reports[place]
            if verdict is DeliveryOutcome.UNREACHED:
                again.append(place)
            elif verdict is DeliveryOutcome.REFUSED_TOGETHER and len(group) > 1:
                suspects.append(place)
            else:
                self.open -= 1
                self._settle(
                    place,
                    DeliveryOutcome.DELIVERED if verdict is DeliveryOutcome.DELIVERED else DeliveryOutcome.REFUSED,
                    reason,
                )
        self.failed = bool(again)
        at_a_loss = len(again) == len(group) and all(self._reports[place][1] in UNEXPLAINED for place in group)
        if at_a_loss and self._answered:
            self._set_aside(group[0])
            return
        self._lost_rounds, self._answered = self._lost_rounds + 1 if at_a_loss else 0, False
        if again:
            self._not_before = now + self._pause_s
            # an outage says nothing about the others: they are tried together once more
            rest = sorted(again + suspects)
            if self._lost_rounds >= TRIES and len(rest) > 1:
                self._lost_rounds = 0
                self._halve(rest)
            else:
                self._groups.appendleft(rest)
        elif suspects:
            self._halve(suspects)

    def _judge_doubted(self, place: int, now: float) -> None:
        """Give a doubted event its last try if the broker answered the letter about it; otherwise begin again later."""
        self._answered = self._reports[place][0] is not DeliveryOutcome.UNREACHED
        self._lost_rounds = 0
        self.failed = not self._answered
        self._not_before = now if self._answered else now + self._pause_s
        self._groups.appendleft([place])

    def _set_aside(self, place: int) -> None:
        self._lost_rounds, self._answered, self.failed = 0, False, False
        self.open -= 1
        self._settle(place, DeliveryOutcome.REFUSED, NOT_TAKEN)

    def _halve(self, group: list[int]) -> None:
        half = (len(group) + 1) // 2
        self._groups.extendleft(part for part in (group[half:], group[:half]) if part)
