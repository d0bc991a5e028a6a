"""A single event that is extremely far out, as a finding: one by itself, judged when it is counted, in no window.

It has a budget of its own: `alerts.outlier_pages_per_week` says below which part of unchanged rows it is extreme, and
how many mails there are at most; see `pegel.alerts.single_events`.
"""

from __future__ import annotations

from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import refusal
from pegel.baseline.outliers.score_tail import LEAST_ROWS
from pegel.errors import NotFound
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding
from pegel.judge.layer import Setting
from pegel.spec.plain_numbers import plain

DETECTOR = "single event"
FEATURE = "single event"
"""Stands where a feature's name stands."""
SEGMENT = "single event"
"""The part of the rows that is judged: one. So no window has the same key."""
TEST = "outlier score"
UNIT = "above the cut-off"
_FORMULA = (
    "share exp(-(score - start) / mean excess) of the largest training scores; up to the largest of all not below "
    "1 / (training rows + 1)"
)


def rarity(p_value: float) -> str:
    """Return how rare a score is, in words.

    >>> rarity(4e-9), rarity(0.0)
    ('1 in 2.5e+08', 'none at all')
    """
    return f"1 in {1 / p_value:.2g}" if p_value > 0 else "none at all"


def why_never_mailed(setting: Setting) -> str:
    """Return in words why no event can be extreme although a spec asks for mails about such; empty where one can.

    Before there is a baseline, by the number of training rows; where that is not known either, empty.
    """
    spec = setting.spec
    if spec.alerts.outliers != "page":
        return ""
    rarest = _rarest(setting)
    if rarest is None or rarest < spec.extreme_level:
        return ""
    said = "alerts.outliers is page, but no single event will ever be mailed"
    if rarest == 1.0:
        return f"{said}: no event is called an outlier"
    least = rarest * 7 * spec.watch.rows_per_day
    asked = plain(spec.alerts.outlier_pages_per_week, 6)
    return (
        f"{said}: by these training rows none can be told to be rarer than {rarity(rarest)}, and "
        f"alerts.outlier_pages_per_week {asked} asks for {rarity(spec.extreme_level)}; it takes more training "
        f"rows, or more than {plain(least, 3)} a week"
    )


def _rarest(setting: Setting) -> float | None:
    """Return the p-value of the rarest event that can come; 1.0 where none is an outlier, None if nothing is known."""
    baseline, training, watch = setting.baseline, setting.training, setting.spec.watch
    if baseline is not None:
        cutoff = baseline.outlier_cutoff
        return 1.0 if cutoff is None else cutoff.p_value(baseline.outlier_tables.largest)
    if training is None:
        return None
    if refusal(training.rows, watch.rows_per_day, watch.outliers_per_day) is not None:
        return 1.0
    return 0.0 if training.rows >= LEAST_ROWS else 1 / (training.rows + 1)


def explain_single_event(finding: Finding, baseline: Baseline) -> Explanation:
    """Recompute how rare an event's score is from the baseline. Raises NotFound where that has no cut-off."""
    cutoff = baseline.outlier_cutoff
    if cutoff is None or cutoff.tail is None:
        raise NotFound(f"baseline {baseline.id} has no tail of outlier scores: nothing was recomputed.")
    score = float(finding.evidence["score"])
    numbers: dict[str, Any] = {
        "score": score,
        "start": cutoff.tail.start,
        "share": cutoff.tail.share,
        "mean excess": cutoff.tail.mean_excess,
        "largest of training": cutoff.tail.largest,
    }
    budget = "that of such mails alone, alerts.outlier_pages_per_week; no window's budget has a part in it"
    return Explanation(finding, _FORMULA, numbers, (TEST,), score, cutoff.p_value(score), budget)
