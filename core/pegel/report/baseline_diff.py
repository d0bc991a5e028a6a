"""From the database to two baselines of one model side by side: which fields moved most, and what is judged by each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pegel.baseline.baseline import Baseline
from pegel.errors import NotFound
from pegel.judge.outlook import Outlook
from pegel.judge.refresh.baseline_changes import BaselineChanges, FieldChange, KindOfChange, compare_baselines
from pegel.report.baseline_numbers import categories_moved, field_lines, shares_of
from pegel.report.compared_numbers import ComparisonLine
from pegel.report.reading import Sources
from pegel.report.refresh_words import short
from pegel.report.words import size
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import quoted, shown
from pegel.stats.summary import FeatureSummary
from pegel.store.baseline_store import BaselineStore
from pegel.store.refresh_store import RefreshStore
from pegel.store.registry import Registry

PICTURED = 24
"""Fields whose numbers are told, those that moved most; the others are named."""
OTHER_CELLS = (
    "The rows of one were not kept counted in the cells of the other, so no test says what moved: beside each field "
    "stands how much the means, or the shares of categories, of both tell."
)
_LEVELS = {
    KindOfChange.LOST: "drift",
    KindOfChange.OTHER: "drift",
    KindOfChange.MOVED: "drift",
    KindOfChange.BELOW_MARGIN: "below_margin",
    KindOfChange.SAME: "ok",
}
_WORDS = {
    KindOfChange.LOST: "gone",
    KindOfChange.OTHER: "of another kind",
    KindOfChange.MOVED: "moved",
    KindOfChange.BELOW_MARGIN: "below margin",
    KindOfChange.NOT_COMPARED: "not tested",
    KindOfChange.NEW: "new",
    KindOfChange.SAME: "as before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiff:
    """One field of both. `tag`: a verdict's name, for its colour; `tag_words` says the same."""

    name: str
    tag: str
    tag_words: str
    what: str
    """What moved and by how much, in words."""
    categories: list[str]
    """Which categories are new and which are gone."""
    lines: list[ComparisonLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineDiff:
    """Both, ready for a template. `fields`: those that moved most first; `others`: names of the rest."""

    model: str
    version: int
    before: str
    after: str
    facts: list[ComparisonLine]
    """Rows, source, the cut-off of outliers, and what is judged by each."""
    note: str
    """How the fields were compared; empty where each was tested."""
    fields: list[FieldDiff]
    others: list[str]


def baseline_diff(sources: Sources, model: str, version: int, before: str, after: str) -> BaselineDiff:
    """Compare two kept baselines of a model version.

    Raises NotFound where one of them is not kept or is another model's, or the model is not registered; LayoutMismatch
    where one cannot be read.
    """
    spec = Registry(sources.engine).get(model, version)
    if spec is None:
        raise NotFound(f"no monitor for {quoted(f'{model}/{version}')} is registered.")
    store = BaselineStore(sources.engine)
    old, new = (_own(store.get(each), model, version) for each in (before, after))
    changes = _changes(sources, spec, old, new)
    ordered = sorted(changes.fields, key=lambda one: _rank(one, old, new))
    return BaselineDiff(
        model=model,
        version=version,
        before=before,
        after=after,
        facts=[*_facts(old, new), *_judged(spec, old, new)],
        note=changes.why_not,
        fields=[_field(one, old.features.get(one.name), new.features.get(one.name)) for one in ordered[:PICTURED]],
        others=[one.name for one in ordered[PICTURED:]],
    )


def _own(baseline: Baseline, model: str, version: int) -> Baseline:
    if (baseline.model, baseline.version) != (model, version):
        raise NotFound(f"{model} version {version} has no baseline {short(baseline.id)}: nothing was compared.")
    return baseline


def _changes(sources: Sources, spec: MonitorSpec, old: Baseline, new: Baseline) -> BaselineChanges:
    """Return what a refresh said of the two, tests and all; else what can be told of both as they are kept."""
    known = RefreshStore(sources.engine).list(spec.model.name, spec.model.version, damaged=[])
    pair = (new.id, old.id)
    told = next((one.review.changes for one in known if (one.baseline_id, one.compared_with) == pair), None)
    if told is not None and not told.why_not:
        return told
    same = old.layout.layout_hash == new.layout.layout_hash
    recount = new if same else None
    return compare_baselines(old, new, recount, margin=spec.watch.margin, why_not="" if same else OTHER_CELLS)


def _rank(one: FieldChange, old: Baseline, new: Baseline) -> tuple[int, float, str]:
    """Return the place of a field: what is gone or of another kind, then what moved most, then the rest."""
    first = one.change in {KindOfChange.LOST, KindOfChange.OTHER, KindOfChange.NEW}
    tested = list(KindOfChange).index(one.change)
    much = one.effect if one.effect is not None else _about(old.features.get(one.name), new.features.get(one.name))[0]
    return (0 if first else 1 + tested, -abs(much), one.name)


def _field(one: FieldChange, before: FeatureSummary | None, after: FeatureSummary | None) -> FieldDiff:
    what = shown(one.what).replace("->", "→")
    if one.effect is not None:
        what = f"{what}, {size(one.effect, one.effect_unit, {'effect': one.numbers}, one.unit)}"
    elif one.change is KindOfChange.NOT_COMPARED and one.what == OTHER_CELLS:
        what = _about(before, after)[1]
    return FieldDiff(
        name=one.name,
        tag=_LEVELS.get(one.change, "insufficient"),
        tag_words=_WORDS[one.change],
        what=what,
        categories=categories_moved(before, after),
        lines=field_lines(before, after),
    )


def _about(before: FeatureSummary | None, after: FeatureSummary | None) -> tuple[float, str]:
    """Return about how much a field moved that no test compares, in the words of tests, and in these words."""
    if before is None or after is None or not (before.counted and after.counted):
        return 0.0, "no values on one side"
    old, new = shares_of(before), shares_of(after)
    if old or new:
        moved = sum(abs(new.get(name, 0.0) - old.get(name, 0.0)) for name in {*old, *new}) / 2
        return moved, f"about {size(moved, 'TV', {})}"
    spread = before.moments.sd
    if not spread:
        return 0.0, "it had one value alone before"
    shift = (after.moments.mean - before.moments.mean) / spread
    by_mean = {"effect": {"mean_shift": after.moments.mean - before.moments.mean}}
    direction = "up" if shift > 0 else "down"
    return shift, f"mean {direction} by {size(shift, 'sigma', by_mean, before.layout.field.unit)}"


def _facts(old: Baseline, new: Baseline) -> list[ComparisonLine]:
    rows = [f"{one.rows:,}" for one in (old, new)]
    sources = [shown(one.source) for one in (old, new)]
    return [
        ComparisonLine("made", *(_day(one.created_at) for one in (old, new))),
        ComparisonLine("rows", rows[0], rows[1]),
        ComparisonLine("from", sources[0], sources[1]),
        ComparisonLine("an outlier scores more than", *(_cutoff(one) for one in (old, new))),
    ]


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _cutoff(baseline: Baseline) -> str:
    cutoff = baseline.outlier_cutoff
    return "none is looked for" if cutoff is None else f"{cutoff.score:.3g} ({cutoff.method})"


def _judged(spec: MonitorSpec, old: Baseline, new: Baseline) -> list[ComparisonLine]:
    """Return what windows are judged on by each, line by line as onboarding says it."""
    sides: list[dict[str, str]] = [_brief(spec, one) for one in (old, new)]
    return [ComparisonLine(about, *(side.get(about, "") for side in sides)) for about in dict.fromkeys(_names(sides))]


def _names(sides: Sequence[dict[str, str]]) -> list[str]:
    return [about for side in sides for about in side]


def _brief(spec: MonitorSpec, baseline: Baseline) -> dict[str, str]:
    told: dict[str, str] = {}
    about = ""
    for line in Outlook.of(spec, baseline).brief():
        about = line.about or about
        told[about] = f"{told[about]}; {line.words}" if about in told else line.words
    return {name: said for name, said in told.items() if name in {"judged", "seen", "not judged", "first"}}
