"""Custom resource definitions, put into an API server that has none."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import yaml
from kubernetes import client
from kubernetes.client import ApiClient

from pegel.errors import Unavailable

WITHIN_S = 120.0
"""KServe's largest takes 7 to 25 s."""
LOOK_EVERY_S = 0.1


def install(admin: ApiClient, files: Iterable[Path]) -> None:
    """Apply the definition in each file and wait until all are established. Raises Unavailable naming one that is not.

    What the API server refuses is raised as the client raises it.
    """
    api = client.ApiextensionsV1Api(admin)
    names = [_apply(api, file) for file in files]
    deadline = time.monotonic() + WITHIN_S
    for name in names:
        while not _established(api, name):
            if time.monotonic() > deadline:
                raise Unavailable(f"expected {name} to be established within {WITHIN_S:g} s; it is not.")
            time.sleep(LOOK_EVERY_S)


def _apply(api: client.ApiextensionsV1Api, file: Path) -> str:
    definition = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    name = str(definition["metadata"]["name"])
    api.patch_custom_resource_definition(
        name, definition, field_manager="pegel-player", force=True, _content_type="application/apply-patch+yaml"
    )
    return name


def _established(api: client.ApiextensionsV1Api, name: str) -> bool:
    conditions = api.read_custom_resource_definition(name).status.conditions or []
    return any(each.type == "Established" and each.status == "True" for each in conditions)
