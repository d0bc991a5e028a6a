"""Provision, undone: the spec leaves the registry, the endpoint goes; the reconciler does the rest."""

from __future__ import annotations

from pegel.errors import NotFound
from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.teams import refuse_model_of_other_team


def unregister(settings: Settings, model: str, version: int, *, user: str | None = None) -> str:
    """Take the model version out of the registry and return its endpoint's name.

    Its spec is not read: one that is damaged can be removed, too. Raises NotFound if neither the registry nor the
    serving backend knows the model version, so that a mistyped name is not a success; PermanentError if the model's
    namespace is that of another team than `user`'s, who has started the run.
    """
    refuse_model_of_other_team(settings, model, version, user)
    registry = services.stores(settings).registry
    endpoint = names.endpoint(model, version)
    if not registry.remove(model, version) and endpoint not in _endpoints(settings):
        known = ", ".join(names.monitor_key(entry.model, entry.version) for entry in registry.entries()) or "none"
        raise NotFound(
            f"expected a watched model; given {names.monitor_key(model, version)}, watched are: {known}. "
            f"Nothing changed."
        )
    return endpoint


def delete_endpoint(settings: Settings, endpoint: str) -> None:
    """Remove the endpoint and wait until nothing of it runs."""
    services.serving(settings).delete(endpoint)


def forget_results(settings: Settings, model: str, version: int) -> None:
    """Delete what was measured of the model version: windows, findings, outliers, ledger."""
    services.stores(settings).results.forget(model, version)


def _endpoints(settings: Settings) -> set[str]:
    return set(services.serving(settings).names())
