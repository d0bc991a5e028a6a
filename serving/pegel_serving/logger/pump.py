"""Drives a pipeline: its waiting work is done often while something waits, and when somebody submits."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import structlog

from pegel.spec.plain_numbers import how_many
from pegel_serving.http_service import cancel
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.pipeline import Fate, Pipeline

log = structlog.stdlib.get_logger(__name__)

_BUSY_PAUSE_S = 0.005


class Pump:
    """A task that ticks a pipeline. When it ends by itself, the logger can do nothing more, and `failure` says why."""

    def __init__(self, pipeline: Pipeline, *, idle_s: float) -> None:
        """Be ready to start; `idle_s` is the longest pause between two ticks."""
        self.pipeline, self._idle_s = pipeline, idle_s
        self._landing: dict[int, asyncio.Future[None]] = {}
        """Events for whose acknowledgement somebody waits."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failure = ""
        """Why the logger can do nothing more; empty while it can."""

    @property
    def alive(self) -> bool:
        """Say whether it was started and runs."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to tick."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def stop(self, flush_s: float) -> None:
        """Tick no more; deliver what can be delivered within `flush_s` and put the rest on disk."""
        if self._task is not None:
            await cancel(self._task)
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
        self._wake.set()
        return taken

    def lose(self, event: KafkaRecord, reason: str) -> None:
        """Remember that `event` was lost; a notice tells it soon."""
        self.pipeline.drops.add(event, reason)
        self._wake.set()

    async def secured(self, number: int, within_s: float) -> bool:
        """Wait for the broker to take an event, but not longer than `within_s`; then write it to disk.

        Returns whether it is safe.
        """
        future = self._landing[number] = asyncio.get_running_loop().create_future()
        await asyncio.wait([future], timeout=within_s)
        self._landing.pop(number, None)
        return self.pipeline.secure(number)

    async def _run(self) -> None:
        while True:
            self.pipeline.tick(time.monotonic())
            for number in [number for number in self._landing if self.pipeline.settled(number)]:
                self._landing.pop(number).set_result(None)
            if self.pipeline.busy:
                await asyncio.sleep(_BUSY_PAUSE_S)
                continue
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s):
                    await self._wake.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fail("the pump has stopped", task.exception())

    def _fail(self, what: str, error: BaseException | None) -> None:
        self.failure = self.failure or (f"{what}: {error!r}" if error else what)
        log.critical(what, exc_info=error)
