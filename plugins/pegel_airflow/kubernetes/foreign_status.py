"""What a server that is not ours answers, which is watched by a note in the cluster. It is asked and never touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pegel.data.endpoint_readiness import READY, foreign_readiness
from pegel.manifests import labels
from pegel.manifests.endpoint_note import PROTOCOL, SERVED_NAME, URL
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec.limits import ENDPOINT_ANSWERS_WITHIN
from pegel_airflow.kubernetes.kinds import Object, annotation, is_going
from pegel_airflow.kubernetes.kserve_status import changed_at
from pegel_airflow.kubernetes.ownership import edited


def foreign_status(note: Object, endpoint: str, *, within: timedelta = ENDPOINT_ANSWERS_WITHIN) -> EndpointStatus:
    """Ask the server of a note; it is ready or not, and never counts as failed: nobody here restarts it.

    A deployment of Hopsworks has no address that could be asked: it is ready.
    """
    server = note.get("data") or {}
    url = str(server.get(URL, ""))
    answer = "it is being deleted" if is_going(note) else _answer(server, url, within)
    is_ready = answer == READY
    return EndpointStatus(
        name=endpoint,
        fingerprint=annotation(note, labels.FINGERPRINT),
        state=EndpointState.READY if is_ready else EndpointState.STARTING,
        url=url or None,
        detail="" if is_ready else f"the server at {url} does not answer ready ({answer})",
        changed_at=changed_at(note),
        unready_since=None if is_ready else changed_at(note),
        edited=edited(note),
    )


def _answer(server: Mapping[str, Any], url: str, within: timedelta) -> str:
    if not url:
        return READY
    return foreign_readiness(url, str(server.get(SERVED_NAME, "")), str(server.get(PROTOCOL, "")), within)
