"""The planner: what it decides in each situation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pegel.reconcile.actions import Action, ActionKind, Desired, PastAction, Target
from pegel.reconcile.desired import desired_groups, driver_fingerprint
from pegel.reconcile.driver_planner import hold_drivers, plan_drivers
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.stream.result_rows import Heartbeat
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_heartbeat, sample_spec

SECOND = timedelta(seconds=1)
DRIVER = Target.driver("default")
(DESIRED,) = desired_groups([sample_spec()], {"delays-v1": True}, "127.0.0.1:9092")
RUNNING = Sighting(
    group="default",
    fingerprint=DESIRED.job.fingerprint,
    generation=4,
    state=JobState.RUNNING,
    started_at=START - timedelta(hours=2),
)
BEAT = sample_heartbeat(START, generation=4)
CRASHED = replace(RUNNING, state=JobState.EXITED, exit_code=137, detail="starting\njava.lang.OutOfMemoryError\n")


def decide(
    desired: Desired | None, sighting: Sighting | None, beat: Heartbeat | None = BEAT, restarts: tuple[int, ...] = ()
) -> Action | None:
    """Plan one group; `restarts` are ages in minutes of past restarts."""
    history = [
        PastAction(kind=ActionKind.RESTART, target=DRIVER, reason="", generation=1, at=START - timedelta(minutes=age))
        for age in restarts
    ]
    actions = plan_drivers(
        [desired] if desired else [],
        [sighting] if sighting else [],
        [beat] if beat else [],
        START,
        history,
    )
    return actions[0] if actions else None


def test_a_healthy_driver_is_kept() -> None:
    """The desired fingerprint with a fresh heartbeat is left alone."""
    action = decide(DESIRED, RUNNING)

    assert action == Action(kind=ActionKind.KEEP, target=DRIVER, reason="runs as desired", generation=4)


def test_a_missing_driver_is_started_as_the_next_generation() -> None:
    """Where nothing is seen, the next generation after the last heartbeat is started."""
    action = decide(DESIRED, None)

    assert action == Action(
        kind=ActionKind.START, target=DRIVER, reason="nothing runs for it", generation=5, job=DESIRED.job
    )


def test_another_state_is_replaced() -> None:
    """A driver with another state fingerprint is replaced, and the reason names both."""
    action = decide(DESIRED, replace(RUNNING, fingerprint="0123456789"))

    assert action is not None
    assert (ActionKind.REPLACE, 5) == (action.kind, action.generation)
    wanted = DESIRED.job.fingerprint[:8]
    assert f"another release, or keeps its state otherwise: 01234567 runs, {wanted} is desired" in action.reason


def test_a_crashed_driver_is_restarted_with_its_last_words() -> None:
    """The reason holds the exit code and the last line of the log."""
    action = decide(DESIRED, CRASHED)

    assert action is not None
    assert (ActionKind.RESTART, "exited with 137: java.lang.OutOfMemoryError") == (action.kind, action.reason)


def test_a_killed_driver_is_restarted_with_the_signal_for_a_reason() -> None:
    """What a killed process happened to log last did not cause its end."""
    action = decide(DESIRED, replace(CRASHED, exit_code=-9))

    assert action is not None
    assert (ActionKind.RESTART, "killed by SIGKILL") == (action.kind, action.reason)


def test_a_driver_that_beats_without_progress_is_wedged() -> None:
    """A stream that stands still for more than two minutes is restarted, although its driver says that it lives."""
    beats = [sample_heartbeat(START, generation=4, progressed_at=START - age * SECOND) for age in (120, 121)]
    actions = [decide(DESIRED, RUNNING, beat) for beat in beats]

    assert [
        (ActionKind.KEEP, "runs as desired"),
        (ActionKind.RESTART, "wedged: no progress since 23:57:59 UTC; allowed are 120 s"),
    ] == [action and (action.kind, action.reason) for action in actions]


def test_the_first_batch_of_a_driver_may_take_longer() -> None:
    """While nothing is committed it may catch up on a busy machine; one that hangs is restarted all the same."""
    beats = [
        sample_heartbeat(START, generation=4, batch_id=0, progressed_at=START - age * SECOND) for age in (121, 600, 601)
    ]
    actions = [decide(DESIRED, RUNNING, beat) for beat in beats]
    reason = "wedged: no progress since 23:49:59 UTC; allowed are 600 s for the first batch of a driver"

    assert [(ActionKind.KEEP, "runs as desired")] * 2 + [(ActionKind.RESTART, reason)] == [
        action and (action.kind, action.reason) for action in actions
    ]


def test_a_start_that_changes_nothing_is_not_tried_each_minute() -> None:
    """Starting again and again without anything to see afterwards backs off like restarting; a stop begins anew."""
    starts = [
        PastAction(kind=ActionKind.START, target=DRIVER, reason="", generation=4, at=START - age * SECOND)
        for age in (200, 140, 80, 20)
    ]
    stop = PastAction(kind=ActionKind.STOP, target=DRIVER, reason="", generation=4, at=START - 100 * SECOND)
    kinds = [plan_drivers([DESIRED], [], [], START, history)[0].kind for history in (starts, [*starts, stop])]

    assert [ActionKind.QUARANTINE, ActionKind.START] == kinds


def test_no_driver_is_stopped_for_a_spec_that_cannot_be_read() -> None:
    """While a stored spec cannot be read, its group is not known, and a driver that nobody seems to need may be its."""
    (action,) = plan_drivers([], [RUNNING], [BEAT], START, unreadable=["fraud/1"])

    assert (ActionKind.HOLD, "no monitor is known to need it, but the stored spec of fraud/1 cannot be read") == (
        action.kind,
        action.reason,
    )


def test_drivers_that_cannot_be_observed_are_held() -> None:
    """Without an observation nothing is moved, and the reason is said of each group."""
    (action,) = hold_drivers([DESIRED], "the backend is away")

    assert Action(kind=ActionKind.HOLD, target=DRIVER, reason="the backend is away") == action


def test_a_stale_heartbeat_is_death() -> None:
    """Whatever the process list says, a driver without a heartbeat for a minute is dead."""
    kinds = [decide(DESIRED, RUNNING, sample_heartbeat(START - age * SECOND, generation=4)) for age in (60, 61)]

    assert [ActionKind.KEEP, ActionKind.RESTART] == [action and action.kind for action in kinds]


@pytest.mark.parametrize(("age", "kind"), [(600, ActionKind.KEEP), (601, ActionKind.RESTART)])
def test_a_starting_driver_is_given_time(age: int, kind: ActionKind) -> None:
    """Before its first heartbeat a driver has ten minutes; its predecessor's heartbeat does not count."""
    action = decide(DESIRED, replace(RUNNING, generation=5, started_at=START - age * SECOND), BEAT)

    assert action is not None
    assert kind is action.kind


@pytest.mark.parametrize(("step_s", "kind"), [(600, ActionKind.KEEP), (601, ActionKind.RESTART)])
def test_a_start_that_gets_on_is_never_given_up(step_s: int, kind: ActionKind) -> None:
    """However long a start takes, a driver is left to it while it lives and its steps follow each other."""
    step = START - step_s * SECOND
    beat = replace(
        sample_heartbeat(START, generation=4), state="starting", batch_id=0, progressed_at=step, doing="starting Spark"
    )
    action = decide(DESIRED, replace(RUNNING, started_at=START - 3_000 * SECOND), beat)

    assert kind == (action and action.kind)


def test_a_driver_that_its_platform_starts_again_is_left_to_it() -> None:
    """While the platform is about to start it, nobody else does, however long nothing is heard of it."""
    pending = replace(RUNNING, state=JobState.PENDING, detail="the Spark operator has it as PENDING_RERUN")
    actions = [decide(DESIRED, pending, beat) for beat in (None, sample_heartbeat(START - 999 * SECOND, generation=4))]

    assert [(ActionKind.HOLD, pending.detail)] * 2 == [action and (action.kind, action.reason) for action in actions]


def test_a_driver_that_speaks_is_kept_whatever_its_platform_calls_it() -> None:
    """A fresh heartbeat of this very start is life."""
    action = decide(DESIRED, replace(RUNNING, state=JobState.PENDING, detail="UNKNOWN"))

    assert (ActionKind.KEEP, "runs as desired") == (action and (action.kind, action.reason))


@pytest.mark.parametrize(("age", "kind"), [(600, ActionKind.KEEP), (601, ActionKind.RESTART)])
def test_a_driver_that_was_started_again_is_given_time(age: int, kind: ActionKind) -> None:
    """The last heartbeat of the start before says nothing about this one, although both are of one generation."""
    again = replace(RUNNING, started_at=START - age * SECOND)
    action = decide(DESIRED, again, sample_heartbeat(START - 700 * SECOND, generation=4))

    assert kind == (action and action.kind)


def test_a_driver_that_somebody_changed_is_replaced() -> None:
    """The reason names what was changed."""
    action = decide(DESIRED, replace(RUNNING, edited="changed by somebody else: spec.image is b, a was applied"))

    assert action is not None
    assert (ActionKind.REPLACE, 5) == (action.kind, action.generation)
    assert "changed by somebody else: spec.image is b, a was applied" == action.reason


def test_what_lingers_of_an_orphan_is_removed() -> None:
    """An exited driver that nobody needs is stopped once more where something of it has to be removed."""
    actions = [decide(None, replace(CRASHED, lingers=lingers)) for lingers in (False, True)]

    assert [None, ActionKind.STOP] == [action and action.kind for action in actions]


def test_a_driver_that_stopped_on_request_is_started() -> None:
    """Exit code 0 after a heartbeat that says `stopped` is no crash."""
    action = decide(DESIRED, replace(CRASHED, exit_code=0), sample_heartbeat(START, generation=4, state="stopped"))

    assert action is not None
    assert ActionKind.START is action.kind


def test_an_orphan_is_stopped_once() -> None:
    """A driver that nobody wants is stopped; one that has exited needs nothing."""
    running, exited = decide(None, RUNNING), decide(None, CRASHED)

    assert running is not None
    assert (ActionKind.STOP, None) == (running.kind, exited)


def test_no_start_before_a_model_is_ready() -> None:
    """While no endpoint of the group is ready, starting is held and the reason names the endpoint."""
    (waiting,) = desired_groups([sample_spec()], {}, "127.0.0.1:9092")
    action = decide(waiting, None, None)

    assert action == Action(kind=ActionKind.HOLD, target=DRIVER, reason="delays-v1 is not ready", generation=0)


@pytest.mark.parametrize("sighting", [RUNNING, replace(RUNNING, fingerprint="other")])
def test_a_running_monitor_is_never_stopped_for_an_endpoint(sighting: Sighting) -> None:
    """An endpoint that is not ready leads to Keep or Hold, never to a step that stops the driver."""
    action = decide(replace(DESIRED, ready=False, waiting_for=("delays-v1",)), sighting)

    assert action is not None
    assert action.kind in {ActionKind.KEEP, ActionKind.HOLD}


@pytest.mark.parametrize(
    ("restarts", "kind"),
    [
        ((5, 3), ActionKind.RESTART),
        ((5, 3, 0), ActionKind.QUARANTINE),
        ((5, 3, 1), ActionKind.RESTART),
        ((9, 5, 3, 1), ActionKind.QUARANTINE),
        ((9, 5, 3, 2), ActionKind.RESTART),
        ((230, 200, 170, 140, 110, 80, 50, 29), ActionKind.QUARANTINE),
        ((230, 200, 170, 140, 110, 80, 50, 30), ActionKind.RESTART),
        ((190, 180, 170, 61), ActionKind.RESTART),
    ],
)
def test_the_wait_doubles_with_each_crash(restarts: tuple[int, ...], kind: ActionKind) -> None:
    """Three restarts are free, then the wait is 1, 2, 4 ... at most 30 minutes; an hour of health forgives."""
    action = decide(DESIRED, CRASHED, restarts=restarts)

    assert action is not None
    assert kind is action.kind


def test_a_quarantine_has_one_stable_reason() -> None:
    """The reason is one line that says what failed, since when and when the next try is; a minute later it is equal."""
    history = [
        PastAction(kind=ActionKind.RESTART, target=DRIVER, reason="", generation=4, at=START - age * SECOND)
        for age in (300, 200, 100, 10)
    ]
    reasons = [plan_drivers([DESIRED], [CRASHED], [BEAT], START + age * SECOND, history)[0].reason for age in (0, 60)]

    assert reasons[0] == reasons[1]
    assert (
        "4 restarts since 23:55 UTC did not help, next try at 00:01:50 UTC; "
        "exited with 137: java.lang.OutOfMemoryError" == reasons[0]
    )


def test_groups_are_what_specs_say() -> None:
    """Specs of one group share a driver that reads the topics of all their namespaces."""
    specs = [
        sample_spec("fraud", namespace="bank"),
        sample_spec("delays", 2),
        sample_spec("delays", 1),
        sample_spec("pets", group="own"),
    ]
    shared, own = desired_groups(specs, {"delays-v2": True}, "127.0.0.1:9092")

    assert ("default", "own") == (shared.group, own.group)
    assert ["delays/1", "delays/2", "fraud/1"] == list(shared.monitors)
    assert (True, ("delays-v1", "fraud-v1")) == (shared.ready, shared.waiting_for)
    assert (False, ("pets-v1",)) == (own.ready, own.waiting_for)


def test_adding_a_model_keeps_the_driver() -> None:
    """A driver is replaced for another state or release alone: no further model or namespace restarts anything."""
    one, two = (
        desired_groups(specs, {}, "k:9092")[0]
        for specs in ([sample_spec()], [sample_spec(), sample_spec("fraud", group="default", namespace="bank")])
    )

    assert one.job == two.job
    assert 3 == len({driver_fingerprint(1), driver_fingerprint(2), driver_fingerprint(1, release="9.9.9")})


def test_the_longest_wait_is_kept_for_ever() -> None:
    """A thousand crashes wait as long as ten: the doubling does not overflow."""
    history = [
        PastAction(
            kind=ActionKind.RESTART, target=DRIVER, reason="", generation=n, at=START - timedelta(minutes=31 * n)
        )
        for n in range(1, 1_000)
    ]

    assert [ActionKind.RESTART] == [
        action.kind for action in plan_drivers([DESIRED], [CRASHED], [BEAT], START, history)
    ]
    early = START - timedelta(minutes=2)
    assert [ActionKind.QUARANTINE] == [a.kind for a in plan_drivers([DESIRED], [CRASHED], [BEAT], early, history)]
