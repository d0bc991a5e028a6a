"""The InferenceService of a spec: KServe's wish for a model server whose requests and answers are logged."""

from __future__ import annotations

import json
from typing import Any

from pegel.data import wire
from pegel.errors import InvalidSpec
from pegel.manifests import hopsworks_files, labels, pods
from pegel.manifests.objects import INFERENCE_SERVICE, Manifest
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import ANSWER_WITHIN
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings

STANDARD = "Standard"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
METADATA_HEADERS = ("Ce-Id", "X-Request-Id", "Inference-Header-Content-Length")
"""Headers of a request that travel with its events, in the spelling of KServe's agent: what the client calls it, and
where the head of a binary body ends."""
LOOKED_UP = (wire.LOOK_UP_HEADER, wire.ENTITIES_HEADER)
"""Those by which a transformer of ours tells what it has looked up. It overwrites what clients write there; without one
nobody would, so they travel with no other events."""
TRACED = "Traceparent"
"""The one by which a client asks for spans, where they have a receiver; the logger finds it in the metadata."""
LOGGED_ANNOTATIONS = (labels.MONITOR, labels.MODEL_VERSION)
"""Annotations of the pod that travel with its events."""
CONTAINER = "kserve-container"
MODEL_FOLDER = "/mnt/models"
"""Where KServe's storage initializer puts a model."""
STORAGE_URI = "STORAGE_URI"
"""Variable of a container of ours by which KServe knows which model that is."""
BUSY_PERCENT = 70
"""Of the processors asked for: beyond that there are more replicas, if there may be."""


def inference_service(
    spec: MonitorSpec,
    cluster: ClusterSettings,
    settings: Settings | None = None,
    *,
    role: str = labels.SERVING,
    staged_by: str = "",
) -> Manifest:
    """Return the endpoint of a spec, or the candidate that is to take its place (`role`), staged by a run.

    `settings` say where Hopsworks is; None: nowhere.

    Raises InvalidSpec for what a cluster cannot serve: another namespace than the allowed ones, a folder of a machine,
    content by its digest, a server that is not ours, a canary in another mode than Standard, a name that is too long,
    features of a Hopsworks that nobody may ask.
    """
    refuse_unservable(spec, cluster, settings)
    name = spec.endpoint if role == labels.SERVING else names.candidate(spec.endpoint)
    staged = {labels.STAGED_BY: staged_by} if staged_by else {}
    return INFERENCE_SERVICE.manifest(
        name,
        spec.namespace,
        labels=labels.of_endpoint(spec, role) | labels.of_installation(cluster.namespace),
        annotations={
            DEPLOYMENT_MODE: cluster.deployment_mode,
            labels.FINGERPRINT: endpoint_fingerprint(spec),
            labels.SPEC: json.dumps(spec.to_json(), sort_keys=True),
            **staged,
        },
        spec={
            "predictor": predictor(spec, cluster, role),
            **_transformer(spec, cluster, settings),
            **_explainer(spec, cluster),
            **_canary(spec, cluster, role),
        },
    )


def predictor(spec: MonitorSpec, cluster: ClusterSettings, role: str) -> dict[str, Any]:
    """Return what serves the model, and posts what it is asked and answers to the logger."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return {
        "annotations": {labels.MONITOR: spec.key, labels.MODEL_VERSION: str(spec.model.version)},
        **_pod(spec, cluster, role),
        **_scale(spec),
        # Knative has its own way of going from one revision to the next, and refuses this one.
        **({"deploymentStrategy": rolling} if cluster.deployment_mode == STANDARD else {}),
        "timeout": round(ANSWER_WITHIN.total_seconds()),
        "logger": logger(cluster, looks_up=spec.online.is_used, client_header=spec.adversarial.client_header),
        "model": _model(spec, cluster, str(spec.model.uri)),
    }


def logger(cluster: ClusterSettings, *, looks_up: bool = False, client_header: str | None = None) -> dict[str, Any]:
    """Return whom KServe's agent tells of every request and answer, also of what a transformer of ours `looks_up`.

    `client_header`: in which header a client says who it is; it travels in the metadata of events.

    The mode is always said: the webhook refuses an empty one, although it is documented as `all`.
    """
    return {
        "url": cluster.events_url,
        "mode": "all",
        "metadataHeaders": [
            *METADATA_HEADERS,
            *(() if cluster.traces_url is None else (TRACED,)),
            *(LOOKED_UP if looks_up else ()),
            *(() if client_header is None else (client_header,)),
        ],
        "metadataAnnotations": list(LOGGED_ANNOTATIONS),
    }


def _pod(spec: MonitorSpec, cluster: ClusterSettings, role: str) -> dict[str, Any]:
    account = cluster.model_service_account
    return {
        "labels": labels.of_endpoint(spec, role),
        **({} if account is None else {"serviceAccountName": account}),
        **pods.without_token(),
        **pods.pull_secrets(cluster),
        "securityContext": pods.pod_security(),
        "volumes": [pods.volume("tmp", "1Gi")],
    }


def _scale(spec: MonitorSpec) -> dict[str, Any]:
    serving = spec.serving
    most = serving.max_replicas or serving.replicas
    busy = {"scaleMetric": "cpu", "scaleTarget": BUSY_PERCENT} if most > serving.replicas else {}
    return {"minReplicas": serving.replicas, "maxReplicas": most, **busy}


def _model(spec: MonitorSpec, cluster: ClusterSettings, uri: str) -> dict[str, Any]:
    resources = {
        name: value for name, value in (("cpu", spec.serving.cpu), ("memory", spec.serving.memory)) if value is not None
    }
    return {
        "modelFormat": {"name": spec.model.format},
        **({} if cluster.runtime is None else {"runtime": cluster.runtime}),
        # A candidate answers under the name that clients use, not under that of its object.
        **({"args": [f"--name={spec.served_name}"]} if cluster.runtime == names.RUNTIME else {}),
        "protocolVersion": spec.model.protocol,
        "storageUri": uri,
        **({"resources": {"requests": resources, "limits": resources}} if resources else {}),
        "securityContext": pods.container_security(),
        "volumeMounts": [pods.mount("tmp", pods.TMP)],
    }


def _transformer(spec: MonitorSpec, cluster: ClusterSettings, settings: Settings | None) -> dict[str, Any]:
    """Return the transformer that looks features up, one of an image of its own, or none.

    KServe tells it the model's name, its predictor and its port.
    """
    if not spec.online.is_used:
        return _companion("transformer", spec.serving.transformer, cluster)
    companion = _companion("transformer", cluster.serving_image, cluster)
    (container,) = companion["transformer"]["containers"]
    online = json.dumps(spec.online.model_dump(mode="json"), sort_keys=True)
    container["command"] = ["python", "-m", "pegel_serving.transformer"]
    container["args"] = [f"--online={online}", "--host=0.0.0.0"]
    container |= pods.all_of_secret(cluster.online_secret)
    if _asks_hopsworks(spec) and cluster.hopsworks_secret is not None and settings is not None:
        _let_ask_hopsworks(companion["transformer"], cluster.hopsworks_secret, settings)
    return companion


def _explainer(spec: MonitorSpec, cluster: ClusterSettings) -> dict[str, Any]:
    """Return what answers `:explain`: one of an image of its own, ours where the spec opens it, or none.

    KServe tells it the model's name, its predictor and its port, and its storage initializer brings the model.
    """
    if spec.serving.explainer is not None or not spec.attribution.on_request:
        return _companion("explainer", spec.serving.explainer, cluster)
    companion = _companion("explainer", cluster.serving_image, cluster)
    explainer = companion["explainer"]
    (container,) = explainer["containers"]
    container["command"] = ["python", "-m", "pegel_serving.attribution.explainer_server"]
    container["args"] = [f"--model-dir={MODEL_FOLDER}", "--host=0.0.0.0"]
    container["env"] = [{"name": STORAGE_URI, "value": str(spec.model.uri)}]
    if spec.serving.memory is not None:
        for kind in ("requests", "limits"):
            container["resources"][kind]["memory"] = spec.serving.memory
    if cluster.model_service_account is not None:
        explainer["serviceAccountName"] = cluster.model_service_account
    return companion


def _asks_hopsworks(spec: MonitorSpec) -> bool:
    return spec.online.source is not None and spec.online.source.startswith("hopsworks:")


def _let_ask_hopsworks(transformer: dict[str, Any], secret: str, settings: Settings) -> None:
    """Mount the API key where a transformer finds it. The Secret is of the model's namespace."""
    (container,) = transformer["containers"]
    said = {**hopsworks_files.variables(settings), "PEGEL_HOPSWORKS_ONLINE": settings.hopsworks_online}
    container["env"] = [{"name": name, "value": value} for name, value in said.items() if value is not None]
    container["volumeMounts"].append(pods.mount(hopsworks_files.VOLUME, hopsworks_files.FOLDER, read_only=True))
    transformer["volumes"].append(hopsworks_files.of_secret(secret))


def _companion(component: str, image: str | None, cluster: ClusterSettings) -> dict[str, Any]:
    """Return a component of an image of its own, which is told of the predictor by KServe; nothing without one."""
    if image is None:
        return {}
    container = {
        "name": CONTAINER,
        "image": image,
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": pods.container_security(),
        "volumeMounts": [pods.mount("tmp", pods.TMP)],
    }
    return {
        component: {
            "containers": [container],
            **pods.without_token(),
            **pods.pull_secrets(cluster),
            "securityContext": pods.pod_security(),
            "volumes": [pods.volume("tmp", "1Gi")],
        }
    }


def _canary(spec: MonitorSpec, cluster: ClusterSettings, role: str) -> dict[str, Any]:
    """Return the other model that gets a part of the requests. It has no logger: it is of no baseline that we know.

    A candidate has none: it takes no requests of clients.
    """
    if spec.serving.canary_uri is None or role != labels.SERVING:
        return {}
    # Beside another predictor the schema asks for the container's name, too.
    model = {"name": CONTAINER, **_model(spec, cluster, spec.serving.canary_uri)}
    other = {**_pod(spec, cluster, labels.CANARY), "name": "canary", "model": model}
    return {"canary": [{"predictor": other, "trafficPercent": spec.serving.canary_percent}]}


LONGEST_LABEL = 63
"""Letters of a step of a host's name, inclusive."""


def refuse_unservable(spec: MonitorSpec, cluster: ClusterSettings, settings: Settings | None = None) -> None:
    """Raise InvalidSpec for what a cluster cannot serve, with every reason. `settings`: as above."""
    problems = [
        *_place(spec),
        *_online(spec, cluster),
        *_hopsworks(spec, cluster, settings),
        *_namespace(spec, cluster),
        *_length(spec),
        *_mode(spec, cluster),
    ]
    if problems:
        raise InvalidSpec("\n".join(f"{problem}. Nothing was applied." for problem in problems))


def _place(spec: MonitorSpec) -> list[str]:
    problems = []
    if spec.model.url is not None and spec.model.logged_by != "server":
        problems.append(
            f"model.logged_by: given {spec.model.logged_by}: there is no proxy of ours in a cluster; expected server, "
            f"whose own logger tells of {quoted(spec.model.place)}: `pegel adopt` sets that of an InferenceService"
        )
    if spec.model.digest is not None:
        problems.append(
            f"model.digest: given {spec.model.digest}: a cluster cannot compare it; leave it out and let the address "
            f"name the content, as in s3://bucket/models/delays/7"
        )
    for field, uri in (("model.uri", spec.model.uri), ("serving.canary_uri", spec.serving.canary_uri)):
        if uri is not None and "://" not in uri:
            problems.append(
                f"{field}: given {quoted(uri)}: a folder of this machine is none of a cluster's; expected an address "
                f"as in s3://bucket/models/delays or pvc://models/delays"
            )
    return problems


def _online(spec: MonitorSpec, cluster: ClusterSettings) -> list[str]:
    online, problems = spec.online, []
    if online.source is not None and online.source.startswith("local:"):
        problems.append(
            f"online.source: given {quoted(online.source)}: a file of this machine is none of a cluster's; expected "
            "a server, as in redis://flights"
        )
    if online.private and cluster.online_secret is None:
        problems.append(
            f"online.private: given {', '.join(online.private)}: expected PEGEL_CLUSTER_ONLINE_SECRET, which has what "
            "they are hashed with"
        )
    return problems


def _hopsworks(spec: MonitorSpec, cluster: ClusterSettings, settings: Settings | None) -> list[str]:
    """Refuse features of a Hopsworks whose address or key nobody has: the transformer would never become ready."""
    if not _asks_hopsworks(spec):
        return []
    given = f"online.source: given {quoted(spec.online.source)}"
    problems = []
    if settings is None or settings.hopsworks is None:
        problems.append(f"{given}: expected PEGEL_HOPSWORKS, which says where Hopsworks is")
    if cluster.hopsworks_secret is None:
        problems.append(
            f"{given}: expected PEGEL_CLUSTER_HOPSWORKS_SECRET, which has its API key, as a Secret of the namespace "
            f"{spec.namespace}, too"
        )
    return problems


def _namespace(spec: MonitorSpec, cluster: ClusterSettings) -> list[str]:
    if spec.namespace in cluster.allowed_namespaces:
        return []
    allowed = ", ".join(cluster.allowed_namespaces) or "none at all"
    return [f"namespace: given {spec.namespace}: expected one of PEGEL_CLUSTER_MODEL_NAMESPACES ({allowed})"]


def _length(spec: MonitorSpec) -> list[str]:
    """Refuse names of which KServe could not make a Service or a host: those of the candidate are the longest."""
    candidate = names.candidate(spec.endpoint)
    made = max(f"{candidate}-predictor", f"{candidate}-{spec.namespace}", key=len)
    problem = (
        f"model.name: given {spec.model.name}: KServe makes the name {made} of it, which has {len(made)} letters of at "
        f"most {LONGEST_LABEL}; choose a shorter model.name or namespace"
    )
    return [problem] if len(made) > LONGEST_LABEL else []


def _mode(spec: MonitorSpec, cluster: ClusterSettings) -> list[str]:
    if spec.serving.canary_uri is None or cluster.deployment_mode == STANDARD:
        return []
    given = quoted(spec.serving.canary_uri)
    needed = f"PEGEL_CLUSTER_DEPLOYMENT_MODE={STANDARD}"
    return [f"serving.canary_uri: given {given}: a model beside another one needs {needed}"]
