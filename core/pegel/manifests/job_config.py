"""The ConfigMap with what a group's driver is told."""

from __future__ import annotations

import json
from typing import Final

from pegel.manifests import labels
from pegel.manifests.objects import CONFIG_MAP, Manifest
from pegel.reconcile.job_backend import JobDocument
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings

FOLDER: Final = "/etc/pegel"
"""Where a driver finds it, read-only."""
FILE: Final = "job.json"


def job_config(job: JobDocument, generation: int, cluster: ClusterSettings) -> Manifest:
    """Return the job document of a generation, as the file `job.json`."""
    return CONFIG_MAP.manifest(
        names.driver_object(job.group),
        cluster.namespace,
        labels=labels.of_group(job.group),
        annotations={labels.FINGERPRINT: job.fingerprint, labels.GENERATION: str(generation)},
        data={FILE: json.dumps(job.to_json(generation), sort_keys=True)},
    )
