"""Where a model's endpoint is, and the secret by which its proxy knows our questions, as the serving backend says."""

from __future__ import annotations

import importlib
from typing import Final

from pegel.errors import SetupError
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import LOCAL, Settings
from pegel_serving.attribution.model_preparation import Door

_BACKENDS: Final = {LOCAL: "pegel_local.backends.endpoint_processes:LocalServingBackend"}
"""Backends by name; they are loaded by it, because no room imports another."""


def endpoint_door(settings: Settings) -> Door:
    """Return what finds endpoints. It raises SetupError where the backend is none of this environment."""

    def door(spec: MonitorSpec) -> tuple[str, str]:
        place = _BACKENDS.get(settings.serving_backend, settings.serving_backend)
        module, _, name = place.partition(":")
        try:
            backend = getattr(importlib.import_module(module), name)(settings)
        except (ImportError, AttributeError, ValueError) as error:
            raise SetupError(
                f"expected a serving backend that can be asked from here, given {settings.serving_backend}: {error}; "
                f"the endpoint of {spec.key} is not asked"
            ) from error
        status = backend.observe(spec.endpoint)
        if not status.url:
            raise SetupError(f"the endpoint {spec.endpoint} has no address yet")
        return str(status.url), str(status.probe_token)

    return door
