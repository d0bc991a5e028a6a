"""What the transformer tells Prometheus: rows by where their features come from, refused requests, time of look-ups."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from pegel.data.look_up_faults import LookUpFault

FROM_STORE = "store"
_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)


class LookUpMetrics:
    """The counters of one transformer, from 0 for every outcome there can be."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Register them where KServe's own metrics are."""
        self.rows = Counter(
            "pegel_looked_up_rows", "Rows by the source of their features", ["source"], registry=registry
        )
        self.refused = Counter("pegel_refused_look_ups", "Requests refused by policy", ["why"], registry=registry)
        self.untold = Counter(
            "pegel_untold_entities", "Rows whose entity is not told, for lack of room", registry=registry
        )
        self.seconds = Histogram("pegel_look_up_seconds", "Time of one look-up", registry=registry, buckets=_SECONDS)
        for why in LookUpFault:
            self.rows.labels(why.value)
            self.refused.labels(why.value)
        self._of_store = self.rows.labels(FROM_STORE)

    def count(self, rows: int, faults: Mapping[LookUpFault, int]) -> None:
        """Count the rows of one request; `faults`: those replaced by policy, each by its own reason."""
        self._of_store.inc(rows - sum(faults.values()))
        for fault, replaced in faults.items():
            self.rows.labels(fault.value).inc(replaced)
