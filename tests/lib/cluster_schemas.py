"""What a cluster's own schemas say of an object: those of `PEGEL_CRDS` for custom kinds, Kubernetes' for the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.37"
CUSTOM = ("serving.kserve.io", "sparkoperator.k8s.io", "kafka.strimzi.io")
"""Groups whose definitions are looked for."""
LIBRARY = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Written in C where that is at hand: KServe's definitions are two megabytes."""


def folder() -> Path | None:
    """Return where custom definitions are; None where nothing names them."""
    named = os.environ.get("PEGEL_CRDS")
    return Path(named) if named else None


@cache
def definitions(place: Path) -> Mapping[tuple[str, str], dict[str, Any]]:
    """Return the schema of each version and kind that a folder of custom definitions has. Read once in a process."""
    schemas = {}
    for path in sorted(place.glob("*.yaml")):
        for definition in yaml.load_all(path.read_text(), Loader=LIBRARY):
            spec = definition["spec"]
            for version in spec["versions"]:
                kind = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                schemas[kind] = closed(version["schema"]["openAPIV3Schema"])
    return schemas


def closed(schema: Any) -> Any:
    """Return a schema of Kubernetes as one of JSON Schema that refuses fields it does not know."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items() if key != "properties"}
    if "properties" in schema:
        inner["properties"] = {name: closed(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            inner["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        inner.pop("type", None)
    return inner


def problems(manifest: Mapping[str, Any]) -> list[str]:
    """Return what the schema of its kind refuses of an object; nothing for a custom kind whose schema is not here."""
    group = manifest["apiVersion"].rpartition("/")[0]
    if group in CUSTOM or ("." in group and not group.endswith(".k8s.io")):
        return _custom(manifest)
    try:
        kubernetes_validate.validate(dict(manifest), KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    return []


def _custom(manifest: Mapping[str, Any]) -> list[str]:
    place = folder()
    schema = None if place is None else definitions(place).get((manifest["apiVersion"], manifest["kind"]))
    if schema is None:
        return []
    errors = jsonschema.Draft202012Validator(_any_metadata(schema)).iter_errors(manifest)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def _any_metadata(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Leave to the server what it alone knows: the metadata, which are those of every object."""
    return {**schema, "properties": {**schema["properties"], "metadata": {}}}


def is_known(manifest: Mapping[str, Any]) -> bool:
    """Say whether the definitions that are here know a kind."""
    place = folder()
    return place is not None and (manifest["apiVersion"], manifest["kind"]) in definitions(place)
