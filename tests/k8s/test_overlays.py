"""What `k8s/` installs is accepted by a real API server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from cluster_access import Cluster
from overlays import OVERLAYS, kubectl, rendered


def run(cluster: Cluster, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run kubectl as the cluster's administrator."""
    command = [kubectl(), "--kubeconfig", str(cluster.kubeconfig), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def resource(manifest: dict[str, Any]) -> str:
    """Return what kubectl calls the kind of an object in full, `deployments.apps`."""
    group, kind = manifest["apiVersion"].rpartition("/")[0], manifest["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{plural}.{group}" if group else plural


def moved(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Return an object that lies in a namespace in another one."""
    metadata = manifest["metadata"]
    return manifest | {"metadata": metadata | ({"namespace": namespace} if "namespace" in metadata else {})}


@pytest.mark.beside_controllers
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_api_server_accepts_every_object(cluster: Cluster, new_namespace: Callable[[], str], overlay: str) -> None:
    """In a strict dry run no field is unknown and no value wrong; kinds that the server does not know are left out.

    Objects are moved to a namespace of the tests: nothing of a cluster of `KUBECONFIG` is looked at.
    """
    known = set(run(cluster, "api-resources", "--no-headers", "-o", "name").stdout.split())
    place = new_namespace()
    tried = [moved(each, place) for each in rendered(overlay) if resource(each) in known]
    options = ("--server-side", "--dry-run=server", "--validate=strict", "--field-manager=pegel-test", "-f", "-")
    done = run(cluster, "apply", *options, given=yaml.safe_dump_all(tried))

    assert (0, "") == (done.returncode, done.stderr)
    assert len(tried) >= 18
