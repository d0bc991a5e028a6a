"""The reconciler has seen a monitor missing and started it."""

from __future__ import annotations

from pegel.spec.limits import START_WITHIN
from pegel.store.registry import Registry
from pegel.stream.result_rows import Heartbeat
from pegel_local.demo.failure import eventually
from pegel_local.demo.stage import Demo

WITHIN_S = START_WITHIN.total_seconds() + 120
"""A driver has so long to start, and the next reconciliation comes a minute after the model is ready."""


def show(demo: Demo) -> str:
    """Wait for the driver's heartbeat to name the model's spec and baseline as in effect."""

    def look() -> Heartbeat | None:
        beats = [beat for beat in demo.results.heartbeats() if watches(demo, beat)]
        return beats[0] if beats else None

    beat = eventually(
        look,
        within_s=WITHIN_S,
        expected=f"a running driver that watches {demo.spec.key}",
        happened=lambda: f"heartbeats: {demo.results.heartbeats() or 'none'}",
        log=demo.driver.log,
    )
    state = demo.driver.state()
    up_s = (beat.at - state.started_at).total_seconds() if state is not None else 0.0
    demo.facts["driver"] = {"pid": beat.pid, "generation": beat.generation, "up_s": up_s}
    return f"driver of group {beat.group} watches {demo.spec.key}, {up_s:.0f} s after its start"


def watches(demo: Demo, beat: Heartbeat) -> bool:
    """Say whether a driver runs with what is registered, and the baseline, in effect."""
    key, model = demo.spec.key, demo.spec.model
    registered = Registry(demo.engine).get(model.name, model.version)
    in_effect = registered is not None and beat.specs.get(key) == registered.fingerprint()
    return in_effect and beat.baselines.get(key) == demo.facts["baseline_id"] and beat.state == "running"
