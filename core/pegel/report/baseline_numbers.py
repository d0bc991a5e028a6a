"""Two baselines' numbers of one field side by side, each from its own cells, which may be others."""

from __future__ import annotations

from typing import Final

from pegel.detect.effect import percents
from pegel.report import words
from pegel.report.compared_numbers import ComparisonLine
from pegel.report.shapes import quantile
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary

QUANTILES: Final = ((0.05, "5 %"), (0.25, "25 %"), (0.5, "median"), (0.75, "75 %"), (0.95, "95 %"))
NAMED: Final = 4
"""Categories that are named of each kind."""
NONE: Final = "none"


def field_lines(before: FeatureSummary | None, after: FeatureSummary | None) -> list[ComparisonLine]:
    """Return quantiles and mean, or shares of categories, and what is missing; one side may have no such field."""
    sides = (before, after)
    lines = [_pair("values", [None if one is None else f"{one.counted:,}" for one in sides])]
    if any(one is not None and isinstance(one.layout, CategoricalLayout) for one in sides):
        lines += _categories(before, after)
    else:
        lines += [_pair(name, [_quantile(one, share) for one in sides]) for share, name in QUANTILES]
        lines.append(_pair("mean", [_mean(one) for one in sides]))
    absent = [None if one is None or not one.n else (one.n - one.counted) / one.n for one in sides]
    return [*lines, _shares("missing", absent[0], absent[1])]


def categories_moved(before: FeatureSummary | None, after: FeatureSummary | None) -> list[str]:
    """Return which categories are new and which are gone, in words; nothing of numbers, or where one side has none."""
    if before is None or after is None:
        return []
    old, new = before.layout, after.layout
    if not isinstance(old, CategoricalLayout) or not isinstance(new, CategoricalLayout):
        return []
    added = [one for one in new.categories if one not in set(old.categories)]
    gone = [one for one in old.categories if one not in set(new.categories)]
    return [f"{word}: {_named(names)}" for word, names in (("new", added), ("gone", gone)) if names]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(shown(one, NAME_LIMIT) for one in names[:NAMED])}{more}"


def _pair(label: str, sides: list[str | None]) -> ComparisonLine:
    return ComparisonLine(label, *(NONE if one is None else one for one in sides))


def _shares(label: str, before: float | None, after: float | None) -> ComparisonLine:
    if before is not None and after is not None:
        return ComparisonLine(label, *percents(before, after))
    return _pair(label, [None if one is None else percents(one, 0.0)[0] for one in (before, after)])


def _quantile(side: FeatureSummary | None, share: float) -> str | None:
    return None if side is None or not side.counted else words.number(quantile(side, share), side.layout.field.unit)


def _mean(side: FeatureSummary | None) -> str | None:
    if side is None or not side.moments.count:
        return None
    return words.number(side.moments.mean, side.layout.field.unit)


def shares_of(side: FeatureSummary | None) -> dict[str, float]:
    """Return the share of each category that has a cell of its own; of numbers, and of no values, none."""
    if side is None or not side.counted or not isinstance(side.layout, CategoricalLayout):
        return {}
    return {name: float(side.cells[at]) / side.counted for at, name in enumerate(side.layout.categories)}


def _categories(before: FeatureSummary | None, after: FeatureSummary | None) -> list[ComparisonLine]:
    old, new = shares_of(before), shares_of(after)
    names = sorted({*old, *new}, key=lambda name: (-abs(new.get(name, 0.0) - old.get(name, 0.0)), name))
    return [
        _shares(
            shown(name, NAME_LIMIT),
            None if before is None else old.get(name, 0.0),
            None if after is None else new.get(name, 0.0),
        )
        for name in names[:NAMED]
    ]
