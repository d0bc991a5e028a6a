"""Drives a pipeline: its waiting work is done often while something waits, and when somebody submits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from pegel.spec.plain_numbers import how_many
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.pipeline import Fate, Pipeline

log = structlog.stdlib.get_logger(__name__)

_BUSY_PAUSE_S = 0.005
Settled = Callable[[bool], None]
"""Told whether an event is settled."""


class Pump:
    """Ticks a pipeline, in the loop. When a tick raises, the logger can do nothing more, and `failure` says why."""

    def __init__(self, pipeline: Pipeline, *, idle_s: float, prompt: bool = False) -> None:
        """Be ready to start; `idle_s` is the longest pause between two ticks. `prompt`: tick when a report comes."""
        self.pipeline, self._idle_s, self._prompt = pipeline, idle_s, prompt
        self._waiting: dict[int, tuple[float, Settled]] = {}
        """By the number of an event, until when somebody waits for its acknowledgement, and who."""
        self._next: asyncio.Handle | None = None
        """The next tick; None before the start, after the end and after a failure."""
        self._is_soon = False
        """Whether that is in a moment."""
        self.failure = ""
        """Why the logger can do nothing more; empty while it can."""

    @property
    def alive(self) -> bool:
        """Say whether it was started and runs."""
        return self._next is not None

    def start(self) -> None:
        """Begin to tick."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._tick_now)

        if self._prompt:
            self.pipeline.listen(wake)
        self._next, self._is_soon = loop.call_soon(self._tick), True

    async def stop(self, flush_s: float) -> None:
        """Tick no more; deliver what can be delivered within `flush_s` and put the rest on disk."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        try:
            lost = self.pipeline.close(flush_s)
        except Exception as error:  # noqa: BLE001 (whatever it was, the process is ending and has to say so)
            self._fail("the end was not in order", error)
        else:
            if lost:
                self._fail(f"{how_many(lost, 'event')} in memory found no place on disk: lost", None)

    def submit(self, event: KafkaRecord) -> tuple[Fate, int]:
        """Hand an event to the pipeline, see `Pipeline.submit`, and tick soon."""
        taken = self.pipeline.submit(event, time.monotonic())
        self._tick_soon()
        return taken

    def lose(self, event: KafkaRecord, reason: str) -> None:
        """Remember that `event` was lost; a notice tells it soon."""
        self.pipeline.lose(event, reason)
        self._tick_soon()

    def when_settled(self, number: int, within_s: float, then: Settled) -> None:
        """Call `then` when an event is settled, see `Pipeline.settled`, or after `within_s`, and say which of both."""
        if self.pipeline.settled(number):
            then(True)
        else:
            self._waiting[number] = time.monotonic() + within_s, then

    def _tick_now(self) -> None:
        """Tick, unless the end came before."""
        if self._next is not None:
            self._next.cancel()
            self._tick()

    def _tick(self) -> None:
        now = time.monotonic()
        try:
            self.pipeline.tick(now)
        except Exception as error:  # noqa: BLE001 (whatever it is, the process has to end)
            self._next = None
            self._fail("the pump has stopped", error)
            return
        self._answer(now)
        self._is_soon = self.pipeline.busy
        pause = _BUSY_PAUSE_S if self._is_soon else self._idle_s
        self._next = asyncio.get_running_loop().call_later(pause, self._tick)

    def _answer(self, now: float) -> None:
        """Tell those who wait for events that are settled, or have waited long enough."""
        settled = self.pipeline.settled
        ended = [number for number, (until, _) in self._waiting.items() if now >= until or settled(number)]
        for number in ended:
            self._waiting.pop(number)[1](settled(number))

    def _tick_soon(self) -> None:
        """Tick in a moment. A busy pump does anyway, and is not woken for each event: one tick does many."""
        if not self._is_soon and self._next is not None:
            self._next.cancel()
            self._next, self._is_soon = asyncio.get_running_loop().call_soon(self._tick), True

    def _fail(self, what: str, error: BaseException | None) -> None:
        self.failure = self.failure or (f"{what}: {error!r}" if error else what)
        log.critical(what, exc_info=error)
