"""`python -m pegel_serving.logger --kafka HOST:PORT --port N --spool DIR`: run the inference logger."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pegel.data.asked_tracing import tracing_of
from pegel.errors import SetupError
from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.settings import Settings
from pegel_serving import door_limits, door_options, http_service, json_logs
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.producer import KafkaSender, KafkaSettings
from pegel_serving.logger.spool import Spool

LINGER_MS = {"enqueue": 10.0, "broker": 0.5}
"""Nobody waits for events that are answered before they are sent, so they travel in larger batches."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.logger", description=__doc__)
    parser.add_argument("--kafka", required=True, help="bootstrap servers, comma separated host:port")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port; the ready line on stdout names it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--spool", type=Path, required=True, help="folder for events that the broker cannot take yet")
    parser.add_argument(
        "--spool-mib", type=int, default=1024, help="most disk space for that; what is in memory lies beside it"
    )
    parser.add_argument("--queue-messages", type=int, default=100_000, help="most events in memory")
    parser.add_argument("--queue-mib", type=int, default=64, help="most bytes in memory")
    parser.add_argument(
        "--max-body-bytes", type=int, default=door_limits.BODY_BYTES, help="larger bodies are answered 413"
    )
    door_options.add_options(parser)
    door_options.add_traces(parser, door_limits.EVENTS_TRACED, "events")
    parser.add_argument(
        "--names",
        type=Path,
        help="folder whose entries are named like the endpoints there are: only those have metrics of their own",
    )
    parser.add_argument(
        "--ack", choices=("enqueue", "broker"), default="enqueue", help="what an answer of 200 promises"
    )
    parser.add_argument(
        "--delivery-timeout", type=float, default=5.0, help="seconds until undelivered events go to disk"
    )
    return parser.parse_args(arguments)


def build(options: argparse.Namespace) -> LoggerApp:
    """Put the logger together; what the broker asks of it stands in the environment, see `pegel.spec.kafka_security`.

    Raises SetupError when the spool belongs to another process, or the broker cannot be asked so.
    """
    metrics = Metrics(known=options.names)
    settings = KafkaSettings(
        servers=options.kafka,
        security=KafkaSecurity.of(Settings.of_environment()).librdkafka(),
        delivery_timeout_s=options.delivery_timeout,
        linger_ms=LINGER_MS[options.ack],
        # the producer's own queue is never the tighter one: the pipeline decides where an event goes
        queue_messages=2 * options.queue_messages,
        queue_bytes=(2 * options.queue_mib) << 20,
        max_body_bytes=options.max_body_bytes,
    )
    limits = Limits(
        queue_messages=options.queue_messages,
        queue_bytes=options.queue_mib << 20,
        stall_s=options.delivery_timeout,
        batch_messages=min(2000, options.queue_messages),
    )
    spool = Spool(options.spool, cap_bytes=options.spool_mib << 20)
    pipeline = Pipeline(KafkaSender(settings), spool, metrics, limits)

    def progress(name: str) -> Callable[[], float]:
        def read() -> float:
            value: float | None = getattr(pipeline.progress(time.monotonic()), name)
            return -1.0 if value is None else value

        return read

    metrics.gauge("queue_events", "Events in memory on their way to the broker", lambda: pipeline.in_flight)
    metrics.gauge("spool_events", "Events on disk waiting for the broker", lambda: spool.records)
    metrics.gauge("spool_bytes", "Disk space of the spool and of what is in memory", lambda: spool.disk_bytes)
    metrics.gauge("spool_damaged_stretches", "Damaged places of the spool that were skipped", lambda: spool.damages)
    metrics.gauge("spool_refused", "1 while the disk refuses what is to be written", lambda: bool(spool.refusal))
    metrics.gauge("backlog_seconds", "Since when the oldest event on disk has been waiting", progress("backlog_s"))
    metrics.gauge("acknowledged_seconds", "Since the broker last took an event; -1: never", progress("acknowledged_s"))
    metrics.gauge("spooled_seconds", "Since the disk last took an event; -1: never", progress("spooled_s"))
    metrics.gauge("stuck_seconds", "For how long nothing was taken although something waits", progress("stuck_s"))
    door = DoorSettings(
        ack=options.ack,
        max_body_bytes=options.max_body_bytes,
        reading_bytes=options.reading_mib << 20,
        body_within_s=options.body_within,
    )
    spans = tracing_of("pegel-logger", per_second=options.traced_per_second)
    return LoggerApp(pipeline, metrics, door, spans)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM, or until the logger can do nothing more. Returns the exit code."""
    options = parse(arguments)
    json_logs.configure("logger")
    try:
        listener = http_service.bind(options.host, options.port)
        app = build(options)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    limits = door_options.connection_limits(options)
    config = http_service.config(app, limits, app.connection_ends, take_whole=app.take_whole)
    return http_service.run(config, listener, "logger", failure=app.failure)


if __name__ == "__main__":
    sys.exit(main())
