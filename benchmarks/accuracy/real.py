"""Evidently and NannyML themselves, in environments of their own, on the rows that our copies of their rules judged."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.accuracy import power, rules, streams
from benchmarks.accuracy.power import Plan
from benchmarks.profile.peers import install

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
FEW = 8
"""Windows of each kind that the tools judge: they are slow."""
NAMES = {
    "evidently": ("Evidently, reference of 1,000", "Evidently, reference of 50,000"),
    "nannyml": ("NannyML",),
}


@dataclass(frozen=True)
class Agreement:
    """How often a tool and our copy of its rule said the same about one feature of one window."""

    rule: str
    n: int
    version: str
    decisions: int
    same: int
    clean: float
    """Share of clean windows in which the tool flagged any feature."""


def compare(task: tuple[Plan, int, int, str]) -> list[Agreement]:
    """Let a tool judge the first windows of one baseline. The task: plan, number of the baseline, window rows, tool."""
    plan, number, n, name = task
    training = power.training_of(plan, number)
    clean, changed = ({key: rows[:FEW] for key, rows in made.items()} for made in power.windows_of(plan, number, n))
    places = {key: (key, rows) for key, rows in clean.items()}
    places |= {change: (streams.CHANGES[change][0], rows) for change, rows in changed.items()}
    columns = {
        key: f"{'c' if feature in streams.CATEGORICAL else 'x'}{i}"
        for i, (key, (feature, _)) in enumerate(places.items())
    }
    with tempfile.TemporaryDirectory() as folder:
        given = {f"reference/{columns[key]}": training[feature] for key, (feature, _) in places.items()}
        given |= {f"windows/{columns[key]}": rows for key, (_, rows) in places.items()}
        np.savez(Path(folder) / "rows.npz", **given)  # type: ignore[arg-type]
        script = Path(__file__).parent / "contenders" / f"with_{name}.py"
        python = install(name)
        subprocess.run([python, "-W", "ignore", script, folder], check=True, env=os.environ | ONE_THREAD | QUIET)
        asked = f"from importlib.metadata import version; print(version('{name}'))"
        version = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
        found = json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8"))
    sides = found.values() if name == "evidently" else [found]
    agreements = []
    for rule, flags in zip(NAMES[name], sides, strict=True):
        same, decisions = 0, 0
        for key, (feature, rows) in places.items():
            copy = rules.peers(n)[rule](streams.field(feature), training[feature])
            said = [copy(row) for row in rows]
            same += sum(a == b for a, b in zip(said, flags[columns[key]], strict=True))
            decisions += len(said)
        clean_flags = np.any([flags[columns[feature]] for feature in streams.FEATURES], axis=0)
        agreements.append(Agreement(rule, n, version, decisions, same, float(clean_flags.mean())))
    return agreements
