"""Provision one model version: from the form's answers to an entry in the registry.

Each function is one task. Specs travel between tasks as plain JSON. All of it may be done again: topics that exist
stay, an endpoint that is as wished stays, the same training data give the same baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow import form, services, topic_admin


def validate(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the complete spec the answers ask for. Raises InvalidSpec before anything is touched."""
    spec = form.spec_of(answers)
    print(f"{spec.key}: accepted, fingerprint {spec.fingerprint()[:16]}")  # noqa: T201 - a task's output is its log
    return spec.to_json()


def create_topics(settings: Settings, wish: dict[str, Any]) -> list[str]:
    """Make the namespace's topics exist; return those that were missing."""
    return topic_admin.create(settings, MonitorSpec.parse(wish).namespace)


def apply_endpoint(settings: Settings, wish: dict[str, Any]) -> str:
    """Make the endpoint exist as wished and return its name at once."""
    spec = MonitorSpec.parse(wish)
    services.serving(settings).apply(spec)
    return spec.endpoint


def send_probe(settings: Settings, wish: dict[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    """Prove that the endpoint with `status` answers and is logged. Raises EndpointFailed or Unavailable."""
    from pegel_airflow.probe import probe

    spec = MonitorSpec.parse(wish)
    schema = services.features(settings).describe(spec.baseline.source)
    return probe(settings, spec, str(status["url"]), schema)


def register(settings: Settings, wish: dict[str, Any]) -> bool:
    """Write the wish into the registry, from where the reconciler takes it; say whether that changed anything."""
    return services.stores(settings).registry.put(MonitorSpec.parse(wish))
