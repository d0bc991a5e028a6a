"""Reading that survives what it reads: each step in a process of its own, with limits of memory and time.

When the same records have killed their readers twice, they are read here in small steps. A step that dies is halved
until one record is left: that one is set aside with its address, all others are counted as ever.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa
import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pegel.errors import Unavailable
from pegel.stream.arrivals import Address, minute_us
from pegel.stream.commit import SetAside
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.outcomes import Outcomes
from pegel.stream.partial import KEY_OF_NOBODY, Partial
from pegel.stream.task_output import SCHEMA as OUTPUT_SCHEMA
from pegel.stream.task_output import PartitionRead, TaskOutput, decode
from pegel.stream.wire_records import SCHEMA
from pegel_spark.group_stream import BaselineDocuments, GroupStream

log = structlog.get_logger()
STEP = 1_024
"""Records that one process reads at most; ten halvings lead to a single one."""
STEP_WITHIN_S = 60.0
"""How long one step may take: less than a stream may be without progress before it counts as wedged."""
MEMORY_BYTES = 1024**3
"""Memory that a step may take beyond what its process has when it begins."""
LONGEST_MS = 2**53
"""Any 64 bits may stand as the time of a record; what a microsecond more would not hold is as far away as this."""
FETCH_BYTES = 4 * 1024 * 1024
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["pegel_spark.careful_reading"])


class StepDied(Exception):
    """A process that read some records died, or took too long."""


@dataclass(frozen=True, slots=True)
class Source:
    """Records of one partition: offsets from `start` (inclusive) to `end` (exclusive)."""

    kafka: str
    address: Address
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CarefulReader:
    """Reads ranges of records for a stream. `turn` is called every half second meanwhile; what it raises ends it."""

    kafka: str
    stream: GroupStream
    turn: Callable[[], None]

    def read(self, address: Address, start: int, end: int) -> None:
        """Read the records of one partition at offsets from `start` (inclusive) to `end` (exclusive), and commit them.

        Raises Unavailable when the broker does not answer; what was committed before stays.
        """
        for begin in range(start, end, STEP):
            self._read(address, begin, min(end, begin + STEP))

    def _read(self, address: Address, start: int, end: int) -> None:
        stream = self.stream
        plan = stream.state.plan(stream.models, stream.clock.now())
        documents = stream.documents(plan)
        try:
            # One partition is one task: copies find each other in it.
            output = stream.state.count(plan, lambda by, _alone: self._step(address, start, end, by, documents))
        except StepDied as death:
            if end - start == 1:
                self._set_aside(address, start, plan, str(death))
                return
            middle = (start + end) // 2
            self._read(address, start, middle)
            self._read(address, middle, end)
        else:
            if output.records:
                stream.take(output)

    def _step(
        self, address: Address, start: int, end: int, plan: CountingPlan, documents: BaselineDocuments
    ) -> TaskOutput:
        data = self._in_a_process(_count, Source(self.kafka, address, start, end), plan, documents)
        with pa.ipc.open_stream(data) as reader:
            return decode(reader)

    def _set_aside(self, address: Address, offset: int, plan: CountingPlan, reason: str) -> None:
        try:
            time_us, size = self._in_a_process(_describe, Source(self.kafka, address, offset, offset + 1))
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


def _count(connection: Connection, source: Source, plan: CountingPlan, documents: BaselineDocuments) -> None:
    """Count a range of records and send what came of it. Runs in the process that may die."""
    _limit_memory()
    try:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, OUTPUT_SCHEMA) as writer:
            for batch in CountingTask(plan, documents.load).run(_batches(source)):
                writer.write_batch(batch)
        connection.send(("counted", sink.getvalue().to_pybytes()))
    except KafkaError as error:
        connection.send(("broker", f"the broker did not answer: {error!r:.200}"))
    except Exception as error:  # noqa: BLE001 - whatever reading these records raises is told to the one who halves them
        connection.send(("failed", f"{error!r:.300}"))


def _describe(connection: Connection, source: Source) -> None:
    """Send time and size of one record without looking into it; nothing where there is none at that offset."""
    _limit_memory()
    for batch in _batches(source):
        for row in batch.select(["value", "timestamp"]).cast(_BYTES_AND_TIME).to_pylist():
            connection.send(("described", (row["timestamp"], len(row["value"] or b""))))
            return
    connection.send(("described", (None, 0)))


_BYTES_AND_TIME = pa.schema([("value", pa.binary()), ("timestamp", pa.int64())])


def _batches(source: Source) -> Iterator[pa.RecordBatch]:
    """Yield the records of one partition as Spark would hand them over, a few megabytes at a time."""
    place = TopicPartition(*source.address)
    consumer = KafkaConsumer(
        bootstrap_servers=source.kafka.split(","),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES,
    )
    consumer.assign([place])
    consumer.seek(place, source.start)
    while consumer.position(place) < source.end:
        for records in consumer.poll(timeout_ms=1_000, max_records=256).values():
            rows = [
                {
                    "value": record.value,
                    "headers": [{"key": key, "value": value} for key, value in record.headers],
                    "timestamp": min(max(record.timestamp, -LONGEST_MS), LONGEST_MS) * 1_000,
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                }
                for record in records
                if record.offset < source.end
            ]
            if rows:
                yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    consumer.close()


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
