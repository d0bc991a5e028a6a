"""What a SparkApplication says of itself, in the words of jobs. Pure.

The Spark operator starts drivers, and starts them again within the bounds of the object's restart policy. While it is
about that, nobody else does anything; only when it has given up, or the driver has ended, is it the reconciler's turn.
"""

from __future__ import annotations

from pegel.manifests import labels
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.spec.outside_text import shown, shown_lines
from pegel_airflow.kubernetes.kinds import (
    LONGEST_DETAIL,
    Object,
    annotation,
    instant,
    is_going,
    label,
    metadata,
    status,
)
from pegel_airflow.kubernetes.ownership import edited

ENDED = {"COMPLETED": 0, "FAILED": None}
"""States in which the operator is done with an object, and the exit code that they tell."""
RUNNING = "RUNNING"
NEW = "the Spark operator has not taken it up yet"


def sighting(thing: Object) -> Sighting | None:
    """Return what is seen of the driver of a SparkApplication of ours; None for one whose start nobody knows."""
    started = instant(status(thing).get("lastSubmissionAttemptTime")) or instant(
        metadata(thing).get("creationTimestamp")
    )
    if started is None:
        return None
    state, code = job_state(thing)
    return Sighting(
        group=label(thing, labels.GROUP),
        fingerprint=annotation(thing, labels.FINGERPRINT),
        generation=_generation(thing),
        state=state,
        started_at=started,
        exit_code=code,
        detail=_detail(thing, state),
        edited=edited(thing),
    )


def job_state(thing: Object) -> tuple[JobState, int | None]:
    """Return the state of a job and its exit code, as far as the operator tells it.

    A state that is not known is one in which the operator is about something.
    """
    name = state_name(thing)
    if is_going(thing) or (name != RUNNING and name not in ENDED):
        return JobState.PENDING, None
    return (JobState.EXITED, ENDED[name]) if name in ENDED else (JobState.RUNNING, None)


def state_name(thing: Object) -> str:
    """Return the operator's own word for the state; empty before it has looked at the object."""
    return str((status(thing).get("applicationState") or {}).get("state") or "")


def message(thing: Object) -> str:
    """Return what the operator says went wrong; empty if nothing."""
    said = str((status(thing).get("applicationState") or {}).get("errorMessage") or "")
    return shown_lines(said[:LONGEST_DETAIL])


def _detail(thing: Object, state: JobState) -> str:
    if state is JobState.RUNNING:
        return ""
    said = message(thing)
    if state is JobState.EXITED:
        return said or "the Spark operator does not say why"
    if is_going(thing):
        return "it is being deleted"
    name = state_name(thing)
    words = f"the Spark operator has it as {shown(name)}" if name else NEW
    return f"{words}: {said}" if said else words


def _generation(thing: Object) -> int:
    text = annotation(thing, labels.GENERATION)
    return int(text) if text.isdecimal() else 0
