"""Endpoints are reconciled by the same laws as drivers: level-triggered, with back-off, in any order."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.reconcile.actions import MOVES, Action, ActionKind, PastAction, Target
from pegel.reconcile.carrying_out import carry_out
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.endpoint_planner import plan_endpoints
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing import ManualClock, MemoryJobBackend, MemoryServingBackend
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

SECOND = timedelta(seconds=1)
SPEC = sample_spec()
TARGET = Target.endpoint("delays-v1")
READY = EndpointStatus(
    name="delays-v1",
    fingerprint=endpoint_fingerprint(SPEC),
    state=EndpointState.READY,
    url="http://127.0.0.1:1",
    changed_at=START - timedelta(hours=2),
)
STARTING = replace(READY, state=EndpointState.STARTING, unready_since=START - 30 * SECOND)
DIED = replace(
    READY,
    state=EndpointState.FAILED,
    detail="its server exited with 0; the last lines of its log:\nstarted\nno space left",
    unready_since=START - 30 * SECOND,
)


def decide(
    spec: MonitorSpec | None, status: EndpointStatus | None, *, restarts: tuple[int, ...] = ()
) -> tuple[ActionKind, str] | None:
    """Plan one endpoint; `restarts` are ages in minutes of past restarts."""
    history = [
        PastAction(kind=ActionKind.RESTART, target=TARGET, reason="", generation=0, at=START - timedelta(minutes=age))
        for age in restarts
    ]
    actions = plan_endpoints([spec] if spec else [], [status] if status else [], START, history)
    return (actions[0].kind, actions[0].reason) if actions else None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, (ActionKind.START, "nothing serves it")),
        (READY, (ActionKind.KEEP, "serves as desired")),
        (STARTING, (ActionKind.KEEP, "starts as desired")),
        (replace(STARTING, unready_since=START - 120 * SECOND), (ActionKind.KEEP, "starts as desired")),
        (
            replace(STARTING, unready_since=START - 121 * SECOND),
            (ActionKind.RESTART, "not ready since 23:57:59 UTC; allowed are 120 s"),
        ),
        (DIED, (ActionKind.RESTART, "its server exited with 0: no space left")),
        (replace(READY, edited="spec.predictor is changed"), (ActionKind.REPLACE, "spec.predictor is changed")),
        (
            replace(READY, fingerprint="0123456789"),
            (ActionKind.REPLACE, f"model 01234567 is served, {READY.fingerprint[:8]} is desired"),
        ),
        (
            replace(READY, state=EndpointState.UNKNOWN, fingerprint="", detail="no answer"),
            (ActionKind.HOLD, "it could not be observed: no answer"),
        ),
    ],
)
def test_each_situation_has_its_action(status: EndpointStatus | None, expected: tuple[ActionKind, str]) -> None:
    """What died, exited 0, never became ready or serves another model is brought back; what cannot be seen is left."""
    assert expected == decide(SPEC, status)


def test_a_server_that_is_not_ours_is_waited_for() -> None:
    """However long it is not ready, nothing is restarted; a proxy of ours that ended before it is."""
    spec = sample_spec(model={"name": "delays", "url": "http://a.org"})
    mark = endpoint_fingerprint(spec)
    detail = "the server at http://a.org does not answer ready (nobody listens there)"
    away = replace(STARTING, fingerprint=mark, detail=detail)
    long_ago = replace(away, unready_since=START - timedelta(hours=9))
    reason = f"{detail}; it is not ours to restart"

    assert [(ActionKind.HOLD, reason)] * 2 == [decide(spec, away), decide(spec, long_ago)]
    assert (ActionKind.KEEP, "serves as desired") == decide(spec, replace(READY, fingerprint=mark))
    assert ActionKind.RESTART is (decide(spec, replace(DIED, fingerprint=mark)) or [None])[0]


def test_an_orphan_is_removed() -> None:
    """An endpoint with our mark that no monitor needs is stopped; one that cannot be seen is not."""
    unseen = replace(READY, state=EndpointState.UNKNOWN)

    assert ((ActionKind.STOP, "no monitor needs it any more"), None) == (decide(None, READY), decide(None, unseen))


def test_an_endpoint_whose_spec_cannot_be_read_is_left_as_it_is() -> None:
    """A damaged spec is no reason to remove what serves: it is held, and the reason is said."""
    (action,) = plan_endpoints([], [READY], START, unreadable={"delays-v1": "windowing.length: -1"})

    assert (ActionKind.HOLD, "its spec cannot be read: windowing.length: -1") == (action.kind, action.reason)


@pytest.mark.parametrize("spec", [None, SPEC], ids=["not registered", "registered otherwise"])
def test_a_change_that_is_under_way_is_left_alone(spec: MonitorSpec | None) -> None:
    """For ten minutes after a change, an endpoint is neither removed nor replaced: onboarding registers it last."""
    ages = (600, 601)
    statuses = [replace(READY, fingerprint="other", changed_at=START - age * SECOND) for age in ages]
    kinds = [decision[0] for decision in (decide(spec, status) for status in statuses) if decision is not None]

    assert [ActionKind.HOLD, ActionKind.STOP if spec is None else ActionKind.REPLACE] == kinds


@pytest.mark.parametrize(
    ("restarts", "kind"),
    [
        ((5, 3), ActionKind.RESTART),
        ((5, 3, 0), ActionKind.QUARANTINE),
        ((9, 5, 3, 1), ActionKind.QUARANTINE),
        ((200, 190), ActionKind.RESTART),
    ],
)
def test_an_endpoint_that_fails_again_and_again_is_in_quarantine(restarts: tuple[int, ...], kind: ActionKind) -> None:
    """Endpoints wait between tries by the same rules as drivers, and the reason says since when and until when."""
    decision = decide(SPEC, DIED, restarts=restarts)

    assert decision is not None
    assert kind is decision[0]


@dataclass(frozen=True)
class World:
    """Everything that a plan of endpoints depends on."""

    specs: list[MonitorSpec]
    statuses: list[EndpointStatus]
    history: list[PastAction]


NAMES = ("blue", "green", "red")
ages = st.integers(0, 7_200).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world of up to three endpoints, each desired and seen in any way, or not."""
    statuses = [
        EndpointStatus(
            name=f"{name}-v1",
            fingerprint=draw(st.sampled_from([endpoint_fingerprint(sample_spec(name)), "another model"])),
            state=draw(st.sampled_from([state for state in EndpointState if state is not EndpointState.ABSENT])),
            detail=draw(st.sampled_from(["", "its server ended; its log:\nboom"])),
            changed_at=draw(st.none() | ages.map(lambda age: START - age)),
            unready_since=draw(st.none() | ages.map(lambda age: START - age)),
        )
        for name in sorted(draw(st.sets(st.sampled_from(NAMES))))
    ]
    past = st.builds(
        PastAction,
        kind=st.sampled_from(ActionKind),
        target=st.sampled_from(NAMES).map(lambda name: Target.endpoint(f"{name}-v1")),
        reason=st.just(""),
        generation=st.just(0),
        at=ages.map(lambda age: START - age),
    )
    specs = [sample_spec(name) for name in sorted(draw(st.sets(st.sampled_from(NAMES))))]
    return World(specs, statuses, draw(st.lists(past, max_size=8)))


def backend_of(world: World) -> MemoryServingBackend:
    """Return a backend that shows the world's endpoints."""
    backend = MemoryServingBackend(clock=ManualClock(START))
    backend.seen = {status.name: status for status in world.statuses}
    return backend


def do(actions: list[Action], backend: MemoryServingBackend) -> None:
    """Carry out actions about endpoints."""
    for action in actions:
        carry_out(action, MemoryJobBackend(), backend, observed_at=START)


@given(worlds())
def test_planning_again_after_applying_moves_nothing(world: World) -> None:
    """Once the actions are carried out, the next plan moves nothing, and the reasons for not moving still stand."""
    backend = backend_of(world)
    first = plan_endpoints(world.specs, world.statuses, START, world.history)
    do(first, backend)
    second = plan_endpoints(world.specs, backend.seen.values(), START, world.history)

    assert [] == [action for action in second if action.kind in MOVES]
    standing = [action for action in first if action.kind in {ActionKind.HOLD, ActionKind.QUARANTINE}]
    assert standing == [action for action in second if action.kind in {ActionKind.HOLD, ActionKind.QUARANTINE}]


@given(worlds(), st.randoms(use_true_random=False))
def test_order_of_observations_does_not_matter(world: World, random: st.randoms) -> None:  # type: ignore[valid-type]  # hypothesis hands a Random
    """Any permutation of specs, statuses and history gives the same plan."""
    first = plan_endpoints(world.specs, world.statuses, START, world.history)
    for observations in (world.specs, world.statuses, world.history):
        random.shuffle(observations)  # type: ignore[attr-defined]  # see above

    assert first == plan_endpoints(world.specs, world.statuses, START, world.history)


@given(worlds())
def test_two_overlapping_runs_do_no_harm(world: World) -> None:
    """Two runs that carry out the same plan leave the same endpoints as one does."""
    actions = plan_endpoints(world.specs, world.statuses, START, world.history)
    once, twice = backend_of(world), backend_of(world)
    do(actions, once)
    do(actions, twice)
    do(actions, twice)

    assert once.seen == twice.seen


@given(worlds())
def test_one_action_per_endpoint_and_none_for_strangers(world: World) -> None:
    """Each desired endpoint gets exactly one action; others get Stop, or Hold while they settle."""
    actions = plan_endpoints(world.specs, world.statuses, START, world.history)
    desired = {spec.endpoint for spec in world.specs}
    strangers = {action.kind for action in actions if action.target.name not in desired}

    assert sorted({action.target for action in actions}) == [action.target for action in actions]
    assert set() == desired - {action.target.name for action in actions}
    assert set() == strangers - {ActionKind.STOP, ActionKind.HOLD}


class Hanging(MemoryServingBackend):
    """Endpoints whose names begin with `hung` never answer; one raises."""

    def __init__(self) -> None:
        """Hang until the test lets go."""
        super().__init__()
        self.let_go = threading.Event()

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint."""
        if endpoint.startswith("hung"):
            self.let_go.wait(30)
        if endpoint == "torn":
            raise ValueError("its file is damaged")
        return super().observe(endpoint)


def test_endpoints_that_hang_hold_up_nobody() -> None:
    """Looking ends in its time; what hung or raised is unknown, with the reason, and the others are seen."""
    serving = Hanging()
    serving.apply(SPEC)
    began = time.monotonic()
    statuses = look_at_endpoints(
        serving, ["hung-1", "hung-2", "delays-v1", "torn"], at_once=4, within=timedelta(seconds=0.3)
    )
    took_s = time.monotonic() - began
    serving.let_go.set()

    assert took_s < 5
    assert [
        ("delays-v1", EndpointState.READY, ""),
        ("hung-1", EndpointState.UNKNOWN, "no answer within 0.3 s for all endpoints"),
        ("hung-2", EndpointState.UNKNOWN, "no answer within 0.3 s for all endpoints"),
        ("torn", EndpointState.UNKNOWN, "ValueError: its file is damaged"),
    ] == [(status.name, status.state, status.detail) for status in statuses]


def test_how_long_to_wait_does_not_replace_an_endpoint() -> None:
    """Specs that differ only in how long to wait name the same endpoint; another folder or namespace is another one."""
    slow = SPEC.model_copy(update={"model": SPEC.model.model_copy(update={"ready_within": 5 * SECOND})})
    elsewhere = SPEC.model_copy(update={"model": SPEC.model.model_copy(update={"uri": "file:///elsewhere"})})
    others = {endpoint_fingerprint(spec) for spec in (elsewhere, sample_spec(namespace="another"))}

    assert endpoint_fingerprint(SPEC) == endpoint_fingerprint(slow)
    assert 2 == len(others - {endpoint_fingerprint(SPEC)})
