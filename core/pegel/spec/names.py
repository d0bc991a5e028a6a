"""The only place that builds topic, resource, group and label names.

Every name is a pure function of what it names, so whoever knows the model finds its topic, its endpoint and its files.
"""

from __future__ import annotations

import hashlib
import re

MANAGED_BY = "pegel"
SAFE_NAME = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""A letter, then lower case letters, digits and inner hyphens: valid as topic part, Kubernetes and folder name."""
LARGEST_VERSION = 2**31 - 1
"""Of a model, inclusive: as large as every database's integer."""
SERVED_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}"
"""What a server may call a model in its paths, of which it is one step."""
TOPIC = r"[A-Za-z0-9._-]{1,249}"
"""What Kafka takes as the name of a topic."""
TOPIC_PREFIX = "pegel."
"""Of every topic of ours."""
LONGEST_SAFE_NAME = 63
"""Letters of a name, inclusive: of a DNS label, which is what Kubernetes allows a namespace or an endpoint. The longest
topic made of it, `pegel.<namespace>.dead-letters`, has 82 of the 249 letters that Kafka allows."""


def is_safe(name: str) -> bool:
    """Say whether `name` may stand in every place a name stands in: its letters and their number."""
    return len(name) <= LONGEST_SAFE_NAME and re.fullmatch(SAFE_NAME, name) is not None


def monitor_key(model: str, version: int) -> str:
    """Return the key of one watched model version, e.g. `delays/1`."""
    return f"{model}/{version}"


def monitor_of(key: str) -> tuple[str, int]:
    """Return the model and the version that a key names, the inverse of `monitor_key`."""
    model, version = key.rsplit("/", 1)
    return model, int(version)


def endpoint(model: str, version: int) -> str:
    """Return the InferenceService name, e.g. `delays-v1`; it travels as `ce_inferenceservicename`."""
    return f"{model}-v{version}"


ATTRIBUTIONS = ":attributions"
"""What stands behind a model's name where its explained rows are meant: no name of a model has a colon."""


def explained_key(key: str) -> str:
    """Return under which key the explained rows of a monitor are counted: in windows and a ledger of their own.

    >>> explained_key("credit/1"), watched_key("credit:attributions/1"), watched_key("credit/1")
    ('credit:attributions/1', 'credit/1', 'credit/1')
    """
    model, version = monitor_of(key)
    return monitor_key(model + ATTRIBUTIONS, version)


def is_explained_key(key: str) -> bool:
    """Say whether a key is that of explained rows."""
    return key.rsplit("/", 1)[0].endswith(ATTRIBUTIONS)


def watched_key(key: str) -> str:
    """Return the key of the monitor whose rows, explained or not, are counted under a key."""
    if not is_explained_key(key):
        return key
    model, version = monitor_of(key)
    return monitor_key(model.removesuffix(ATTRIBUTIONS), version)


def attribution_field(feature: str) -> str:
    """Return what the attributions of a feature are called among judged fields.

    >>> attribution_field("amount")
    'attribution:amount'
    """
    return f"attribution:{feature}"


RESIDUAL = "residual:surrogate"
"""The judged field of what an endpoint answers less what a model of its answers makes of the same rows."""


def feature_of(field: str) -> str:
    """Return of which feature a field of attributions is; any other field is itself.

    >>> feature_of("attribution:amount"), feature_of("amount")
    ('amount', 'amount')
    """
    return field.removeprefix(attribution_field(""))


def model_of_hopsworks(name: str) -> str:
    """Return what a model is called here that Hopsworks calls `name`: capitals and underscores are in no name of ours.

    >>> model_of_hopsworks("Fraud_Model")
    'fraud-model'
    """
    return name.lower().replace("_", "-")


def inference_topic(namespace: str) -> str:
    """Return the topic that holds every logged request and response of a namespace."""
    return f"{TOPIC_PREFIX}{namespace}.inference"


def outliers_topic(namespace: str) -> str:
    """Return the topic to which outlying events are published."""
    return f"{TOPIC_PREFIX}{namespace}.outliers"


def dead_letters_topic(namespace: str) -> str:
    """Return the topic that keeps what could not be read, with its headers and a header `dlq_reason`."""
    return f"{TOPIC_PREFIX}{namespace}.dead-letters"


def labels_topic(namespace: str) -> str:
    """Return the topic of true outcomes of predictions, see `pegel.labels.label_json`."""
    return f"{TOPIC_PREFIX}{namespace}.labels"


def topics(namespace: str) -> tuple[str, ...]:
    """Return all topics of a namespace."""
    return (
        inference_topic(namespace),
        outliers_topic(namespace),
        dead_letters_topic(namespace),
        labels_topic(namespace),
    )


LOGGER_SERVICE = "pegel-logger"
"""The inference logger's Service in a cluster; endpoints of every namespace post there."""
LOGGER_PORT = 8080
"""On which it listens there."""

WORKER_PORT = 9405
"""On which an attribution worker tells Prometheus what it does, in a cluster."""

EXPORTER_OBJECT = "pegel-exporter"
"""Deployment and Service of what tells Prometheus of models, in a cluster."""
EXPORTER_PORT = 9108
"""On which it listens, there and as `pegel exporter`."""

RUNTIME = "pegel-sklearn"
"""The ClusterServingRuntime of our own model server."""


def candidate(endpoint: str) -> str:
    """Return the InferenceService beside an endpoint's own that is to take its place."""
    return f"{endpoint}-candidate"


def endpoint_note(endpoint: str) -> str:
    """Return the ConfigMap of an endpoint that a server serves which is not ours."""
    return f"pegel-endpoint-{endpoint}"


def worker_object(namespace: str) -> str:
    """Return the Deployment of the attribution worker of a namespace of models."""
    return f"pegel-attribution-{namespace}"


def driver_object(group: str) -> str:
    """Return the SparkApplication of a group's driver, and the ConfigMap with what it is told."""
    return f"pegel-{group}"


def finite_job(role: str, endpoint: str, job_id: str) -> str:
    """Return the SparkApplication of a job that ends, at most 53 letters; the same `job_id` is the same job.

    >>> finite_job("baseline", "delays-v1", "scheduled__2026-11-29")
    'pegel-baseline-delays-v1-03681997'
    """
    short = hashlib.sha256(job_id.encode()).hexdigest()[:8]
    return f"pegel-{role}-{endpoint}"[:44].rstrip("-") + f"-{short}"
