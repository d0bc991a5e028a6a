"""How often is a change seen? All rules on the same rows, clean and changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from benchmarks.accuracy import ours, rules, streams
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.streams import Rows
from numpy.typing import NDArray

from pegel.judge.budget import sidak

LEVEL, MARGIN = sidak(0.01, len(streams.FEATURES)), 0.02
"""One percent per window over ten features."""
OURS, EQUAL, PLAIN = "Pegel", "Pegel, equal shares", "Pegel, equal shares, plain ranks"
CLEAN = "no change"
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
PEERS = (*rules.peers(200), rules.MLRUN)


@dataclass(frozen=True)
class Plan:
    """How much is drawn: `windows` per baseline, size and change.

    The others judge only the first `few` of the windows of the first `peers` baselines: some are slow.
    """

    seed: int
    rows: int
    windows: dict[int, int]
    peers: int
    few: int
    forms: tuple[str, ...] = (OURS, EQUAL, PLAIN)
    """Which forms of our rule judge."""


@dataclass
class Tally:
    """Flags of windows by rule, change and size.

    `changed`: whether the changed feature was flagged, of clean windows whether any was; `others`: of clean windows,
    whether any other feature than the changed one was.
    """

    changed: dict[tuple[str, str, int], list[Flags]] = field(default_factory=dict)
    others: dict[tuple[str, str, int], list[Flags]] = field(default_factory=dict)

    def add(self, key: tuple[str, int], flags: dict[str, Flags], after: dict[str, Flags]) -> None:
        """Count the windows of one baseline and size: clean ones by feature, changed ones by change."""
        rule, n = key
        self.changed.setdefault((rule, CLEAN, n), []).append(np.any(list(flags.values()), axis=0))
        for change, (name, _) in streams.CHANGES.items():
            self.changed.setdefault((rule, change, n), []).append(after[change])
            rest = np.any([flag for other, flag in flags.items() if other != name], axis=0)
            self.others.setdefault((rule, change, n), []).append(rest)

    def merge(self, parts: Iterable[Tally]) -> Tally:
        """Add the baselines of others."""
        for part in parts:
            for mine, its in ((self.changed, part.changed), (self.others, part.others)):
                for key, flags in its.items():
                    mine.setdefault(key, []).extend(flags)
        return self

    def shares(self, rule: str, row: str, n: int) -> list[float]:
        """Return the share of flagged windows of each baseline."""
        return [float(flags.mean()) for flags in self.changed[rule, row, n]]

    def share(self, rule: str, row: str, n: int) -> float:
        """Return the share of flagged windows."""
        return float(np.mean(self.changed[rule, row, n]))


def windows_of(plan: Plan, number: int, n: int) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """Return clean windows by feature and changed ones by change, each of shape (windows, n)."""
    rng = np.random.default_rng([plan.seed, number, n])
    shape = (plan.windows[n], n)
    clean = {name: law.draw(rng, shape[0] * n).reshape(shape) for name, law in streams.FEATURES.items()}
    return clean, {name: law.draw(rng, shape[0] * n).reshape(shape) for name, (_, law) in streams.CHANGES.items()}


def training_of(plan: Plan, number: int) -> dict[str, Rows]:
    """Return the rows of one baseline."""
    return streams.draw(np.random.default_rng([plan.seed, number]), plan.rows)


def one_baseline(task: tuple[Plan, int]) -> Tally:
    """Judge the windows of one baseline by every rule."""
    plan, number = task
    training, tally = training_of(plan, number), Tally()
    watched = {name: Watched.of(streams.field(name), training[name]) for name in streams.FEATURES}
    for n in plan.windows:
        clean, changed = windows_of(plan, number, n)
        before = {name: ours.count(watched[name].layout, rows) for name, rows in clean.items()}
        after = {
            change: ours.count(watched[streams.CHANGES[change][0]].layout, rows) for change, rows in changed.items()
        }
        for rule in plan.forms:
            flag = {OURS: _ours, EQUAL: _equal, PLAIN: _plain}[rule]
            moved = {change: flag(watched[streams.CHANGES[change][0]], counts) for change, counts in after.items()}
            tally.add((rule, n), {name: flag(watched[name], counts) for name, counts in before.items()}, moved)
        if number < plan.peers:
            first = [{key: rows[: plan.few] for key, rows in made.items()} for made in (clean, changed)]
            _peers(tally, training, *first)
    return tally


def _ours(watched: Watched, windows: Counts) -> Flags:
    judged = ours.judge(watched, windows)
    assert ours.agrees(watched, windows[:1], judged, LEVEL, MARGIN)
    return judged.flags(LEVEL, MARGIN)


def _equal(watched: Watched, windows: Counts) -> Flags:
    return ours.judge(watched, windows).with_equal_shares().flags(LEVEL, MARGIN)


def _plain(watched: Watched, windows: Counts) -> Flags:
    return ours.judge(watched, windows, plain=True).with_equal_shares().flags(LEVEL, MARGIN)


def _peers(tally: Tally, training: dict[str, Rows], clean: dict[str, Rows], changed: dict[str, Rows]) -> None:
    n = next(iter(clean.values())).shape[1]
    for rule, prepare in rules.peers(n).items():
        made = {name: prepare(streams.field(name), rows) for name, rows in training.items()}
        flags = {name: np.array([made[name](row) for row in rows]) for name, rows in clean.items()}
        after = {
            change: np.array([made[streams.CHANGES[change][0]](row) for row in rows])
            for change, rows in changed.items()
        }
        tally.add((rule, n), flags, after)
    tally.add((rules.MLRUN, n), *_whole_model(training, clean, changed))


def _whole_model(
    training: dict[str, Rows], clean: dict[str, Rows], changed: dict[str, Rows]
) -> tuple[dict[str, Flags], dict[str, Flags]]:
    """Judge all numeric features of a window together, as MLRun does."""
    numeric = [name for name in clean if name not in streams.CATEGORICAL]
    made = {name: rules.mlrun(training[name]) for name in numeric}
    usual = {name: np.array([made[name](row) for row in clean[name]]) for name in numeric}
    whole = np.mean(list(usual.values()), axis=0)
    after = {}
    for change, rows in changed.items():
        name = streams.CHANGES[change][0]
        moved = np.array([made[name](row) for row in rows]) - usual[name] if name in made else 0.0
        after[change] = whole + moved / len(numeric) >= rules.SUSPECTED
    return {"model": whole >= rules.SUSPECTED}, after
