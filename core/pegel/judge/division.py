"""Which layers run, what each of them may spend, and both in words: all of it follows from the table of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pegel.judge.budget import CAP, Budget, divide
from pegel.judge.chart_state import rounded
from pegel.judge.layer import Layer, Setting
from pegel.judge.layer_table import LAYERS, LayerEntry, Layers
from pegel.judge.layers.charts import Charts, charts_of, is_of_squares, smallest_season
from pegel.judge.one_baseline import OneBaseline, scale_for
from pegel.judge.rhythm_parts import rhythm_parts, step_of
from pegel.judge.segment_budget import segment_notes, segments_arithmetic
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import plain


@dataclass(frozen=True, slots=True)
class Division:
    """The false-alarm budget, divided for one setting.

    `running`: in the order of the table. `idle`: why each of the others does not run, in sentences for people.
    """

    setting: Setting
    budget: Budget
    running: tuple[Layer, ...]
    idle: tuple[str, ...]
    tested: OneBaseline | None = None
    """What is tested with the one baseline, before levels were multiplied; None where sizes are not known."""

    @classmethod
    def of(cls, setting: Setting, layers: Layers = LAYERS) -> Self:
        """Ask each layer whether it runs, and divide the budget among those that do."""
        reasons = [(entry, entry.layer.missing(setting)) for entry in layers]
        shares = _shares([entry for entry, reason in reasons if reason is None])
        spec, rhythm = setting.spec, setting.rhythm
        part = setting.portion * rhythm_parts(spec).get(rhythm, 0.0)
        budget = divide(spec.false_alarms, step_of(spec, rhythm), shares, part=part).for_part(setting.part)
        tested, hold_for = _tested(setting, budget), setting.spec.false_alarms.hold_for
        if tested is not None and hold_for:
            budget = budget.scaled(scale_for(tested, hold_for))
        return cls(
            setting,
            budget,
            running=tuple(entry.layer for entry, reason in reasons if reason is None),
            idle=tuple(reason for _, reason in reasons if reason),
            tested=tested,
        )

    @property
    def expected_per_day(self) -> float:
        """Return how many false alarms per day to expect of all rhythms together, if nothing ever changes.

        Those of the others are as many as their parts of the budget; there, too, levels are multiplied where the
        promise has to hold for most baselines.
        """
        spec, own = self.setting.spec, self.setting.rhythm
        others = sum(
            divide(spec.false_alarms, step_of(spec, rhythm), {"": None}, part=part).expected_per_day
            for rhythm, part in rhythm_parts(spec).items()
            if rhythm is not own
        )
        own_part = self.setting.portion * self.setting.part
        return self.budget.expected_per_day / own_part + self.budget.scale * others

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know: what is not looked for and why, and what the layers that run say."""
        running = (note for layer in self.running for note in layer.notes(self.setting, self.budget))
        alarms, spans = self.setting.spec.false_alarms, f"{self.setting.rhythm.value}s"
        alone = None if self.tested is None else self.tested.words(alarms, self.budget.scale, spans)
        known = self.setting.baseline
        segments = [] if known is None or self.setting.segment else segment_notes(self.setting.spec, known)
        return (*self.idle, *running, *([] if alone is None else [alone]), *segments)

    def describe(self) -> str:
        """Return the arithmetic for people."""
        first, *others = (layer.arithmetic(self.setting, self.budget.of(layer.name)) for layer in self.running)
        segments = segments_arithmetic(self.setting.spec, self.setting.baseline, self.budget.alpha)
        budget = "what segments leave of the budget" if segments else "the whole budget"
        rest = _listed(others) if others else f"only single windows are judged, with {budget}"
        rest += f"; {segments}" if segments else ""
        text = (
            f"With these settings expect {plain(self.expected_per_day)} false alarms per day: "
            f"{plain(self.budget.windows_per_day, 6)} {self.setting.rhythm.value}s a day, {first}; {rest}."
            f"{_by_rhythm(self.setting.spec)}"
        )
        if self.budget.scale < 1:
            held = 100 * self.setting.spec.false_alarms.hold_for
            text += f" That is fewer than asked for, so that {held:g} % of baselines keep to it."
        if self.budget.capped:
            text += f" A window is never judged at more than {CAP:g}, so fewer are expected than asked for."
        return text


def _shares(running: Sequence[LayerEntry]) -> dict[str, float | None]:
    """Return the part of each layer that runs; one that stands out of another's part takes its own from there."""
    shares = {entry.layer.name: entry.share for entry in running}
    for entry in running:
        whole = shares.get(entry.out_of)
        if whole is not None and entry.share is not None:
            shares[entry.out_of] = whole - entry.share
    return shares


def _tested(setting: Setting, budget: Budget) -> OneBaseline | None:
    """Return how many tests share one baseline; None where it or the size of windows is not known."""
    if setting.baseline is None or not setting.usual_rows or not setting.fields:
        return None
    charted = budget.of(Charts.name)
    n, m = rounded(setting.usual_rows), smallest_season(setting.baseline)
    kinds = [is_of_squares(test) for test, _ in charts_of(setting)] if charted else []
    return OneBaseline(n, m, budget.alpha - charted, len(setting.fields), charted, len(kinds), sum(kinds))


def _by_rhythm(spec: MonitorSpec) -> str:
    """Return how the rhythms share the budget, and what one long span may spend; nothing of windows alone."""
    (windows, part), *long = rhythm_parts(spec).items()
    if not long:
        return ""
    levels = {
        rhythm: divide(spec.false_alarms, step_of(spec, rhythm), {"": None}, part=share).alpha for rhythm, share in long
    }
    each = (f"{rhythm.value}s {share:.3g} ({levels[rhythm]:.2g} each)" for rhythm, share in long)
    return f" Of these, {windows.value}s have {part:.3g}, {_listed([*each])} of the whole."


def _listed(parts: Sequence[str]) -> str:
    """Return at least one part of a sentence as a list: `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
