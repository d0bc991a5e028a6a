"""The ConfigMap that says what a server that is not ours is watched as; a deployment of Hopsworks has no address."""

from __future__ import annotations

from pegel.manifests import labels
from pegel.manifests.objects import CONFIG_MAP, Manifest
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec

URL, SERVED_NAME, PROTOCOL = "url", "served-name", "protocol"


def endpoint_note(
    spec: MonitorSpec, cluster: ClusterSettings, *, role: str = labels.SERVING, staged_by: str = ""
) -> Manifest:
    """Return the note of a spec's endpoint, or of its candidate, in Pegel's own namespace: no server is touched."""
    endpoint = spec.endpoint if role == labels.SERVING else names.candidate(spec.endpoint)
    staged = {labels.STAGED_BY: staged_by} if staged_by else {}
    return CONFIG_MAP.manifest(
        names.endpoint_note(endpoint),
        cluster.namespace,
        labels=labels.of_endpoint(spec, role) | labels.of_installation(cluster.namespace),
        annotations={labels.FINGERPRINT: endpoint_fingerprint(spec), **staged},
        data={URL: spec.model.url or "", SERVED_NAME: spec.served_name, PROTOCOL: spec.model.protocol},
    )
