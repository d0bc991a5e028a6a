"""What the logger tells Prometheus. An event that was received is produced, dropped or still waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from pegel.data import wire
from pegel.spec import names
from pegel_serving import door_limits
from pegel_serving.logger.quick_metrics import QuickCounter, QuickHistogram

log = structlog.stdlib.get_logger(__name__)

OTHER = "other"
"""The label of all endpoints that have none of their own. No endpoint is named so: names end in a version."""

_LOOK_EVERY_S = 5.0
"""How often the folder of names is read for the sake of an unknown one."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The counters of one logger, in a registry of its own."""

    def __init__(self, *, max_endpoints: int = 500, known: Path | None = None) -> None:
        """Create the metrics. Labels come from outside, so they are bounded.

        `known` is a folder whose entries are named like the endpoints there are: only those have labels of their own
        then. Without it the first `max_endpoints` that come have; all others are counted together as `other`.
        """
        self.registry = CollectorRegistry()
        self._endpoints: set[str] = set()
        self._max_endpoints, self._known, self._look_at = max_endpoints, known, 0.0
        by_event = ("endpoint", "type")

        def counter(name: str, text: str, labels: tuple[str, ...]) -> QuickCounter:
            counts = QuickCounter(f"pegel_logger_{name}", text, labels)
            self.registry.register(counts)
            return counts

        def histogram(name: str, text: str) -> QuickHistogram:
            seconds = QuickHistogram(f"pegel_logger_{name}", text, _SECONDS)
            self.registry.register(seconds)
            return seconds

        self.received = counter("events_received", "Events that came in whole, before any decision", by_event)
        self.accepted = counter("events_accepted", "Events answered with 200", by_event)
        self.produced = counter("events_produced", "Events that the broker acknowledged", ("topic",))
        self.dropped = counter(
            "events_dropped",
            f"Events that are lost, by reason: of {', '.join(sorted(wire.AT_MOST))} at most so many, of "
            f"{', '.join(sorted(wire.AT_LEAST))} at least",
            ("endpoint", "reason"),
        )
        self.refused = counter("requests_refused", "Requests that are no acceptable event, by reason", ("reason",))
        self.dead = counter("dead_letters", "Refused requests kept on the dead-letter topic, by reason", ("reason",))
        self.duplicates = counter("duplicates_seen", "Events whose identity was seen shortly before", ("endpoint",))
        self.replaced = counter(
            "times_replaced", "Events whose time was not usable, by reason; now stands in", ("reason",)
        )
        self.from_disk = counter(
            "answered_from_disk", "Events answered when they were on disk, because the broker was slow (ack=broker)", ()
        )
        self.unconfirmed = counter(
            "answered_unconfirmed",
            "Events answered 503 and sent all the same: the broker was slow and the disk refused them (ack=broker)",
            (),
        )
        self.spooled = counter("events_spooled", "Events written to the spool on disk", ())
        self.produce_s = histogram(
            "produce_seconds", "From acceptance to the broker's acknowledgement, without spooling"
        )
        self.agent_lag_s = histogram("agent_lag_seconds", "How long an event waited in the agent (recordedtime - time)")
        self.ingest_lag_s = histogram("ingest_lag_seconds", "How old an event is when it comes in (now - time)")

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Publish a number that is read whenever somebody asks."""
        Gauge(f"pegel_logger_{name}", text, registry=self.registry).set_function(read)

    def table(self, name: str, text: str, label: str, counts: Mapping[str, int]) -> None:
        """Publish counts that somebody else keeps, by the label that is their key."""
        self.registry.register(_Table(f"pegel_logger_{name}", text, label, counts))

    def endpoint(self, name: str) -> str:
        """Return the label for an endpoint: its name, or `other` when it is not known or there are too many names."""
        if name in self._endpoints or not names.is_safe(name):
            return name if name in self._endpoints else OTHER
        if self._known is not None:
            self._look(self._known)
        elif len(self._endpoints) < self._max_endpoints:
            self._endpoints.add(name)
        return name if name in self._endpoints else OTHER

    def _look(self, known: Path) -> None:
        """Read the names there are, now and then. A name keeps its label when it goes: its counts go on existing."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_EVERY_S
        try:
            self._endpoints.update(entry.name for entry in known.iterdir() if names.is_safe(entry.name))
        except OSError as error:
            log.warning("the names of endpoints cannot be read", folder=str(known), why=error.strerror)

    def observe_lags(self, time_s: float | None, recorded_s: float | None) -> None:
        """Record both lags of an event, as far as its times are known. Clocks that run ahead count as no lag."""
        if time_s is None:
            return
        now = time.time()
        self.ingest_lag_s.observe(max(0.0, now - time_s))
        # a time of sending that has not come yet would spoil the sum for ever
        if recorded_s is not None and recorded_s <= now + door_limits.CLOCK_SLACK_S:
            self.agent_lag_s.observe(max(0.0, recorded_s - time_s))

    def render(self) -> bytes:
        """Return Prometheus' text format."""
        return generate_latest(self.registry)


class _Table(Collector):
    """Counts of somebody else, read whenever somebody asks."""

    def __init__(self, name: str, text: str, label: str, counts: Mapping[str, int]) -> None:
        """Remember what to read."""
        self._name, self._text, self._label, self._counts = name, text, label, counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the counts as they are now."""
        family = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for key, count in self._counts.items():
            family.add_metric([key], count)
        yield family
