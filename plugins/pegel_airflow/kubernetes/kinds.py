"""Where the API server has an object, and what an object says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pegel.errors import SetupError
from pegel.manifests.objects import CONFIG_MAP, INFERENCE_SERVICE, POD, SPARK_APPLICATION, ObjectKind

BROUGHT_BY = {INFERENCE_SERVICE: "KServe", SPARK_APPLICATION: "the Spark operator"}
"""What has to be installed for a cluster to know a kind; the others are of Kubernetes itself."""
KEPT = (INFERENCE_SERVICE, SPARK_APPLICATION, CONFIG_MAP, POD)

LONGEST_DETAIL = 4_000
"""Letters of what a controller says that are shown."""

_LONGEST_NAME = 253
Object = Mapping[str, Any]
"""An object as plain data, as it is applied or as it was read."""


def is_name(name: str) -> bool:
    """Say whether an object may have this name: the name of a DNS subdomain, as the kinds that are kept have it."""
    return len(name) <= _LONGEST_NAME and re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name) is not None


def path(kind: ObjectKind, namespace: str, name: str | None = None) -> str:
    """Return the path of one object, or of all of a namespace."""
    root = "/apis" if kind.group else "/api"
    # Quoted, so that no name is a way to another object.
    whole = f"{root}/{kind.api_version}/namespaces/{quote(namespace, safe='')}/{kind.plural}"
    return whole if name is None else f"{whole}/{quote(name, safe='')}"


def kind_of(thing: Object) -> ObjectKind:
    """Return the kind of an object. Raises SetupError for one that is not applied from here."""
    stated = (thing["apiVersion"], thing["kind"])
    kind = next((kind for kind in KEPT if (kind.api_version, kind.name) == stated), None)
    if kind is None:
        known = ", ".join(f"{kind.name} ({kind.api_version})" for kind in KEPT)
        raise SetupError(f"expected one of {known}; given {stated[1]} ({stated[0]}). Nothing was sent.")
    return kind


def metadata(thing: Object) -> dict[str, Any]:
    """Return the metadata of an object; empty without."""
    return dict(thing.get("metadata") or {})


def label(thing: Object, name: str) -> str:
    """Return a label of an object; empty without."""
    return str((metadata(thing).get("labels") or {}).get(name, ""))


def annotation(thing: Object, name: str) -> str:
    """Return an annotation of an object; empty without."""
    return str((metadata(thing).get("annotations") or {}).get(name, ""))


def is_going(thing: Object) -> bool:
    """Say whether an object is being deleted: it stays for as long as something holds it."""
    return "deletionTimestamp" in metadata(thing)


def described(thing: Object) -> str:
    """Return what an object is called in messages, e.g. `InferenceService team-a/delays-v1`."""
    known = metadata(thing)
    return f"{thing.get('kind', 'object')} {known.get('namespace', '')}/{known.get('name', '')}"


def status(thing: Object) -> Mapping[str, Any]:
    """Return what the cluster says of an object; empty before it says anything."""
    return dict(thing.get("status") or {})


def instant(text: Any) -> datetime | None:
    """Return the instant that a text of the cluster names; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def annotated(thing: Object, annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return an object with further annotations."""
    known = thing["metadata"]
    return {**thing, "metadata": {**known, "annotations": {**(known.get("annotations") or {}), **annotations}}}
