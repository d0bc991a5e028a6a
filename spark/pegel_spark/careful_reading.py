"""Reading that survives what it reads: each step in a process of its own, with limits of memory and time.

When the same records have killed their readers twice, they are read here in small steps. A step that dies is halved
until one record is left: that one is set aside with its address, all others are counted as ever.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog

from pegel.errors import Unavailable
from pegel.stream.arrivals import minute_us
from pegel.stream.baseline_documents import BaselineDocuments
from pegel.stream.commit import SetAside
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.outcomes import Outcomes
from pegel.stream.partial import KEY_OF_NOBODY, Partial
from pegel.stream.positions import OffsetRange
from pegel.stream.task_output import PartitionRead, TaskOutput, together
from pegel_spark.consuming import Reading
from pegel_spark.counting_job import Work, answers
from pegel_spark.group_stream import GroupStream

log = structlog.get_logger()
STEP = 1_024
"""Records that one process reads at most; ten halvings lead to a single one."""
STEP_WITHIN_S = 60.0
"""How long one step may take: less than a stream may be without progress before it counts as wedged."""
MEMORY_BYTES = 1024**3
"""Memory that a step may take beyond what its process has when it begins."""
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["pegel_spark.careful_reading"])


class StepDied(Exception):
    """A process that read some records died, or took too long."""


@dataclass(frozen=True, slots=True)
class CarefulReader:
    """Reads ranges of records for a stream. `turn` is called every half second meanwhile; what it raises ends it."""

    kafka: str
    stream: GroupStream
    turn: Callable[[], None]

    def read(self, wanted: OffsetRange) -> None:
        """Read the records of one partition and commit them.

        Raises Unavailable when the broker does not answer; what was committed before stays.
        """
        for begin in range(wanted.start, wanted.end, STEP):
            self._read(replace(wanted, start=begin, end=min(wanted.end, begin + STEP)))

    def _read(self, step: OffsetRange) -> None:
        stream = self.stream
        plan = stream.state.plan(stream.models, stream.clock.now())
        documents = stream.documents(plan)
        try:
            # One partition is one task: copies find each other in it.
            output = stream.state.count(plan, lambda by, _alone: self._step(step, by, documents))
        except StepDied as death:
            if step.records == 1:
                self._set_aside(step, plan, str(death))
                return
            middle = (step.start + step.end) // 2
            self._read(replace(step, end=middle))
            self._read(replace(step, start=middle))
        else:
            if output.reads:
                stream.take(output)

    def _step(self, step: OffsetRange, plan: CountingPlan, documents: BaselineDocuments) -> TaskOutput:
        counted: TaskOutput = self._in_a_process(_count, Work(self.kafka, (step,), plan, is_whole=True), documents)
        return counted

    def _set_aside(self, step: OffsetRange, plan: CountingPlan, reason: str) -> None:
        address, offset = step.address, step.start
        try:
            time_us, size = self._in_a_process(_describe, Reading(self.kafka, (step,)))
        except StepDied:
            # Not even its bytes can be fetched; that it is there is known all the same.
            time_us, size = plan.now_us, 0
        if time_us is None:
            return
        minute = minute_us(min(time_us, plan.latest_us), plan.oldest_minute_us)
        output = TaskOutput(
            partials=[
                Partial(
                    key=KEY_OF_NOBODY,
                    pane_us=minute,
                    minutes={minute: Outcomes(set_aside=1)},
                )
            ]
        )
        output.took(PartitionRead(*address, start=offset, end=offset + 1, records=1, minutes={minute: 1}))
        record = SetAside(
            topic=address[0],
            partition=address[1],
            offset=offset,
            size_bytes=size,
            reason=reason,
            at=self.stream.clock.now(),
        )
        log.error("record set aside", topic=address[0], partition=address[1], offset=offset, reason=reason)
        self.stream.set_aside(record, output)

    def _in_a_process(self, target: Callable[..., None], *arguments: Any) -> Any:
        """Return what `target` sends. Raises StepDied when its process ends without, Unavailable."""
        ours, theirs = _PROCESSES.Pipe(duplex=False)
        process = _PROCESSES.Process(target=target, args=(theirs, *arguments), daemon=True)
        process.start()
        theirs.close()
        deadline = time.monotonic() + STEP_WITHIN_S
        try:
            while not ours.poll(0.5):
                self.turn()
                if time.monotonic() > deadline:
                    raise StepDied(f"its reader took longer than {STEP_WITHIN_S:.0f} s")
            answer, value = ours.recv()
        except EOFError:
            process.join(10)
            raise StepDied(f"its reader ended with exit code {process.exitcode}") from None
        finally:
            if process.is_alive():
                process.kill()
            process.join(10)
            ours.close()
        if answer == "broker":
            raise Unavailable(value)
        if answer == "failed":
            raise StepDied(f"its reader failed: {value}")
        return value


def _count(connection: Connection, work: Work, documents: BaselineDocuments) -> None:
    """Count a range of records and send what came of it. Runs in the process that may die."""
    _limit_memory()
    try:
        counted = list(answers(work, documents.load))
    except Exception as error:  # noqa: BLE001 - whatever reading these records raises is told to the one who halves them
        connection.send(("failed", f"{error!r:.300}"))
        return
    for answer in counted:
        if isinstance(answer, Unavailable):
            connection.send(("broker", str(answer)))
            return
    connection.send(("counted", together(answer for answer in counted if isinstance(answer, TaskOutput))))


def _describe(connection: Connection, reading: Reading) -> None:
    """Send time and size of one record without looking into it; nothing where there is none at that offset."""
    _limit_memory()
    for records in reading.records():
        connection.send(("described", (int(records.times_us[0]), len(records.bodies[0]))))
        return
    connection.send(("described", (None, 0)))


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
