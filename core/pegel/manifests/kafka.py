"""Topics and users of Strimzi's Kafka, in Pegel's namespace, where its user operator puts their passwords, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pegel.manifests import labels
from pegel.manifests.objects import KAFKA_TOPIC, KAFKA_USER, Manifest
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import OLDEST_RECORD, RECORDS_KEPT

CLUSTER = "strimzi.io/cluster"
PARTITIONS = 3
"""As many as onboarding gives a topic that nobody made before."""


def topics(namespace: str, cluster: ClusterSettings, *, replicas: int) -> list[Manifest]:
    """Return the topics of a namespace of models, each with as many copies as there are `replicas`.

    Their names have dots and start with the namespace's, so the objects are named by the last part and it.
    """
    return [_topic(topic, namespace, cluster, replicas) for topic in names.topics(namespace)]


def _topic(topic: str, namespace: str, cluster: ClusterSettings, replicas: int) -> Manifest:
    part = topic.rpartition(".")[2]
    return KAFKA_TOPIC.manifest(
        f"pegel-{namespace}-{part}",
        cluster.namespace,
        labels={**labels.OURS, CLUSTER: cluster.kafka_cluster, labels.NAMESPACE: namespace},
        spec={
            "topicName": topic,
            "partitions": PARTITIONS,
            "replicas": replicas,
            "config": {
                # Never compacted: an event without a body is a record without a value.
                "cleanup.policy": "delete",
                "retention.ms": round(RECORDS_KEPT.total_seconds() * 1000),
                "min.insync.replicas": max(1, replicas - 1),
                "message.timestamp.type": "CreateTime",
                "message.timestamp.before.max.ms": round(OLDEST_RECORD.total_seconds() * 1000),
            },
        },
    )


def users(cluster: ClusterSettings) -> list[Manifest]:
    """Return the three users: who logs, who watches, and who makes topics."""
    topic, group = _prefix("topic"), _prefix("group")
    return [
        _user("pegel-logger", cluster, [_may(topic, "Write", "Describe")]),
        _user("pegel-driver", cluster, [_may(topic, "Read", "Write", "Describe"), _may(group, "Read")]),
        _user("pegel-airflow", cluster, [_may(topic, "Create", "Describe", "DescribeConfigs", "AlterConfigs", "Read")]),
    ]


def _prefix(kind: str) -> dict[str, str]:
    return {"type": kind, "name": "pegel", "patternType": "prefix"}


def _may(resource: dict[str, str], *operations: str) -> dict[str, Any]:
    return {"resource": resource, "operations": list(operations)}


def _user(name: str, cluster: ClusterSettings, acls: Sequence[dict[str, Any]]) -> Manifest:
    return KAFKA_USER.manifest(
        name,
        cluster.namespace,
        labels={**labels.OURS, CLUSTER: cluster.kafka_cluster},
        spec={
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": list(acls)},
        },
    )
