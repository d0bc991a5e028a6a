"""What the figures have to show, beside what they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.profile.contending import Taken

OURS, FLOOR = "pegel", "numpy"


@dataclass(frozen=True)
class Goal:
    """One line of the verdict; `holds` is `yes`, `no`, or `-` where a figure is missing."""

    what: str
    wanted: str
    measured: str
    holds: str


def goals(found: Mapping[str, Mapping[str, Taken]], replayed: Taken) -> list[Goal]:
    """Compare ours with the floor and with the best of the peers, step by step."""
    ours = found[OURS]
    floor = found[FLOOR]["baseline"].wall_s
    return [
        _at_most("profile against the one-thread floor", ours["baseline"].wall_s / floor, 1.5, "x"),
        _faster("profile against the fastest peer", found, "baseline", 4),
        _faster("check of 200,000 rows against the fastest peer", found, "large", 2),
        _at_most("check of 2,000 rows, imports included", ours["small"].wall_s, 1.0, " s"),
        *(_leaner(found, step) for step in ours),
        _at_most("baseline of 50,000 rows with replay, per feature", float(replayed.said or "nan"), 1.0, " s"),
    ]


def _at_most(what: str, measured: float, limit: float, unit: str) -> Goal:
    return Goal(what, f"≤ {limit:g}{unit}", f"{measured:.2f}{unit}", "yes" if measured <= limit else "no")


def _peers(found: Mapping[str, Mapping[str, Taken]], step: str) -> dict[str, Taken]:
    pairs = ((name, steps.get(step)) for name, steps in found.items() if name not in (OURS, FLOOR))
    return {name: one for name, one in pairs if one is not None and not one.failed}


def _faster(what: str, found: Mapping[str, Mapping[str, Taken]], step: str, factor: float) -> Goal:
    if not (peers := _peers(found, step)):
        return Goal(what, f"≥ {factor:g}x", "no peer ran", "-")
    name = min(peers, key=lambda peer: peers[peer].wall_s)
    ratio = peers[name].wall_s / found[OURS][step].wall_s
    return Goal(f"{what} ({name})", f"≥ {factor:g}x", f"{ratio:.1f}x", "yes" if ratio >= factor else "no")


def _leaner(found: Mapping[str, Mapping[str, Taken]], step: str) -> Goal:
    what = f"peak memory against the leanest peer, {step}"
    if not (peers := _peers(found, step)):
        return Goal(what, "below", "no peer ran", "-")
    name = min(peers, key=lambda peer: peers[peer].peak_mib)
    ours, theirs = found[OURS][step].peak_mib, peers[name].peak_mib
    return Goal(f"{what} ({name})", "below", f"{ours:,.0f} of {theirs:,.0f} MiB", "yes" if ours < theirs else "no")
