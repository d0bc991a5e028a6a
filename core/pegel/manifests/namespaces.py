"""Namespaces that enforce what our pods are held to."""

from __future__ import annotations

from pegel.manifests import labels
from pegel.manifests.objects import NAMESPACE, Manifest

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def namespace(name: str) -> Manifest:
    """Return a namespace in which a pod that could harm its node is refused."""
    return NAMESPACE.manifest(name, None, labels={**labels.OURS, **RESTRICTED})
