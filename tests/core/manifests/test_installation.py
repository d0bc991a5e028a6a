"""The objects of an installation, whatever its settings are."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_schemas import problems
from manifest_samples import CLUSTER, FULL_CLUSTER, JOB
from manifest_samples import SETTINGS as SETTINGS_OF_JOBS

from pegel.cli.manifests import manifests
from pegel.errors import SetupError
from pegel.manifests import labels
from pegel.manifests.by_hand import NAMED, renamed
from pegel.manifests.inference_service import logger
from pegel.manifests.installation import installation
from pegel.manifests.objects import Manifest
from pegel.manifests.spark_application import driver_application
from pegel.manifests.yaml_text import yaml_text
from pegel.spec.cluster_settings import ClusterSettings

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = {"defaults": CLUSTER, "full": FULL_CLUSTER, "one logger": ClusterSettings(logger_replicas=9)}


def objects(cluster: ClusterSettings) -> list[Manifest]:
    """Return every object of an installation."""
    return [manifest for manifests in installation(cluster).values() for manifest in manifests]


@pytest.mark.parametrize("settings", sorted(SETTINGS))
def test_schemas_accept_every_object_of_an_installation(settings: str) -> None:
    """No object has a field that its kind does not know, or a value of another type."""
    assert [] == [problem for manifest in objects(SETTINGS[settings]) for problem in problems(manifest)]


def test_every_object_is_known_again() -> None:
    """Each carries the labels by which Pegel knows its own, and no two are the same."""
    every = objects(FULL_CLUSTER)
    keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in every]

    assert [] == [
        key for key, each in zip(keys, every, strict=True) if labels.OURS.items() > each["metadata"]["labels"].items()
    ]
    assert sorted(map(str, keys)) == sorted(map(str, set(keys)))


def test_no_rule_has_a_wildcard() -> None:
    """No verb, resource or group of a role is `*`, and no role holds for the whole cluster."""
    rules = [rule for each in objects(FULL_CLUSTER) if each["kind"] == "Role" for rule in each["rules"]]

    assert [] == [rule for rule in rules if "*" in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}]
    assert not {"ClusterRole", "ClusterRoleBinding"} & {each["kind"] for each in objects(FULL_CLUSTER)}
    assert len(rules) == 8


def test_spans_go_to_the_receiver_that_is_named() -> None:
    """Logger and drivers are told of it, and what it asks of a client; its port is open to them; else nothing is."""
    every = {(each["kind"], each["metadata"]["name"]): each for each in objects(FULL_CLUSTER)}
    (container,) = every["Deployment", "pegel-logger"]["spec"]["template"]["spec"]["containers"]
    rules = [every["NetworkPolicy", name]["spec"]["egress"] for name in ("pegel-logger", "pegel-jobs")]
    driver = driver_application(JOB, 1, SETTINGS_OF_JOBS, FULL_CLUSTER)["spec"]["driver"]
    told = {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": FULL_CLUSTER.traces_url}
    asked = {"secretRef": {"name": "pegel-traces"}}

    assert [True] * 4 == [told in each["env"] and asked in each["envFrom"] for each in (container, driver)] + [
        {"ports": [{"protocol": "TCP", "port": 4318}]} in rule for rule in rules
    ]
    assert ("Traceparent" in logger(FULL_CLUSTER)["metadataHeaders"], "OTEL" in yaml_text(objects(CLUSTER))) == (
        True,
        False,
    )


@pytest.mark.parametrize(
    ("url", "port"),
    [("https://tempo.example.org", 443), ("http://collector", 80), ("http://collector:4318/otlp", 4318)],
)
def test_the_port_of_a_receiver_is_that_of_its_address(url: str, port: int) -> None:
    """Where none is named it is that of the scheme."""
    policies = [each for each in objects(ClusterSettings(traces_url=url)) if each["metadata"]["name"] == "pegel-logger"]
    (egress,) = [each["spec"]["egress"] for each in policies if each["kind"] == "NetworkPolicy"]

    assert {"ports": [{"protocol": "TCP", "port": port}]} == egress[-1]


def test_models_are_provisioned_in_named_namespaces_alone() -> None:
    """Whoever provisions has a role in each allowed namespace, and the binding to it, and in no other."""
    bound: dict[str, set[Any]] = {"Role": set(), "RoleBinding": set()}
    for each in objects(FULL_CLUSTER):
        if each["metadata"]["name"] == "pegel-provisioner":
            bound[each["kind"]].add(each["metadata"]["namespace"])

    assert {"Role": {"default", "team-a"}, "RoleBinding": {"default", "team-a"}} == bound


def test_events_come_from_namespaces_of_models_alone() -> None:
    """The logger's policy names the allowed namespaces, and pods of InferenceServices in them."""
    (policy,) = [
        each
        for each in objects(FULL_CLUSTER)
        if each["metadata"]["name"] == "pegel-logger" and "podSelector" in each.get("spec", {})
    ]
    (sender,) = policy["spec"]["ingress"][0]["from"]

    assert ["default", "team-a"] == sender["namespaceSelector"]["matchExpressions"][0]["values"]
    assert "serving.kserve.io/inferenceservice" == sender["podSelector"]["matchExpressions"][0]["key"]


def test_the_autoscaler_never_has_less_room_than_replicas() -> None:
    """More replicas than the most are the most."""
    (scaler,) = [each for each in objects(SETTINGS["one logger"]) if each["kind"] == "HorizontalPodAutoscaler"]

    assert (9, 9) == (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"])


def test_rules_are_about_metrics_that_there_are() -> None:
    """Each metric in a rule is one that the logger or a driver names: a mistyped one would never call anybody."""
    (rules,) = [each for each in objects(CLUSTER) if each["kind"] == "PrometheusRule"]
    expressions = " ".join(rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"])
    asked = set(re.findall(r"pegel_(?:logger|driver)_(\w+?)(?:_total|_bucket)?\b", expressions))
    sources = [*(ROOT / "serving/pegel_serving/logger").glob("*.py"), *(ROOT / "spark/pegel_spark").glob("*.py")]
    named = set(re.findall(r'"(\w+)"', "".join(path.read_text() for path in sources)))

    assert set() == asked - named
    assert len(asked) >= 6


def test_the_command_writes_what_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other namespaces of models, the files of a copy have a role in each of them; a file in the way is told."""
    monkeypatch.setenv("PEGEL_CLUSTER_MODEL_NAMESPACES", "team-a,team-b")
    manifests(tmp_path / "k8s")
    written = list(yaml.safe_load_all((tmp_path / "k8s" / "base" / "roles.yaml").read_text()))
    (tmp_path / "file").touch()

    assert ["team-a", "team-b", "pegel"] == [role["metadata"]["namespace"] for role in written]
    with pytest.raises(SetupError, match="What was written before it stays"):
        manifests(tmp_path / "file")


def test_files_written_by_hand_have_the_names_of_the_defaults() -> None:
    """In the tree they stand as the command would leave them without any setting."""
    texts = {name: (ROOT / "k8s" / name).read_text(encoding="utf-8") for name in NAMED}

    assert texts == {name: renamed(text, ClusterSettings()) for name, text in texts.items()}


def test_a_renamed_namespace_reaches_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a copy of `k8s/` no file names the old namespace or the old broker; done again, nothing changes."""
    copy = tmp_path / "k8s"
    shutil.copytree(ROOT / "k8s", copy)
    monkeypatch.setenv("PEGEL_CLUSTER_NAMESPACE", "mon")
    monkeypatch.setenv("PEGEL_CLUSTER_KAFKA_CLUSTER", "events")
    manifests(copy)
    said = capsys.readouterr().out.splitlines()
    old = re.compile(
        r"\.pegel\.svc|namespace: pegel$|amespaces: \[pegel\]|cluster: pegel$|pegel-kafka-boot", re.MULTILINE
    )
    left = [
        str(path.relative_to(copy)) for path in copy.rglob("*.yaml") if old.search(path.read_text(encoding="utf-8"))
    ]
    manifests(copy)

    assert [] == left
    assert f"names changed in {', '.join(NAMED)}" == said[1]
    assert 1 == len(capsys.readouterr().out.splitlines())
    assert "events-kafka-bootstrap.mon.svc:9093" in (copy / "overlays/prod/kustomization.yaml").read_text()
