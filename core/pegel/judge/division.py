"""Which layers run, what each of them may spend, and both in words: all of it follows from the table of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pegel.judge.budget import CAP, Budget, divide
from pegel.judge.chart_state import rounded
from pegel.judge.layer import Layer, Setting
from pegel.judge.layer_table import LAYERS, Layers
from pegel.judge.layers.charts import Charts, charts_of, is_of_squares, smallest_season
from pegel.judge.one_baseline import OneBaseline, scale_for
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
        shares = {entry.layer.name: entry.share for entry, reason in reasons if reason is None}
        budget = divide(setting.spec.false_alarms, setting.spec.windowing, shares)
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

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know: what is not looked for and why, and what the layers that run say."""
        running = (note for layer in self.running for note in layer.notes(self.setting, self.budget))
        alone = None if self.tested is None else self.tested.words(self.setting.spec.false_alarms, self.budget.scale)
        return (*self.idle, *running, *([] if alone is None else [alone]))

    def describe(self) -> str:
        """Return the arithmetic for people."""
        first, *others = (layer.arithmetic(self.setting, self.budget.of(layer.name)) for layer in self.running)
        rest = _listed(others) if others else "only single windows are judged, with the whole budget"
        text = (
            f"With these settings expect {plain(self.budget.expected_per_day)} false alarms per day: "
            f"{plain(self.budget.windows_per_day, 6)} windows a day, {first}; {rest}."
        )
        if self.budget.scale < 1:
            held = 100 * self.setting.spec.false_alarms.hold_for
            text += f" That is fewer than asked for, so that {held:g} % of baselines keep to it."
        if self.budget.capped:
            text += f" A window is never judged at more than {CAP:g}, so fewer are expected than asked for."
        return text


def _tested(setting: Setting, budget: Budget) -> OneBaseline | None:
    """Return how many tests share one baseline; None where it or the size of windows is not known."""
    if setting.baseline is None or not setting.usual_rows or not setting.fields:
        return None
    charted = budget.of(Charts.name)
    n, m = rounded(setting.usual_rows), smallest_season(setting.baseline)
    kinds = [is_of_squares(test) for test, _ in charts_of(setting)] if charted else []
    return OneBaseline(n, m, budget.alpha - charted, len(setting.fields), charted, len(kinds), sum(kinds))


def _listed(parts: Sequence[str]) -> str:
    """Return at least one part of a sentence as a list: `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
