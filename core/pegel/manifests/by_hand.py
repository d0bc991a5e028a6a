"""Names of an installation in the files of `k8s/` that are written by hand: settings reach those, too.

What else stands in such a file, comments included, stays as a person wrote it.
"""

from __future__ import annotations

import re

from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings

NAMED = (
    "components/airflow/values.yaml",
    "components/airflow/values-dev.yaml",
    "components/kafka-strimzi/kafka.yaml",
    "components/kafka-strimzi/values.yaml",
    "components/spark-operator/values.yaml",
    "overlays/prod/kustomization.yaml",
)
"""Files below `k8s/` that name Pegel's namespace, or Strimzi's Kafka, or both."""
_NAME = r"[a-z0-9][a-z0-9.-]*?"


def renamed(text: str, cluster: ClusterSettings) -> str:
    """Return the text of a file in `NAMED` with the names of these settings in place of those that it has.

    >>> renamed("jobNamespaces: [pegel]", ClusterSettings(namespace="mon"))
    'jobNamespaces: [mon]'
    """
    own, kafka = cluster.namespace, cluster.kafka_cluster
    for pattern, name in (
        (rf"{_NAME}-kafka-bootstrap\.{_NAME}\.svc", f"{kafka}-kafka-bootstrap.{own}.svc"),
        (rf"{names.LOGGER_SERVICE}\.{_NAME}\.svc", f"{names.LOGGER_SERVICE}.{own}.svc"),
        (r"(jobNamespaces|watchNamespaces): \[[^]]*\]", rf"\1: [{own}]"),
        (rf"^(  namespace): {_NAME}$", rf"\1: {own}"),
        (rf"(strimzi\.io/cluster): {_NAME}$", rf"\1: {kafka}"),
        (rf"(kind: Kafka\nmetadata:\n  name): {_NAME}$", rf"\1: {kafka}"),
    ):
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text
