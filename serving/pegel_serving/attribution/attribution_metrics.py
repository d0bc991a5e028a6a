"""What the worker tells Prometheus: of each sampled event it is known what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

REASONS: Final = frozenset(
    (
        *("bad_body", "too_large", "refused_by_model", "model_failed", "model_silent", "structure", "no_method"),
        *("no_artefact", "other_artefact", "other_features", "no_endpoint", "not_prepared"),
        *("overloaded", "over_budget", "not_delivered"),
    )
)
"""Why a sampled event is not explained. A model's process says others at most by mistake: these are `other`."""
_BY_MODEL: Final = ("model", "version")


class AttributionMetrics:
    """The counters of one worker: sampled = explained + refused + what is on its way; late ones beside them."""

    def __init__(self) -> None:
        """Create them, in a registry of their own. Models are those of the registry, so labels are bounded."""
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"pegel_attribution_{name}", text, (*_BY_MODEL, *labels), registry=self.registry)

        self.sampled = counter("events_sampled", "Requests that were chosen to be explained")
        self.explained = counter("events_explained", "Attribution events that the broker acknowledged")
        self.rows = counter("rows_explained", "Rows of these")
        self.refused = counter("events_refused", "Chosen requests that are not explained, by reason", "reason")
        self.late = Counter(
            "pegel_attribution_halves_late", "Requests, answers and copies that came too late", registry=self.registry
        )
        self.alone = Counter(
            "pegel_attribution_answers_alone", "Answers of chosen events without a request", registry=self.registry
        )

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Publish a number that is read whenever somebody asks."""
        Gauge(f"pegel_attribution_{name}", text, registry=self.registry).set_function(read)
