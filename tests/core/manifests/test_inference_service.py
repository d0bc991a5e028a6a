"""The endpoint that KServe is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster_schemas import problems
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from manifest_samples import ASKING_CLUSTER, CLUSTER, FULL, FULL_CLUSTER, HOPSWORKS, IN_HOPSWORKS, LOOKING, spec

from pegel.errors import InvalidSpec
from pegel.manifests import labels
from pegel.manifests.inference_service import inference_service, refuse_unservable
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.online_section import Online

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
SERVING = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(1, 5),
        "max_replicas": st.integers(5, 9),
        "cpu": st.sampled_from(["1", "250m", "64"]),
        "memory": st.sampled_from(["1Gi", "512Mi"]),
        "transformer": st.just("registry.example.org/team/features:3"),
        "explainer": st.just(f"why@sha256:{'0' * 64}"),
        "canary_uri": st.just("s3://models/next"),
        "canary_percent": st.integers(1, 99),
    },
)


def refusal(asked: MonitorSpec, cluster: ClusterSettings) -> list[str]:
    """Return why a cluster does not serve what is asked; nothing if it does."""
    try:
        refuse_unservable(asked, cluster)
    except InvalidSpec as refused:
        return str(refused).splitlines()
    return []


@settings(max_examples=20)
@given(
    name=NAMES,
    version=st.integers(1, 10**6),
    uri=st.sampled_from(["s3://m/1", "gs://m", "pvc://m/1", "file:///m", "models/1", "https://a.org/é"]),
    protocol=st.sampled_from(["v1", "v2"]),
    namespace=st.sampled_from(["default", "team-a"]),
    serving=SERVING,
    cluster=st.sampled_from([CLUSTER, FULL_CLUSTER, ClusterSettings(deployment_mode="Knative")]),
    role=st.sampled_from([labels.SERVING, labels.CANDIDATE]),
)
def test_what_is_not_refused_is_accepted_by_the_schema(role: str, cluster: ClusterSettings, **parts: Any) -> None:
    """Whatever a valid spec asks for is an object that the cluster takes, or one sentence for each reason why not."""
    asked = spec(
        model={key: parts[key] for key in ("name", "version", "uri", "protocol")},
        namespace=parts["namespace"],
        serving=parts["serving"],
    )
    reasons = refusal(asked, cluster)
    assert all(line.endswith("Nothing was applied.") for line in reasons)
    assume(not reasons)
    manifest = inference_service(asked, cluster, role=role)

    assert [] == problems(manifest)
    assert asked == MonitorSpec.parse(json.loads(manifest["metadata"]["annotations"][labels.SPEC]))
    assert all(len(f"{manifest['metadata']['name']}-{part}") <= 63 for part in ("predictor", parts["namespace"]))


def test_an_endpoint_says_how_it_is_deployed_and_logged() -> None:
    """Deployment mode and logging mode are always stated: what is left out, two releases of KServe take differently."""
    manifest = inference_service(spec(), CLUSTER)
    logger = manifest["spec"]["predictor"]["logger"]

    assert "Standard" == manifest["metadata"]["annotations"]["serving.kserve.io/deploymentMode"]
    assert ("all", CLUSTER.events_url) == (logger["mode"], logger["url"])


def test_events_carry_the_monitor_and_the_version_of_the_model() -> None:
    """Each annotation that the logger passes on is one of the pod, without comma or quote, which would be lost."""
    predictor = inference_service(FULL, FULL_CLUSTER)["spec"]["predictor"]
    carried = {name: predictor["annotations"][name] for name in predictor["logger"]["metadataAnnotations"]}

    assert {"pegel.monitoring/monitor": "delays/2", "pegel.monitoring/model-version": "2"} == carried
    assert not set(",\"'") & set("".join(carried.values()))


def test_no_pod_of_a_model_may_ask_the_cluster() -> None:
    """Whatever code comes with a model, a transformer or an explainer, it finds no token of a service account."""
    whole = inference_service(FULL, FULL_CLUSTER)["spec"]
    (canary,) = whole["canary"]
    pods = [whole["predictor"], whole["transformer"], whole["explainer"], canary["predictor"]]

    assert [False] * 4 == [pod["automountServiceAccountToken"] for pod in pods]


def test_a_candidate_stands_beside_the_endpoint() -> None:
    """It has a name of its own, says that it is one, has the same fingerprint, and takes no canary's requests."""
    serving = inference_service(FULL, FULL_CLUSTER)
    candidate = inference_service(FULL, FULL_CLUSTER, role=labels.CANDIDATE, staged_by="run-1")
    marks = candidate["metadata"]["annotations"]

    assert ("delays-v2", "delays-v2-candidate") == (serving["metadata"]["name"], candidate["metadata"]["name"])
    assert "candidate" == candidate["metadata"]["labels"]["pegel.monitoring/role"]
    assert (endpoint_fingerprint(FULL), "run-1") == (marks[labels.FINGERPRINT], marks[labels.STAGED_BY])
    assert ["predictor", "transformer", "explainer"] == list(candidate["spec"])


def test_a_canary_is_not_logged() -> None:
    """What another model is asked and answers would be judged by a baseline that is not its own."""
    manifest = inference_service(FULL, FULL_CLUSTER)
    (canary,) = manifest["spec"]["canary"]

    assert ("pvc://models/delays-next", 5) == (canary["predictor"]["model"]["storageUri"], canary["trafficPercent"])
    assert "logger" not in canary["predictor"]
    assert "minReplicas" not in canary["predictor"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"namespace": "kube-system"}, r"namespace: given kube-system: expected one of .*MODEL_NAMESPACES \(default\)"),
        ({"model": {"name": "delays", "uri": "/models/delays"}}, "a folder of this machine is none of a cluster's"),
        ({"model": {"name": "delays", "url": "http://models.example.org"}}, "there is no proxy of ours in a cluster"),
        ({"model": {"name": "delays", "uri": "s3://m", "digest": "0" * 64}}, "a cluster cannot compare it"),
        ({"model": {"name": "d" * 40, "version": 10, "uri": "s3://m"}}, "has 64 letters of at most 63"),
        ({"serving": {"canary_uri": "/models/next"}}, "serving.canary_uri: given '/models/next'"),
    ],
)
def test_what_a_cluster_cannot_serve_is_refused(parts: dict[str, Any], words: str) -> None:
    """Before anything is applied a sentence names the field, what was given and what would do."""
    with pytest.raises(InvalidSpec, match=words):
        inference_service(spec(**parts), CLUSTER)


def test_a_canary_needs_the_mode_that_has_it() -> None:
    """Knative splits requests between revisions of one wish, so a model beside it is refused."""
    asked = spec(serving={"canary_uri": "s3://models/next"})

    with pytest.raises(InvalidSpec, match="PEGEL_CLUSTER_DEPLOYMENT_MODE=Standard"):
        inference_service(asked, ClusterSettings(deployment_mode="Knative"))


def test_every_reason_is_told_at_once() -> None:
    """Two things that a cluster cannot serve are two lines."""
    with pytest.raises(InvalidSpec) as refused:
        inference_service(spec(namespace="other", model={"name": "delays", "uri": "/m"}), CLUSTER)

    assert 2 == len(str(refused.value).splitlines())


def test_a_transformer_looks_features_up() -> None:
    """Our own image, told what to look up; what is secret comes by reference, and what it tells travels with events."""
    manifest = inference_service(LOOKING, FULL_CLUSTER)
    (container,) = manifest["spec"]["transformer"]["containers"]
    told = dict(argument.removeprefix("--").split("=", 1) for argument in container["args"])

    assert LOOKING.online == Online.model_validate_json(told["online"])
    assert [{"secretRef": {"name": "pegel-online"}}] == container["envFrom"]
    assert ["Pegel-Look-Up", "Pegel-Entities"] == manifest["spec"]["predictor"]["logger"]["metadataHeaders"][-2:]
    assert "Pegel-Look-Up" not in json.dumps(inference_service(spec(), FULL_CLUSTER))


def test_what_a_cluster_cannot_look_up() -> None:
    """A file of one machine, and private keys without the secret of their hashes, are refused together."""
    local = {"source": "local://flights", "keys": ["flight"], "features": ["origin"], "private": ["flight"]}

    source = (
        "online.source: given 'local://flights': a file of this machine is none of a cluster's; expected a server, as "
        "in redis://flights. Nothing was applied."
    )
    private = (
        "online.private: given flight: expected PEGEL_CLUSTER_ONLINE_SECRET, which has what they are hashed with. "
        "Nothing was applied."
    )
    assert [source, private] == refusal(spec(online=local), CLUSTER)


def test_a_transformer_that_asks_hopsworks_has_its_key_as_a_file() -> None:
    """The Secret is mounted, the variables say where Hopsworks and its files are, and no object holds the key."""
    transformer = inference_service(IN_HOPSWORKS, ASKING_CLUSTER, HOPSWORKS)["spec"]["transformer"]
    (container,) = transformer["containers"]

    assert {
        "PEGEL_HOPSWORKS": "hops.example.org",
        "PEGEL_HOPSWORKS_KEY_FILE": "/etc/pegel/hopsworks/key",
        "PEGEL_HOPSWORKS_CA": "/etc/pegel/hopsworks/ca.pem",
        "PEGEL_HOPSWORKS_ONLINE": "rdrs.example.org:4406",
    } == {each["name"]: each["value"] for each in container["env"]}
    assert {"name": "hopsworks", "mountPath": "/etc/pegel/hopsworks", "readOnly": True} == container["volumeMounts"][-1]
    assert {"secretName": "pegel-hopsworks", "defaultMode": 0o440} == transformer["volumes"][-1]["secret"]
    assert "hopsworks" not in json.dumps(inference_service(LOOKING, FULL_CLUSTER, HOPSWORKS)["spec"])


def test_features_of_a_hopsworks_that_nobody_may_ask() -> None:
    """Without its address, and without a Secret with its key, they are refused before anything is applied."""
    address, key = refusal(IN_HOPSWORKS, CLUSTER)

    assert "expected PEGEL_HOPSWORKS, which says where Hopsworks is. Nothing was applied." in address
    assert "expected PEGEL_CLUSTER_HOPSWORKS_SECRET, which has its API key, as a Secret of the namespace default" in key
