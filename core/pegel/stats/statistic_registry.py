"""Every statistic by name: those of this package, and those that installed packages add.

A package adds one by an entry point of the group `pegel.statistics`; see docs/extending.md. Nothing is imported before
it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from pegel.spec.extensions import Extensions
from pegel.stats.statistic import Statistic

GROUP = "pegel.statistics"
BUILT_IN: Mapping[str, str] = {
    "categories": "pegel.stats.categories:Categories",
    "comoments": "pegel.stats.comoments:Comoments",
    "counters": "pegel.stats.counters:Counters",
    "distinct": "pegel.stats.distinct:Distinct",
    "extremes": "pegel.stats.extremes:Extremes",
    "histogram": "pegel.stats.histogram:Histogram",
    "latencies": "pegel.stats.answer_latencies:Latencies",
    "moment_sums": "pegel.stats.moment_sums:MomentSums",
    "pair_tables": "pegel.stats.pair_tables:PairTables",
    "quantiles": "pegel.stats.quantiles:Quantiles",
}
STATISTICS = Extensions("statistic", GROUP, BUILT_IN)


def statistics() -> dict[str, type[Statistic]]:
    """Return every statistic by name, in the order of names. Raises SetupError when two have the same name."""
    return STATISTICS.all()


def statistic(name: str) -> type[Statistic]:
    """Return the statistic of that name, and import no other. Raises NotFound with the names that exist."""
    kind: type[Statistic] = STATISTICS.one(name)
    return kind
