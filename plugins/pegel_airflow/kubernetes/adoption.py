"""An InferenceService that somebody else made, taken over for watching: its logger is set, and nothing else of it.

The field is owned by a field manager of its own. By that it is known that the service was adopted, without any mark on
it, and releasing it takes away that field and no other.
"""

from __future__ import annotations

import re

from pegel.errors import Conflict, InvalidSpec, NotFound, NotOurs, PermanentError
from pegel.manifests.inference_service import logger
from pegel.manifests.objects import INFERENCE_SERVICE
from pegel.spec.cluster_settings import ClusterSettings
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kinds import Object, described, is_going, metadata
from pegel_airflow.kubernetes.kserve_status import address
from pegel_airflow.kubernetes.ownership import is_ours

MANAGER = "pegel-adoption"
"""Field manager of the loggers of adopted services."""
WATCHABLE = re.compile(r"(?P<model>.+)-v(?P<version>[1-9][0-9]*)")
"""Names of services whose events can be told to a model and its version."""


def adopt(hook: ClusterHook, cluster: ClusterSettings, namespace: str, name: str) -> str:
    """Send what a service is asked and answers to our logger; return what to put into a spec, in words.

    Raises NotFound without the service, NotOurs if its logger is somebody else's already, InvalidSpec if its name says
    no model and version or its namespace is not allowed, PermanentError if it is Pegel's own.
    """
    named = _named(namespace, name, cluster)
    service = _service(hook, namespace, name)
    if is_going(service):
        raise Conflict(f"{described(service)} is being deleted. Nothing was changed.")
    wanted = {**_bare(service), "spec": {"predictor": {"logger": logger(cluster)}}}
    try:
        hook.apply_beside(wanted, MANAGER)
    except Conflict as error:
        raise NotOurs(
            f"expected {described(service)} without a logger; given one that somebody else has set: {error}. Nothing "
            f"was changed"
        ) from error
    return (
        f"{described(service)}: its logger sends to {cluster.events_url}; watch it by a spec of namespace {namespace}, "
        f"model.name {named['model']}, model.version {named['version']}, model.logged_by server and model.url "
        f"{address(service) or 'its address'}{_cautions(service)}"
    )


def release(hook: ClusterHook, namespace: str, name: str) -> str:
    """Give a service back as it was: without our logger, unless somebody else has set the same.

    Raises NotFound, and PermanentError if it was not adopted.
    """
    service = _service(hook, namespace, name)
    if not is_adopted(service):
        raise PermanentError(f"expected an adopted service; given {described(service)}, whose logger is not ours.")
    released = hook.apply_beside(_bare(service), MANAGER)
    if "logger" in _predictor(released):
        return f"{described(service)}: released; its logger stays, because somebody else has set it, too"
    return f"{described(service)}: released, it has no logger any more"


def is_adopted(service: Object) -> bool:
    """Say whether a service's logger was set by an adoption."""
    managers = metadata(service).get("managedFields") or []
    return any(each.get("manager") == MANAGER and each.get("fieldsV1") for each in managers)


def _cautions(service: Object) -> str:
    """Say of which parts of a service the events are not what one takes them for; "" of none."""
    cautions = []
    if _predictor(service).get("canaryTrafficPercent") is not None:
        cautions.append("while a canary gets a part of its requests, both revisions are logged as this version")
    if (service.get("spec") or {}).get("transformer"):
        cautions.append("what its transformer makes of requests is logged, so the baseline has to be of that")
    return "".join(f". Mind: {caution}" for caution in cautions)


def _predictor(service: Object) -> Object:
    return dict((service.get("spec") or {}).get("predictor") or {})


def _named(namespace: str, name: str, cluster: ClusterSettings) -> re.Match[str]:
    if namespace not in cluster.allowed_namespaces:
        allowed = ", ".join(cluster.allowed_namespaces) or "none at all"
        raise InvalidSpec(
            f"namespace: given {namespace}: expected one of PEGEL_CLUSTER_MODEL_NAMESPACES ({allowed}). Nothing was "
            f"changed."
        )
    named = WATCHABLE.fullmatch(name)
    if named is None:
        raise InvalidSpec(
            f"name: given {name}: expected a model's name and version, as in delays-v1: its events carry this name, "
            f"and nothing else says which model they are of. Nothing was changed."
        )
    return named


def _service(hook: ClusterHook, namespace: str, name: str) -> Object:
    service = hook.get(INFERENCE_SERVICE, namespace, name)
    if service is None:
        raise NotFound(f"expected an InferenceService {namespace}/{name}; there is none. Nothing was changed.")
    if is_ours(service):
        raise PermanentError(f"{described(service)} is Pegel's own: it is logged already. Nothing was changed.")
    return service


def _bare(service: Object) -> dict[str, object]:
    """Return an object without any field."""
    known = metadata(service)
    return {
        "apiVersion": service["apiVersion"],
        "kind": service["kind"],
        "metadata": {"name": known["name"], "namespace": known["namespace"]},
    }
