"""The folder `k8s/`: written by the functions, put together by kustomize, and held to a policy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_schemas import problems
from overlays import OVERLAYS, ROOT, put_together, rendered

from pegel.cli.manifests import HEAD
from pegel.manifests.installation import installation
from pegel.manifests.yaml_text import yaml_text
from pegel.spec.cluster_settings import ClusterSettings

EXPLICIT = r".+(:[\w.-]+|@sha256:[0-9a-f]{64})"


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    """Return the objects of some kinds."""
    return [each for each in rendered(overlay) if each["kind"] in kinds]


def pod_specs(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every specification of pods that is ours to write, with the name of its object."""
    for each in of_kind(overlay, "Deployment", "StatefulSet", "DaemonSet", "Job"):
        yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def test_files_are_what_the_functions_give() -> None:
    """Each written file has the objects of the default settings; there is no second truth beside the functions."""
    written = {name: HEAD + yaml_text(objects) for name, objects in installation(ClusterSettings()).items()}

    assert written == {name: (ROOT / "k8s" / name).read_text() for name in written}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_is_put_together(overlay: str) -> None:
    """Kustomize accepts it, no object stands twice, and schemas accept what comes out."""
    keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in rendered(overlay)]

    assert len(set(keys)) == len(keys) > 20
    assert [] == [problem for each in rendered(overlay) for problem in problems(each)]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_restricted(overlay: str) -> None:
    """No root, no new privileges, a root file system that is only read, no capabilities, the usual system calls."""
    specs = list(pod_specs(overlay))
    for name, spec in specs:
        assert (True, "RuntimeDefault") == (
            spec["securityContext"]["runAsNonRoot"],
            spec["securityContext"]["seccompProfile"]["type"],
        ), name
        assert spec["automountServiceAccountToken"] is False, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            context = container["securityContext"]
            assert (False, True, ["ALL"]) == (
                context["allowPrivilegeEscalation"],
                context["readOnlyRootFilesystem"],
                context["capabilities"]["drop"],
            ), name
    assert ["pegel-logger"] == [name for name, _ in specs]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_say_what_they_need_and_whether_they_are_well(overlay: str) -> None:
    """Requests, a limit of memory, and the three probes."""
    for name, spec in pod_specs(overlay):
        for container in spec["containers"]:
            resources = container["resources"]
            assert {"cpu", "memory"} == set(resources["requests"]) == set(resources["limits"]), name
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_say_which_one_is_meant(overlay: str) -> None:
    """Each has a tag other than `latest`, or a digest."""
    images = re.findall(r"\bimage: (\S+)", yaml.safe_dump_all(rendered(overlay)))

    assert [] == [image for image in images if not re.fullmatch(EXPLICIT, image) or image.endswith(":latest")]
    assert len(images) >= 2


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_namespaces_enforce_the_policy(overlay: str) -> None:
    """A pod that could harm its node is refused in each namespace that we make."""
    enforced = [
        each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for each in of_kind(overlay, "Namespace")
    ]

    assert ["restricted"] == enforced


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_role_of_an_overlay_has_a_wildcard(overlay: str) -> None:
    """Patches add no `*` to verbs, resources or groups, and nothing holds for the whole cluster."""
    rules = [rule for each in of_kind(overlay, "Role") for rule in each["rules"]]

    assert [] == [rule for rule in rules if "*" in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}]
    assert [] == of_kind(overlay, "ClusterRole", "ClusterRoleBinding")


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ("attribution", {("Deployment", "pegel-attribution-default"), ("NetworkPolicy", "pegel-attribution")}),
        (
            "exporter",
            {("Deployment", "pegel-exporter"), ("Service", "pegel-exporter"), ("NetworkPolicy", "pegel-exporter")},
        ),
    ],
)
def test_components_join_an_overlay(tmp_path: Path, component: str, expected: set[tuple[str, str]]) -> None:
    """With a component added, an overlay has its one pod, as restricted as all pods; it runs once."""
    places = {
        name: os.path.relpath(ROOT / "k8s" / name, tmp_path) for name in ("overlays/dev", f"components/{component}")
    }
    whole = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [places["overlays/dev"]],
        "components": [places[f"components/{component}"]],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    objects = put_together(tmp_path)
    added = [each for each in objects if each not in rendered("dev")]
    (deployment,) = [each for each in added if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert expected == {(each["kind"], each["metadata"]["name"]) for each in added}
    assert (False, True, 1) == (
        pod["automountServiceAccountToken"],
        pod["securityContext"]["runAsNonRoot"],
        deployment["spec"]["replicas"],
    )
    assert (True, ["ALL"]) == (
        container["securityContext"]["readOnlyRootFilesystem"],
        container["securityContext"]["capabilities"]["drop"],
    )
    assert [] == [problem for each in added for problem in problems(each)]


def test_airflow_may_read_no_secret_and_no_log() -> None:
    """What its tasks and triggers may do is with the objects that backends make, and with the pods they wait for."""
    may = {
        (each["metadata"]["name"], resource): set(rule["verbs"])
        for each in of_kind("prod", "Role")
        for rule in each["rules"]
        for resource in rule["resources"]
        if each["metadata"]["name"] != "pegel-driver"
    }
    manage = {"get", "list", "watch", "create", "patch", "delete"}

    assert {
        ("pegel-provisioner", "inferenceservices"): manage,
        ("pegel-reconciler", "sparkapplications"): manage,
        ("pegel-reconciler", "configmaps"): manage,
        ("pegel-reconciler", "pods"): {"get", "list"},
    } == may


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_in_an_overlay(overlay: str) -> None:
    """Secrets are made by a person or an operator; here they are only named."""
    assert [] == of_kind(overlay, "Secret")


def test_a_single_broker_has_no_copies() -> None:
    """Where there is one broker, every topic has one copy and is written without waiting for others."""
    specs = [each["spec"] for each in of_kind("dev", "KafkaTopic")]

    assert {(1, 1)} == {(spec["replicas"], spec["config"]["min.insync.replicas"]) for spec in specs}
    assert [] == of_kind("dev", "KafkaUser")
