"""What every object of a cluster has: what kind it is of, its name, and by what it is known again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""An object as plain data; what is `None` in no place, so that it can be applied as it stands."""


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object: how it is written, and by what path an API server is asked about it."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str
    name: str

    @property
    def api_version(self) -> str:
        """Return what stands in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def manifest(
        self,
        name: str,
        namespace: str | None,
        *,
        labels: Mapping[str, str],
        annotations: Mapping[str, str] | None = None,
        **content: Any,
    ) -> Manifest:
        """Return an object of this kind; `namespace` is None for what lies in none."""
        place = {} if namespace is None else {"namespace": namespace}
        notes = {"annotations": dict(annotations)} if annotations else {}
        return {
            "apiVersion": self.api_version,
            "kind": self.name,
            "metadata": {"name": name, **place, "labels": dict(labels), **notes},
            **content,
        }


INFERENCE_SERVICE = ObjectKind("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
SERVING_RUNTIME = ObjectKind("serving.kserve.io", "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime")
SPARK_APPLICATION = ObjectKind("sparkoperator.k8s.io", "v1beta2", "sparkapplications", "SparkApplication")
KAFKA_TOPIC = ObjectKind("kafka.strimzi.io", "v1", "kafkatopics", "KafkaTopic")
KAFKA_USER = ObjectKind("kafka.strimzi.io", "v1", "kafkausers", "KafkaUser")
POD = ObjectKind("", "v1", "pods", "Pod")
CONFIG_MAP = ObjectKind("", "v1", "configmaps", "ConfigMap")
NAMESPACE = ObjectKind("", "v1", "namespaces", "Namespace")
SERVICE = ObjectKind("", "v1", "services", "Service")
SERVICE_ACCOUNT = ObjectKind("", "v1", "serviceaccounts", "ServiceAccount")
DEPLOYMENT = ObjectKind("apps", "v1", "deployments", "Deployment")
DISRUPTION_BUDGET = ObjectKind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
AUTOSCALER = ObjectKind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
NETWORK_POLICY = ObjectKind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
ROLE = ObjectKind("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDING = ObjectKind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
SERVICE_MONITOR = ObjectKind("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
POD_MONITOR = ObjectKind("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
PROMETHEUS_RULE = ObjectKind("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
