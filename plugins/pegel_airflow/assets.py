"""The assets that ring a workflow early. An asset event is a doorbell: each listener also has a clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk import Asset, AssetWatcher

from pegel_airflow.triggers import FindingsTrigger

SPECS: Final = Asset(name="pegel:specs", uri="x-pegel://registry/specs")
"""Rung when the registry's specs changed."""

BASELINES: Final = Asset(name="pegel:baselines", uri="x-pegel://features/baselines")
"""Rung when a model's current baseline is another one than before."""

TRAINING_DATA: Final = Asset(name="pegel:training-data", uri="x-pegel://features/training-data")
"""Rung by whoever has changed training data: a workflow's task by `outlets=[Asset("pegel:training-data")]`, or any
program by Airflow's REST API. The event may name the models: `extra={"models": ["delays/1"]}`."""

LABELS: Final = Asset(name="pegel:labels", uri="x-pegel://features/labels")
"""Rung by whoever has sent labels, or written them into a table: by `outlets=[Asset("pegel:labels")]` of a task, or
Airflow's REST API. The event may name the models, as that of training data does."""

FINDINGS: Final = Asset(
    name="pegel:findings",
    uri="x-pegel://results/findings",
    watchers=[AssetWatcher(name="pegel_findings", trigger=FindingsTrigger())],
)
"""Rung when the results database holds findings that no alert run has seen."""


def models_named(events: Mapping[Any, Any] | None) -> list[str]:
    """Return the models that the events which started a run name; none if one of them names none: then all are meant.

    What is no list of texts names nobody.
    """
    named: list[str] = []
    for event in (event for of_asset in (events or {}).values() for event in of_asset):
        models = (event.extra or {}).get("models")
        if not isinstance(models, list) or not models or not all(isinstance(model, str) for model in models):
            return []
        named += models
    return list(dict.fromkeys(named))
