"""By what Pegel knows its objects in a cluster again, without any memory of its own."""

from __future__ import annotations

from collections.abc import Mapping

from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec

PREFIX = "pegel.monitoring/"

MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"

GROUP = f"{PREFIX}group"
INSTALLATION = f"{PREFIX}installation"
"""Of an endpoint: the namespace of the Pegel that made it. Another one may serve models beside it."""
MODEL = f"{PREFIX}model"
MODEL_VERSION = f"{PREFIX}model-version"
NAMESPACE = f"{PREFIX}namespace"
"""The namespace of the spec that an object is made for: it may lie in another one."""
ROLE = f"{PREFIX}role"
"""Of an endpoint: `serving`, or `candidate`, which is to take its place. Of a job: `driver`, `baseline`,
`write-back`, `archive`, `read-tables`, `join-labels`."""
SERVING, CANDIDATE = "serving", "candidate"
CANARY = "canary"
"""Of pods alone: those of the other model that gets a part of an endpoint's requests."""
DRIVER, BASELINE, WRITE_BACK = "driver", "baseline", "write-back"
ARCHIVE, ARCHIVE_CHECKS = "archive", "archive-checks"
READ_TABLES = "read-tables"
"""Of the job that judges what tables of predictions have anew."""
TRUE_OUTCOMES = "join-labels"
"""Of the job that joins labels with rows."""
LOGGER, WORKER, EXPORTER = "logger", "attribution", "exporter"
"""Components of the installation beside drivers."""

FINGERPRINT = f"{PREFIX}fingerprint"
"""Annotation: of what was desired. What differs in it is replaced."""
GENERATION = f"{PREFIX}generation"
"""Annotation: which start of a driver this is."""
SPEC = f"{PREFIX}spec"
"""Annotation: the spec of an endpoint, as JSON, for whoever finds the object and not the registry."""
MONITOR = f"{PREFIX}monitor"
"""Annotation: the monitor's key, as `delays/1`; it travels with the events of an endpoint."""
JOB_ID = f"{PREFIX}job-id"
"""Annotation: under which the results database keeps how a finite job ended."""
STAGED_BY = f"{PREFIX}staged-by"
"""Annotation of a candidate: the run that was the last to ask for it, and alone may end it."""

SERVING_MANAGER = "pegel-serving"
"""Field manager of endpoints."""
JOBS_MANAGER = "pegel-jobs"
"""Field manager of drivers and finite jobs."""

APPLIED = f"{PREFIX}applied"
"""Annotation: what was applied, as JSON. Where the object is another, somebody else has changed it."""
CHANGED_AT = f"{PREFIX}changed-at"
"""Annotation of an endpoint: when what it is to be was last changed, ISO 8601, UTC."""
RESTARTED_AT = f"{PREFIX}restarted-at"
"""Annotation of an endpoint's pods: when new ones were last asked for although nothing had changed."""

OURS: Mapping[str, str] = {MANAGED_BY: names.MANAGED_BY, PART_OF: names.MANAGED_BY}
"""Labels of every object that Pegel made; an object without them is never touched."""
SELECTOR = ",".join(f"{name}={value}" for name, value in OURS.items())
"""Label selector of all of them."""


def of_component(component: str) -> dict[str, str]:
    """Return the labels of a part of the installation: `logger`, `driver`."""
    return {**OURS, NAME: f"pegel-{component}", COMPONENT: component}


def of_endpoint(spec: MonitorSpec, role: str = SERVING) -> dict[str, str]:
    """Return the labels of the endpoint of a spec, or of its candidate."""
    return {
        **OURS,
        MODEL: spec.model.name,
        MODEL_VERSION: str(spec.model.version),
        NAMESPACE: spec.namespace,
        ROLE: role,
    }


def of_installation(namespace: str) -> dict[str, str]:
    """Return the labels of what the Pegel in a namespace makes outside of it, where others may do the same."""
    return {**OURS, INSTALLATION: namespace}


def of_group(group: str) -> dict[str, str]:
    """Return the labels of a group's driver."""
    return {**of_component(DRIVER), GROUP: group, ROLE: DRIVER}


def of_job(spec: MonitorSpec, role: str) -> dict[str, str]:
    """Return the labels of a finite job that is made for a spec."""
    return {**of_endpoint(spec, role), GROUP: spec.group}
