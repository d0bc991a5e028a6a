"""What a streaming driver tells Prometheus: the facts of its heartbeat, as they stand at the moment it is asked.

Spark's own servlet knows nothing of this stream, which is none of Spark's: it reads ranges of offsets itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pegel_spark.heartbeat import HeartbeatWriter

log = structlog.get_logger()
PREFIX = "pegel_driver"


@dataclass(frozen=True, slots=True, eq=False)
class DriverMetrics(Collector):
    """The metrics of one driver. All durations are seconds, by the clock of the driver."""

    beats: HeartbeatWriter

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, labelled with the group."""
        beats, stream = self.beats, self.beats.stream
        now, away_since = beats.clock.now(), stream.persistence.wait.since
        head = stream.head
        gauges = {
            "lag_records": ("Records on the topics that are not read yet", beats.progress.lag),
            "since_progress_seconds": (
                "Since when nothing was committed, nothing left to read, and nothing waited for that is not its own",
                (now - beats.progressed_at).total_seconds(),
            ),
            "since_newest_event_seconds": (
                "Age of the newest event time that was read; -1: none",
                -1.0 if head is None else (now - head).total_seconds(),
            ),
            "database_away_seconds": (
                "For how long the results database has not answered",
                0.0 if away_since is None else (now - away_since).total_seconds(),
            ),
            "waits": ("1 while something is missing that is not its own", float(bool(beats.words_of_missing))),
            "started_seconds": ("When it was started, since 1970", beats.started_at.timestamp()),
        }
        for name, (text, value) in gauges.items():
            yield self._labelled(GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=("group",)), value)
        batches = CounterMetricFamily(f"{PREFIX}_batches", "Batches that were committed", labels=("group",))
        yield self._labelled(batches, stream.batches)
        skipped = CounterMetricFamily(
            f"{PREFIX}_skipped_row_windows",
            "Windows whose rows were held against no suite, because those of earlier ones still were",
            labels=("group",),
        )
        yield self._labelled(skipped, 0 if stream.rows is None else stream.rows.skipped)
        if stream.spans is not None:
            traced = CounterMetricFamily(
                f"{PREFIX}_traced", "Events and spans, by what became of their trace", labels=("group", "outcome")
            )
            for outcome, count in stream.spans.counts.items():
                traced.add_metric([beats.job.document.group, outcome], count)
            yield traced

    def _labelled(self, family: GaugeMetricFamily | CounterMetricFamily, value: float) -> Metric:
        family.add_metric([self.beats.job.document.group], value)
        return family


def serve(beats: HeartbeatWriter, port: int | None) -> None:
    """Answer `/metrics` on every address of this machine, for as long as the process lives; None: nowhere.

    A port that is taken is logged and keeps no driver from its work.
    """
    if port is None:
        return
    registry = CollectorRegistry()
    registry.register(DriverMetrics(beats))
    try:
        start_http_server(port, registry=registry)
    except OSError as error:
        log.warning("no metrics", reason=f"PEGEL_METRICS_PORT: {port} cannot be listened on: {error.strerror}")
