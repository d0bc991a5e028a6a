"""A `ModelMonitor` of 2020 (`monitoring.hops.io/v1beta1`) as a spec, and in words whatever a spec does not take over.

Every field of the resource is in one of two tables: carried over, or told with what stands in its place. So nothing of
a resource disappears without a word, whatever of it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import quoted, shown
from pegel.spec.spec_fields import LONGEST_NAME

KIND = "ModelMonitor"
GROUP = "monitoring.hops.io/"

CARRIED = {
    "metadata.namespace": "namespace",
    "spec.model.name": "model.name",
    "spec.model.version": "model.version",
    "spec.monitoring.trigger.window.duration": "windowing.length",
    "spec.monitoring.trigger.window.slide": "windowing.slide",
    "spec.monitoring.trigger.window.watermarkDelay": "windowing.lateness",
}
"""Fields of a resource, and the field of a spec that says the same."""

_KEPT = "is kept of every numeric feature anyway"
_JUDGED = (
    "is replaced: changes are tested at the level that `false_alarms` asks for, so there is no threshold to choose"
)
_LOGGER = "is of the one inference logger of all models, see PEGEL_CLUSTER_LOGGER_REPLICAS and its neighbours"
_DRIVER = "is of the drivers of all groups, see PEGEL_CLUSTER_DRIVER_CORES and its neighbours"
_EXECUTOR = "is of the drivers of all groups, see PEGEL_CLUSTER_EXECUTORS and its neighbours"
_RESULTS = "is replaced by the results database (PEGEL_DATABASE_URL)"
TOLD = {
    "apiVersion": "",
    "kind": "",
    "metadata": "is the object's own; a monitor is named by its model",
    "spec.model.id": "has no counterpart: a model is known by its name and version",
    "spec.model.schemas": "is read from the training data",
    "spec.monitoring.stats.max": _KEPT,
    "spec.monitoring.stats.min": _KEPT,
    "spec.monitoring.stats.count": _KEPT,
    "spec.monitoring.stats.sum": _KEPT,
    "spec.monitoring.stats.pow2Sum": _KEPT,
    "spec.monitoring.stats.avg": _KEPT,
    "spec.monitoring.stats.mean": _KEPT,
    "spec.monitoring.stats.stddev": _KEPT,
    "spec.monitoring.stats.distr": "is kept of every feature anyway, in cells that the training data choose",
    "spec.monitoring.stats.cov": "is replaced: pairs of numeric features are judged by their correlation",
    "spec.monitoring.stats.corr": "is judged anyway, for all pairs of numeric features",
    "spec.monitoring.stats.perc": "asks for `watch.statistics: [quantiles]`, which is taken over; which ones is not",
    "spec.monitoring.baseline": "is made from the training data, see `baseline.source`; it is not pasted in",
    "spec.monitoring.outliers": "is replaced: single events are scored, see `watch.outliers_per_day`",
    "spec.monitoring.drift": _JUDGED,
    "spec.storage.inference.kafka.brokers": "is of the whole system (PEGEL_KAFKA)",
    "spec.storage.inference.kafka.topic": "is replaced by the topic of the namespace, `pegel.<namespace>.inference`",
    "spec.storage.analysis": _RESULTS,
    "spec.job.timeout": "has no counterpart: a monitor runs until it is offboarded",
    "spec.job.exposeMetrics": "is always so in a cluster",
    "spec.job.driver": _DRIVER,
    "spec.job.executor": _EXECUTOR,
    "spec.inferenceLogger": _LOGGER,
    "status": "is of the former operator",
}
"""Fields that a spec does not take over, each with what holds instead; of a section, all that stands below it."""

PERCENTILES = "spec.monitoring.stats.perc"
UNKNOWN = "is no field of a ModelMonitor; it was left out"


@dataclass(frozen=True, slots=True)
class Imported:
    """A resource as a spec, and a sentence for each of its fields that the spec does not say."""

    spec: MonitorSpec
    notes: tuple[str, ...]


def imported(resource: Any, *, uri: str, source: str) -> Imported:
    """Return what a resource asks for, of the model at `uri` and the training data `source`, which it does not name.

    Raises InvalidSpec when it is no ModelMonitor, or asks for what no spec can: each field by its path in the spec.
    """
    _refuse_other_kinds(resource)
    data: dict[str, Any] = {"model": {"uri": uri}, "baseline": {"source": source}}
    notes: list[str] = []
    for path, value in _leaves(resource):
        target = CARRIED.get(path)
        if target is None:
            notes += _told(path, value)
        else:
            notes += _carry(data, path, target, value)
    if any(path == PERCENTILES or path.startswith(f"{PERCENTILES}.") for path, _ in _leaves(resource)):
        data["watch"] = {"statistics": ["quantiles"]}
    return Imported(MonitorSpec.parse(data), tuple(notes))


def _refuse_other_kinds(resource: Any) -> None:
    kind, version = (
        (resource.get("kind"), str(resource.get("apiVersion"))) if isinstance(resource, dict) else (None, "")
    )
    if kind != KIND or not version.startswith(GROUP):
        raise InvalidSpec(
            f"expected a {KIND} of {GROUP}v1beta1; given kind {quoted(kind)} of {quoted(version)}. Nothing was made."
        )


def _carry(data: dict[str, Any], path: str, target: str, value: Any) -> list[str]:
    """Put a value where the spec has it; return a note where it had to be written differently."""
    section, _, field = target.rpartition(".")
    place = data.setdefault(section, {}) if section else data
    if section == "windowing":
        # The resource counts in milliseconds; a delay of none is stated, one that is empty is not.
        place[field] = f"{value}ms" if re.fullmatch("[0-9]+", str(value)) else value
        return []
    # What is no text cannot be written in safe letters either: the spec refuses it.
    if field not in {"name", "namespace"} or not isinstance(value, str):
        place[field] = value
        return []
    place[field] = safe = _safe(value)
    return (
        [] if safe == value else [f"{path}: {quoted(value)} is written {safe}, because it names topics and endpoints"]
    )


def _safe(name: str) -> str:
    """Return a name in the letters that a spec's names have; `model` where none is left."""
    letters = re.sub("[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")
    return letters[:LONGEST_NAME].rstrip("-") or "model"


def _told(path: str, value: Any) -> list[str]:
    """Return the sentence about a field that is not taken over; none about what only says that it is a ModelMonitor."""
    steps = path.split(".")
    for end in range(len(steps), 0, -1):
        words = TOLD.get(".".join(steps[:end]))
        if words is not None:
            return [f"{shown(path)}: {quoted(value)} {words}"] if words else []
    return [f"{shown(path)}: {quoted(value)} {UNKNOWN}"]


def _leaves(data: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return every value by its path; an empty section is a value, because `max: {}` asks for something."""
    if isinstance(data, Mapping) and (data or not prefix):
        for name, value in data.items():
            # A name with points in it is no way to a field below.
            step = repr(name) if "." in str(name) else str(name)
            yield from _leaves(value, f"{prefix}.{step}" if prefix else step)
    else:
        yield prefix, data
