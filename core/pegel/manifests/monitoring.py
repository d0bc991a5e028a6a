"""What the Prometheus operator reads of us, and when it calls somebody: about the path of events, not about models."""

from __future__ import annotations

from typing import Any

from pegel.manifests import explaining_worker, exporter_deployment, labels
from pegel.manifests.logger_deployment import selector
from pegel.manifests.network_policies import JOBS
from pegel.manifests.objects import POD_MONITOR, PROMETHEUS_RULE, SERVICE_MONITOR, Manifest
from pegel.spec import names
from pegel.spec.cluster_fields import mebibytes
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import STALE_AFTER, WEDGED_AFTER

EVERY = "30s"


def logger_monitor(cluster: ClusterSettings) -> Manifest:
    """Return what reads every replica of the logger."""
    return SERVICE_MONITOR.manifest(
        "pegel-logger",
        cluster.namespace,
        labels=labels.OURS,
        spec={
            "selector": {"matchLabels": selector()},
            "endpoints": [{"port": "http", "path": "/metrics", "interval": EVERY}],
        },
    )


def driver_monitor(cluster: ClusterSettings) -> Manifest:
    """Return what reads streaming drivers; finite jobs have no such port."""
    return POD_MONITOR.manifest(
        "pegel-jobs",
        cluster.namespace,
        labels=labels.OURS,
        spec={
            "selector": JOBS,
            "podMetricsEndpoints": [{"port": "metrics", "path": "/metrics", "interval": EVERY}],
        },
    )


def worker_monitor(cluster: ClusterSettings) -> Manifest:
    """Return what reads attribution workers, where there are any."""
    return POD_MONITOR.manifest(
        "pegel-attribution",
        cluster.namespace,
        labels=labels.OURS,
        spec={
            "selector": {"matchLabels": explaining_worker.selector()},
            "podMetricsEndpoints": [{"port": "metrics", "path": "/metrics", "interval": EVERY}],
        },
    )


def exporter_monitor(cluster: ClusterSettings) -> Manifest:
    """Return what reads the exporter, where there is one."""
    return SERVICE_MONITOR.manifest(
        names.EXPORTER_OBJECT,
        cluster.namespace,
        labels=labels.OURS,
        spec={
            "selector": {"matchLabels": exporter_deployment.selector()},
            "endpoints": [{"port": "metrics", "path": "/metrics", "interval": EVERY}],
        },
    )


def rules(cluster: ClusterSettings) -> Manifest:
    """Return when somebody is called: events are lost, or will be."""
    alerts = [
        _alert(
            "PegelNoEvents",
            "sum(increase(pegel_logger_events_received_total[10m])) == 0",
            "No event has come to the inference logger for ten minutes: no model is asked, or none is logged.",
            within="1m",
        ),
        _alert(
            "PegelEventsDropped",
            "sum by (endpoint, reason) (increase(pegel_logger_events_dropped_total[5m])) > 0",
            "Events of {{ $labels.endpoint }} are lost: {{ $labels.reason }}.",
        ),
        _alert(
            "PegelDeadLetters",
            "sum by (reason) (increase(pegel_logger_dead_letters_total[10m])) > 0",
            "Requests are no acceptable events and were kept aside: {{ $labels.reason }}.",
        ),
        _alert(
            "PegelSpoolFills",
            f"max by (pod) (pegel_logger_spool_bytes) > 0.8 * {_bytes(cluster)}",
            "The disk of {{ $labels.pod }} is more than four fifths full: the broker has been away too long.",
        ),
        _alert(
            "PegelBrokerAway",
            "max by (pod) (pegel_logger_stuck_seconds) > 60",
            "The broker has taken nothing from {{ $labels.pod }} for a minute although events wait.",
        ),
        _alert(
            "PegelAgentsLag",
            "histogram_quantile(0.99, sum by (le) (rate(pegel_logger_agent_lag_seconds_bucket[5m]))) > 5",
            "Agents of models hold events for more than five seconds: their pods will run out of memory.",
        ),
        _alert(
            "PegelDriverStandsStill",
            f"max by (group) (pegel_driver_since_progress_seconds) > {round(WEDGED_AFTER.total_seconds())}",
            "The driver of {{ $labels.group }} has committed nothing for minutes although there is something to read.",
        ),
        _alert(
            "PegelDriverWithoutDatabase",
            f"max by (group) (pegel_driver_database_away_seconds) > {round(STALE_AFTER.total_seconds())}",
            "The driver of {{ $labels.group }} does not reach the results database: its heartbeat is stale.",
            within="1m",
        ),
    ]
    return PROMETHEUS_RULE.manifest(
        "pegel",
        cluster.namespace,
        labels=labels.OURS,
        spec={"groups": [{"name": "pegel", "rules": alerts}]},
    )


def _bytes(cluster: ClusterSettings) -> int:
    return mebibytes(cluster.logger_spool) << 20


def _alert(name: str, expression: str, summary: str, *, within: str = "5m") -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": within,
        "labels": {"severity": "warning"},
        "annotations": {"summary": summary},
    }
