"""The assets that ring a workflow early. An asset event is a doorbell: each listener also has a clock."""

from __future__ import annotations

from typing import Final

from airflow.sdk import Asset, AssetWatcher

from pegel_airflow.triggers import FindingsTrigger

SPECS: Final = Asset(name="pegel:specs", uri="x-pegel://registry/specs")
"""Rung when the registry's specs changed."""

BASELINES: Final = Asset(name="pegel:baselines", uri="x-pegel://features/baselines")
"""Rung when a model's current baseline is another one than before."""

FINDINGS: Final = Asset(
    name="pegel:findings",
    uri="x-pegel://results/findings",
    watchers=[AssetWatcher(name="pegel_findings", trigger=FindingsTrigger())],
)
"""Rung when the results database holds findings that no alert run has seen."""
