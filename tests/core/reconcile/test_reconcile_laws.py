"""The planner's laws, for any world that hypothesis can think of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pegel.reconcile.actions import MOVES, Action, ActionKind, Desired, PastAction, Target
from pegel.reconcile.carrying_out import carry_out
from pegel.reconcile.desired import desired_groups
from pegel.reconcile.driver_planner import plan_drivers
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.stream.result_rows import Heartbeat
from pegel.testing import ManualClock, MemoryJobBackend, MemoryServingBackend
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_heartbeat, sample_spec

GROUPS = ("blue", "green", "red")
ages = st.integers(0, 7_200).map(lambda seconds: timedelta(seconds=seconds))


@dataclass(frozen=True)
class World:
    """Everything that a plan depends on."""

    desired: list[Desired]
    sightings: list[Sighting]
    heartbeats: list[Heartbeat]
    history: list[PastAction]


def desired_group(group: str, *, ready: bool) -> Desired:
    """Return what one group should be."""
    (desired,) = desired_groups([sample_spec(group, group=group)], {f"{group}-v1": ready}, "127.0.0.1:9092")
    return desired


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world of up to three groups, each desired, seen and heard in any way, or not."""
    desired = [desired_group(group, ready=draw(st.booleans())) for group in draw(st.sets(st.sampled_from(GROUPS)))]
    sightings = []
    for group in draw(st.sets(st.sampled_from(GROUPS))):
        state = draw(st.sampled_from(JobState))
        sightings.append(
            Sighting(
                group=group,
                fingerprint=draw(st.sampled_from([desired_group(group, ready=True).job.fingerprint, "an older state"])),
                generation=draw(st.integers(1, 5)),
                state=state,
                started_at=START - draw(ages),
                exit_code=draw(st.sampled_from([0, 1, -9])) if state is JobState.EXITED else None,
                edited=draw(st.sampled_from(["", "spec.image is changed"])),
                lingers=draw(st.booleans()),
            )
        )
    heartbeats = [
        sample_heartbeat(
            START - draw(ages),
            group,
            generation=draw(st.integers(1, 5)),
            state=draw(st.sampled_from(["running", "stopped"])),
        )
        for group in draw(st.sets(st.sampled_from(GROUPS)))
    ]
    past = st.builds(
        PastAction,
        kind=st.sampled_from(ActionKind),
        target=st.sampled_from(GROUPS).map(Target.driver),
        reason=st.just(""),
        generation=st.integers(1, 5),
        at=ages.map(lambda age: START - age),
    )
    return World(desired, sightings, heartbeats, draw(st.lists(past, max_size=8)))


def backend_of(world: World, now: datetime) -> MemoryJobBackend:
    """Return a backend that shows the world's sightings."""
    backend = MemoryJobBackend(ManualClock(now))
    backend.seen = {sighting.group: sighting for sighting in world.sightings}
    return backend


def do(action: Action, backend: MemoryJobBackend) -> None:
    """Carry out an action about a driver."""
    carry_out(action, backend, MemoryServingBackend(), observed_at=START)


@given(worlds())
def test_planning_again_after_applying_moves_nothing(world: World) -> None:
    """Once the actions are carried out, the next plan has only Keep, and the reasons for not moving still stand."""
    backend = backend_of(world, START)
    first = plan_drivers(world.desired, world.sightings, world.heartbeats, START, world.history)
    for action in first:
        do(action, backend)
    second = plan_drivers(world.desired, backend.observe(), world.heartbeats, START, world.history)

    assert [] == [action for action in second if action.kind in MOVES]
    standing = [action for action in first if action.kind in {ActionKind.HOLD, ActionKind.QUARANTINE}]
    assert standing == [action for action in second if action.kind in {ActionKind.HOLD, ActionKind.QUARANTINE}]


@given(worlds(), st.randoms(use_true_random=False))
def test_order_of_observations_does_not_matter(world: World, random: st.randoms) -> None:  # type: ignore[valid-type]  # hypothesis hands a Random
    """Any permutation of what is desired, seen, heard and remembered gives the same plan."""
    first = plan_drivers(world.desired, world.sightings, world.heartbeats, START, world.history)
    for observations in (world.desired, world.sightings, world.heartbeats, world.history):
        random.shuffle(observations)  # type: ignore[attr-defined]  # see above

    assert first == plan_drivers(world.desired, world.sightings, world.heartbeats, START, world.history)


@given(worlds())
def test_carrying_out_twice_changes_nothing_more(world: World) -> None:
    """Two overlapping runs that carry out the same plan leave the same groups running as one does."""
    actions = plan_drivers(world.desired, world.sightings, world.heartbeats, START, world.history)
    once, twice = backend_of(world, START), backend_of(world, START)
    for action in actions:
        do(action, once)
    for action in [*actions, *actions]:
        do(action, twice)

    assert sorted(once.observe(), key=str) == sorted(twice.observe(), key=str)


@given(worlds())
def test_one_action_per_group_and_none_for_strangers(world: World) -> None:
    """Each group that is desired gets exactly one action; others get at most Stop."""
    actions = plan_drivers(world.desired, world.sightings, world.heartbeats, START, world.history)
    desired_names = {desired.group for desired in world.desired}

    assert sorted({action.target.name for action in actions}) == [action.target.name for action in actions]
    assert desired_names == {action.target.name for action in actions if action.kind is not ActionKind.STOP}
    assert not desired_names & {action.target.name for action in actions if action.kind is ActionKind.STOP}


@given(worlds())
def test_a_new_driver_is_always_of_a_new_generation(world: World) -> None:
    """A generation that is started is higher than any that was seen, heard or remembered of its group."""
    seen: list[Sighting | Heartbeat | PastAction] = [*world.sightings, *world.heartbeats, *world.history]
    known = [(each.target.name if isinstance(each, PastAction) else each.group, each.generation) for each in seen]
    started = [action for action in plan_drivers(*vars_of(world)) if action.job is not None]

    assert all(
        action.generation > generation
        for action in started
        for group, generation in known
        if group == action.target.name
    )


@given(worlds())
def test_an_unready_endpoint_stops_nothing(world: World) -> None:
    """Where no endpoint is ready, no step stops a driver that runs and beats."""
    unready = replace(world, desired=[desired_group(desired.group, ready=False) for desired in world.desired])
    alive = {beat.group: beat for beat in world.heartbeats if START - beat.at <= timedelta(seconds=60)}
    running = {
        seen.group
        for seen in world.sightings
        if seen.state is not JobState.EXITED and seen.group in alive and alive[seen.group].generation >= seen.generation
    }
    desired_names = {desired.group for desired in unready.desired}
    moved = {action.target.name for action in plan_drivers(*vars_of(unready)) if action.kind in MOVES}

    assert not running & desired_names & moved


def vars_of(world: World) -> tuple[list[Desired], list[Sighting], list[Heartbeat], datetime, list[PastAction]]:
    """Return the arguments of `plan`."""
    return world.desired, world.sightings, world.heartbeats, START, world.history
