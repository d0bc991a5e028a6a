"""The objects of an installation that no spec asks for, by the file of `k8s/` that holds them.

`pegel manifests k8s` writes these files: the functions of this room are their one source, the files are what `kubectl`
takes. What a person decides (overlays, patches, values of charts) is written by hand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pegel.manifests import kafka, monitoring, network_policies, roles, service_accounts
from pegel.manifests.explaining_worker import worker_deployment
from pegel.manifests.exporter_deployment import exporter_deployment, exporter_service
from pegel.manifests.logger_deployment import logger_deployment
from pegel.manifests.logger_scaling import logger_autoscaler, logger_disruption
from pegel.manifests.logger_service import logger_service
from pegel.manifests.namespaces import namespace
from pegel.manifests.objects import Manifest
from pegel.manifests.serving_runtime import serving_runtime
from pegel.spec.cluster_settings import ClusterSettings

BROKERS = 3
"""Copies of every record; a single broker has one, see the overlay `dev`."""
PROMETHEUS_NAMESPACE = "monitoring"


def installation(cluster: ClusterSettings) -> Mapping[str, list[Manifest]]:
    """Return the objects of each file, by its path below `k8s/`."""
    return {
        "base/namespace.yaml": [namespace(cluster.namespace)],
        "base/logger.yaml": [
            service_accounts.logger_account(cluster),
            logger_deployment(cluster, bootstrap(cluster)),
            logger_service(cluster),
            logger_disruption(cluster),
            logger_autoscaler(cluster),
        ],
        "base/network-policies.yaml": [
            network_policies.default_deny(cluster),
            network_policies.name_service(cluster),
            network_policies.logger(cluster),
            network_policies.jobs(cluster),
        ],
        "base/roles.yaml": [
            *(roles.provisioner(each) for each in cluster.allowed_namespaces),
            roles.reconciler(cluster),
        ],
        "base/serving-runtime.yaml": [serving_runtime(cluster)],
        "components/airflow/bindings.yaml": roles.provisioners(cluster),
        "components/attribution/workers.yaml": [
            *(worker_deployment(each, cluster, bootstrap(cluster)) for each in cluster.allowed_namespaces),
            network_policies.workers(cluster),
        ],
        "components/exporter/exporter.yaml": [
            exporter_deployment(cluster),
            exporter_service(cluster),
            network_policies.exporter(cluster),
        ],
        "components/kafka-strimzi/topics.yaml": [
            topic for each in cluster.allowed_namespaces for topic in kafka.topics(each, cluster, replicas=BROKERS)
        ],
        "components/kafka-strimzi/users.yaml": kafka.users(cluster),
        "components/prometheus-operator/monitors.yaml": [
            monitoring.logger_monitor(cluster),
            monitoring.driver_monitor(cluster),
            monitoring.worker_monitor(cluster),
            monitoring.exporter_monitor(cluster),
            *network_policies.scraping(cluster, PROMETHEUS_NAMESPACE),
        ],
        "components/prometheus-operator/rules.yaml": [monitoring.rules(cluster)],
        "components/spark-operator/driver-role.yaml": [
            service_accounts.driver_account(cluster),
            roles.driver(cluster),
            roles.driver_binding(cluster),
        ],
    }


def bootstrap(cluster: ClusterSettings) -> str:
    """Return the address of Strimzi's Kafka inside the cluster: of the listener with a password, if it has one."""
    port = 9092 if cluster.kafka_secret is None else 9093
    return f"{cluster.kafka_cluster}-kafka-bootstrap.{cluster.namespace}.svc:{port}"
