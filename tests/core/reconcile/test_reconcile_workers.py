"""What is done about attribution workers: one for each namespace that asks, started, restarted and stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pegel.reconcile.actions import Action, ActionKind, PastAction, Target
from pegel.reconcile.desired import endpoint_fingerprint, explained_with
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.reconcile.worker_planner import explained_namespaces, hold_workers, plan_workers
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

SEEN = Sighting(group="default", fingerprint="", generation=3, state=JobState.RUNNING, started_at=START)
DEAD = replace(SEEN, state=JobState.EXITED, exit_code=1, detail="a trace\nthe broker is gone")


def explained(name: str, **changes: str) -> MonitorSpec:
    """Return a spec that asks for explanations."""
    return MonitorSpec.parse(sample_spec(name).to_json() | {"attribution": {"via": "artefact"}} | changes)


def kinds(actions: list[Action]) -> list[tuple[str, ActionKind, int]]:
    """Return of each action its target, its kind and its generation."""
    return [(str(action.target), action.kind, action.generation) for action in actions]


def test_one_worker_for_each_namespace_that_asks() -> None:
    """Namespaces with a model that asks to be explained have a worker, whatever else is there; others have none."""
    specs = [explained("a"), explained("b"), explained("c", namespace="other"), sample_spec("d")]
    wanted = explained_namespaces(specs)

    assert {"default", "other"} == wanted
    assert [("worker/default", ActionKind.START, 1), ("worker/other", ActionKind.START, 1)] == kinds(
        plan_workers(wanted, [], START)
    )
    assert [] == plan_workers(explained_namespaces([sample_spec("d")]), [], START)


def test_what_runs_is_kept_and_what_died_is_restarted() -> None:
    """A running worker is left alone; one that ended by itself is restarted, one that was asked to end is started."""
    for state in (JobState.RUNNING, JobState.STARTING):
        kept = plan_workers({"default"}, [replace(SEEN, state=state)], START)
        assert [("worker/default", ActionKind.KEEP, 3)] == kinds(kept)

    (restarted,) = plan_workers({"default"}, [DEAD], START)
    assert ("worker/default", ActionKind.RESTART, 4) == kinds([restarted])[0]
    assert "exited with 1: the broker is gone" == restarted.reason
    assert [("worker/default", ActionKind.START, 4)] == kinds(
        plan_workers({"default"}, [replace(DEAD, exit_code=0)], START)
    )


def test_what_nobody_needs_is_stopped() -> None:
    """A worker without a model that asks is stopped; not while some stored spec cannot be read."""
    assert [("worker/default", ActionKind.STOP, 3)] == kinds(plan_workers(set(), [SEEN], START))
    assert [("worker/default", ActionKind.HOLD, 3)] == kinds(plan_workers(set(), [SEEN], START, unreadable=["m/1"]))
    assert [] == plan_workers(set(), [DEAD], START)


def test_workers_that_cannot_be_observed_are_held() -> None:
    """Each namespace that wants one is told with the reason, and nothing is started beside what may run."""
    held = hold_workers({"other", "default"}, "workers could not be observed: the folder cannot be read")

    assert [("worker/default", ActionKind.HOLD, 0), ("worker/other", ActionKind.HOLD, 0)] == kinds(held)
    assert {"workers could not be observed: the folder cannot be read"} == {action.reason for action in held}


def test_crash_loops_are_slowed_down() -> None:
    """After three restarts in a row the next one waits, and the plan says until when."""
    target = Target.worker("default")
    past = [
        PastAction(
            kind=ActionKind.RESTART,
            target=target,
            reason="",
            generation=at + 1,
            at=START - timedelta(seconds=30 * (4 - at)),
        )
        for at in range(4)
    ]

    (held,) = plan_workers({"default"}, [DEAD], START, past)

    assert ActionKind.QUARANTINE is held.kind
    assert "4 restarts since" in held.reason
    assert target == Target.parse(str(held.target))


def test_an_endpoint_is_told_what_it_explains_with() -> None:
    """Explanations on request replace the endpoint, once; a worker beside it, its rates and its windows do not."""
    plain, asking = sample_spec("a"), explained("a")
    section = {"via": "artefact", "on_request": True}
    opened = MonitorSpec.parse(plain.to_json() | {"attribution": section})
    rarer = MonitorSpec.parse(plain.to_json() | {"attribution": section | {"rows_per_minute": 5}})

    assert [None, None, plain.baseline.source] == [explained_with(spec) for spec in (plain, asking, opened)]
    assert endpoint_fingerprint(plain) == endpoint_fingerprint(asking)
    assert endpoint_fingerprint(plain) != endpoint_fingerprint(opened)
    assert endpoint_fingerprint(opened) == endpoint_fingerprint(rarer)
