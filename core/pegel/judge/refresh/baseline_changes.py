"""Two baselines of one model, field by field: which of them moved, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Self

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.detect.detector import Evidence
from pegel.detect.drift import too_few
from pegel.detect.effect import Effect
from pegel.detect.effects import drift_effect, quality_effect
from pegel.detect.quality import quality_tests
from pegel.errors import LayoutMismatch
from pegel.judge.budget import sidak
from pegel.judge.comparison import Comparison, drift_family
from pegel.judge.decision import Criterion, FeatureVerdict, verdict_on
from pegel.judge.findings import Verdict

LEVEL = 0.01
"""Of equal training data, so many comparisons in all say that something moved."""


class KindOfChange(StrEnum):
    """What is known of one field of two baselines, the worst first."""

    LOST = "lost"
    """The new training data has no such column."""
    OTHER = "other"
    """It has one of another kind, or in another role."""
    MOVED = "moved"
    BELOW_MARGIN = "below_margin"
    """Certainly another, by less than `watch.margin`."""
    NOT_COMPARED = "not_compared"
    NEW = "new"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """What is known of one field. `what` says it in words; `effect` is its size in the unit `effect_unit`.

    `unit`: of the field. `numbers`: of the effect, as the detectors have them.
    """

    name: str
    change: KindOfChange
    what: str
    effect: float | None = None
    effect_unit: str = ""
    unit: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `asdict` wrote."""
        return cls(**{**data, "change": KindOfChange(data["change"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineChanges:
    """What is another in a new baseline. `fields`: in the order of the current one, new fields last.

    `rows_before`, `rows_now`: of training data. `why_not`: why no field could be compared by its values; empty where
    they were.
    """

    rows_before: int
    rows_now: int
    fields: tuple[FieldChange, ...]
    why_not: str = ""

    def of(self, *changes: KindOfChange) -> list[FieldChange]:
        """Return the fields of which one of these is known, the largest effect first."""
        chosen = [one for one in self.fields if one.change in changes]
        return sorted(chosen, key=lambda one: -abs(one.effect or 0.0))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return asdict(self) | {"fields": [asdict(one) | {"change": one.change.value} for one in self.fields]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**data, "fields": tuple(FieldChange.from_json(one) for one in data["fields"])})


def compare_baselines(
    current: Baseline, new: Baseline, recount: Baseline | None, *, margin: float, why_not: str = ""
) -> BaselineChanges:
    """Return which fields of a new baseline are not as in the current one.

    Args:
        current: The one that is to be replaced.
        new: The one that is to replace it.
        recount: The rows of `new` in the cells of `current`; None where these could not be counted.
        margin: The smallest change that matters, in standard deviations.
        why_not: Why there is no recount, in words.

    Raises:
        LayoutMismatch: If the recount has other cells than the current baseline.
    """
    if recount is not None and recount.layout.layout_hash != current.layout.layout_hash:
        raise LayoutMismatch(
            f"expected new rows counted in the cells {current.layout.layout_hash[:12]} of the current baseline, given "
            f"cells {recount.layout.layout_hash[:12]}: nothing was compared."
        )
    before = {one.name: one for one in current.layout.schema.fields}
    now = {one.name: one for one in new.layout.schema.fields}
    kept = [one for name, one in before.items() if name in now and _is_same(one, now[name])]
    compared = {} if recount is None else _compared(current, recount, kept, margin)
    fields = [_change(one, now.get(name), compared.get(name), why_not) for name, one in before.items()]
    fields += [_new(one) for name, one in now.items() if name not in before]
    return BaselineChanges(
        rows_before=current.rows, rows_now=new.rows, fields=tuple(fields), why_not=why_not if recount is None else ""
    )


def _is_same(before: Field, now: Field) -> bool:
    return (before.kind, before.role) == (now.kind, now.role)


def _new(found: Field) -> FieldChange:
    return FieldChange(name=found.name, change=KindOfChange.NEW, what="new: the current baseline has no such field")


def _change(before: Field, now: Field | None, compared: FieldChange | None, why_not: str) -> FieldChange:
    if now is None:
        return FieldChange(
            name=before.name, change=KindOfChange.LOST, what="lost: the new training data has no such column"
        )
    if not _is_same(before, now):
        what = f"{before.kind} {before.role} before, {now.kind} {now.role} now"
        return FieldChange(name=before.name, change=KindOfChange.OTHER, what=what)
    if compared is None:
        return FieldChange(name=before.name, change=KindOfChange.NOT_COMPARED, what=why_not or "not compared")
    return compared


def _compared(current: Baseline, recount: Baseline, kept: Sequence[Field], margin: float) -> dict[str, FieldChange]:
    pairs = []
    for one in kept:
        before, now = current.features[one.name], recount.features[one.name]
        pairs.append(Comparison(before, now, before, now, current.noise.dispersion.get(one.name)))
    tests = drift_family([pair for pair in pairs if too_few(pair.n, pair.m) is None])
    # Half of the level for what is distributed otherwise, half for what is counted: nulls, new values and the like.
    level = sidak(LEVEL / 2, len(pairs))
    drift, quality = Criterion("drift", level, 0.0, margin), Criterion("quality", level, 0.0, margin)
    changes = {}
    for pair in pairs:
        counts = quality_tests(pair.before, pair.now, pair.dispersion)
        found = [verdict_on(pair.name, counts, quality, quality_effect)]
        if own := tests.get(pair.name):
            found.append(verdict_on(pair.name, own, drift, partial(_effect, pair)))
        changes[pair.name] = _worst(pair, found)
    return changes


def _effect(pair: Comparison, test: Evidence) -> Effect:
    return drift_effect(test, pair.before, pair.now)


_CHANGES = {Verdict.DRIFT: KindOfChange.MOVED, Verdict.BELOW_MARGIN: KindOfChange.BELOW_MARGIN}


def _worst(pair: Comparison, found: Sequence[FeatureVerdict]) -> FieldChange:
    """Return what is to be told of a field: its worst change, and in words all that moved."""
    # Of two that are as bad, where the values lie says more than how many are missing.
    worst = max(found, key=lambda verdict: (verdict.weight[0], verdict.detector == "drift"))
    change = _CHANGES.get(worst.verdict, KindOfChange.SAME)
    unit = pair.before.layout.field.unit
    if change is KindOfChange.SAME:
        same = FieldChange(name=pair.name, change=KindOfChange.SAME, what="as before", unit=unit)
        few = too_few(pair.n, pair.m)
        return same if few is None else _few(pair, unit, few)
    moved = [verdict.what for verdict in found if verdict.verdict is worst.verdict and verdict is not worst]
    return FieldChange(
        name=pair.name,
        change=change,
        what="; ".join([worst.what, *moved]).removeprefix("below margin: "),
        effect=worst.effect,
        effect_unit=worst.effect_unit,
        unit=unit,
        numbers=dict(worst.evidence.get("effect", {})),
    )


def _few(pair: Comparison, unit: str | None, why: str) -> FieldChange:
    words = why.replace("in the window", "in the new training data").replace("in training", "in the current baseline")
    return FieldChange(name=pair.name, change=KindOfChange.NOT_COMPARED, what=words, unit=unit)
