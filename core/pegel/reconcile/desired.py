"""From the registry's specs to what each group should run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from pegel.reconcile.actions import Desired
from pegel.reconcile.job_backend import JobDocument
from pegel.spec.monitor_spec import MonitorSpec

JOB_STATE_VERSION = 1
"""Raised when a driver could no longer go on with the state that the one before it left in the database."""


def driver_fingerprint(state_version: int = JOB_STATE_VERSION, release: str | None = None) -> str:
    """Return what a driver is replaced for: another version of its kept state, another release of Pegel (None: this).

    Topics and models come and go while it runs.
    """
    document = {"state_version": state_version, "release": release or version("pegel")}
    return hashlib.sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()


def endpoint_fingerprint(spec: MonitorSpec) -> str:
    """Return the SHA-256 of what an endpoint's processes depend on. Whatever else a spec says does not replace them."""
    parts = {"namespace", "model", "serving", *(["online"] if spec.online.is_used else [])}
    served = spec.model_dump(mode="json", include=parts, exclude={"model": {"ready_within"}})
    if spec.adversarial.client_header is not None:
        # The proxy writes down what a client calls itself.
        served["client_header"] = spec.adversarial.client_header
    if spec.attribution.on_request:
        # Whether it answers questions about single rows, and with which rows of a baseline it compares them.
        served["explained_with"] = explained_with(spec)
    return hashlib.sha256(json.dumps(served, sort_keys=True).encode()).hexdigest()


def explained_with(spec: MonitorSpec) -> str | None:
    """Return the rows of a baseline with which an endpoint explains single rows; None where it explains none."""
    return (spec.attribution.baseline or spec.baseline.source) if spec.attribution.on_request else None


def desired_groups(specs: Iterable[MonitorSpec], ready: Mapping[str, bool], kafka: str) -> list[Desired]:
    """Return what should run: the specs by group. `ready` maps an endpoint's name to whether it is ready.

    What only stands in tables is read by a job, and needs no driver.
    """
    groups: dict[str, list[MonitorSpec]] = {}
    for spec in (one for one in specs if not one.model.is_table):
        groups.setdefault(spec.group, []).append(spec)
    return [_desired(group, members, ready, kafka) for group, members in sorted(groups.items())]


def _desired(group: str, members: list[MonitorSpec], ready: Mapping[str, bool], kafka: str) -> Desired:
    waiting = tuple(sorted(spec.endpoint for spec in members if not ready.get(spec.endpoint, False)))
    return Desired(
        group=group,
        job=JobDocument(group=group, fingerprint=driver_fingerprint(), kafka=kafka),
        monitors={spec.key: spec.fingerprint() for spec in sorted(members, key=lambda spec: spec.key)},
        ready=len(waiting) < len(members),
        waiting_for=waiting,
    )
