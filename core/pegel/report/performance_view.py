"""How a model does, ready to be shown: figures of the newest span beside coverage and delay, and its estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pegel.data.spans import Span
from pegel.detect.effect import percent, percent_of
from pegel.judge.findings import Verdict
from pegel.judge.performance.estimates import WIDTH, score_estimates
from pegel.judge.performance.headline import headline_figure
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.report.svg import reliability_picture, sparkline
from pegel.report.words import length, p_value
from pegel.spec.plain_numbers import how_many, plain
from pegel.stats.class_counts import ClassCounts
from pegel.stats.figures import CALIBRATION, ERROR_RATE, SHARES, reliability

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """One figure in words: its value, its interval, and what its test says."""

    name: str
    value: str
    interval: str
    verdict: str
    """One of the words of verdicts; empty where the figure has no test."""
    p_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceView:
    """The newest span with labels: the newest day, else the newest hour."""

    span: Span
    settled: str
    coverage: str
    """How many of the answered rows have a label, and how long labels took: beside every figure."""
    verdict: Verdict
    why: str
    """Why it was not judged; empty where it was."""
    figures: list[FigureView]
    reliability: str
    """SVG: how often the class 1 came, by score; empty without scores."""
    segments: list[tuple[str, FigureView, str]]
    """Of the same span, each segment with its headline figure and how many of its rows have a label, most first."""
    history: str
    """SVG: error rate, or mean absolute error, of the spans shown."""
    estimate: str
    """What is estimated of answers without labels, marked as such; empty without."""
    scored: str
    """How good estimates have been; empty where none was compared yet."""
    begun_anew: list[str]
    """Charts over labelled events that began anew because their state could not be read, in words."""


def performance_view(
    spans: Sequence[PerformanceRow], segment: str = "", begun_anew: Sequence[str] = ()
) -> PerformanceView | None:
    """Return the view of the whole, or of one segment, given all spans, oldest first; None without any.

    `begun_anew`: charts over labelled events of which that is so, in words.
    """
    rows = [row for row in spans if row.segment == segment]
    if not rows:
        return None
    days = [row for row in rows if row.span.end - row.span.start >= DAY]
    shown = days or list(rows)
    labelled = [row for row in shown if row.counts.labelled]
    row = (labelled or shown)[-1]
    newest = shown[-1]
    compared = row.counts.compared
    scores = compared.scores if isinstance(compared, ClassCounts) and compared.scored else None
    return PerformanceView(
        span=row.span,
        settled="settled" if row.settled else "labels may still come",
        coverage=coverage_words(row),
        verdict=row.verdict,
        why=str(row.judgement.get("why", "")),
        figures=_figures(row.judgement),
        reliability=""
        if scores is None
        else reliability_picture(reliability(scores), title="How often the class 1 came, by score"),
        segments=[] if segment else _segments(spans, row.span),
        history=_history(labelled),
        estimate=_estimate(newest),
        scored=_scored([each for each in rows if each.span.end - each.span.start < DAY]),
        begun_anew=[] if segment else list(begun_anew),
    )


def coverage_words(row: PerformanceRow) -> str:
    """Return how many answered rows have a label, how long labels took, and what else is known of them."""
    counts = row.counts
    words = f"{counts.labelled:,} of {how_many(counts.answered, 'answered row')} labelled"
    words += f" ({percent_of(counts.labelled, counts.answered)})"
    half, most = counts.delays.quantile(0.5), counts.delays.quantile(0.99)
    if half is not None and most is not None:
        words += f", half within {_seconds(half)}, 99 % within {_seconds(most)}"
    if counts.unreadable:
        words += f", {how_many(counts.unreadable, 'label')} could not be read"
    return words


def _labelled(row: PerformanceRow) -> str:
    counts = row.counts
    return f"{counts.labelled:,} of {counts.answered:,} ({percent_of(counts.labelled, counts.answered)})"


def _segments(spans: Sequence[PerformanceRow], span: Span) -> list[tuple[str, FigureView, str]]:
    parts = sorted(
        (row for row in spans if row.segment and row.span == span), key=lambda row: (-row.counts.labelled, row.segment)
    )
    headlines = [(row, headline_figure(row.judgement)) for row in parts]
    return [(row.segment, _figure(one, None), _labelled(row)) for row, one in headlines if one is not None]


def _seconds(seconds: int) -> str:
    return length(timedelta(seconds=seconds))


def _figures(judgement: dict[str, Any]) -> list[FigureView]:
    verdicts = {one["test"]: one for one in judgement.get("verdicts", [])}
    return [_figure(one, verdicts.get(one["name"])) for one in judgement.get("figures", [])]


def _figure(figure: dict[str, Any], verdict: dict[str, Any] | None) -> FigureView:
    name, value, low, high = (figure[key] for key in ("name", "value", "low", "high"))
    return FigureView(
        name=name,
        value=_number(name, value),
        interval="" if low is None or high is None else f"{_number(name, low)} to {_number(name, high)}",
        verdict="" if verdict is None else str(verdict["verdict"]),
        p_value="" if verdict is None else p_value(verdict["p_value"]),
    )


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    is_share = any(name.startswith(each) for each in SHARES - {CALIBRATION})
    return percent(value) if is_share else plain(value, 4)


def _history(rows: Sequence[PerformanceRow]) -> str:
    values = []
    for row in rows:
        one = headline_figure(row.judgement)
        if one is not None and one["value"] is not None:
            values.append(float(one["value"]))
    return sparkline(values, title=f"{how_many(len(values), 'span')}, oldest left") if len(values) > 1 else ""


def _estimate(row: PerformanceRow) -> str:
    one = row.estimate
    if one is None:
        return ""
    value, half = (_number(one["figure"], number) for number in (one["value"], WIDTH * one["sd"]))
    return f"{one['figure']} {value}, give or take {half}, of {how_many(one['n'], 'answer')}. {one['caveat']}"


def _scored(rows: Sequence[PerformanceRow]) -> str:
    score = score_estimates(rows)
    if score is None:
        return ""
    mean = f"{100 * score.mean_error:+.2g} points" if score.figure == ERROR_RATE else f"{score.mean_error:+.3g}"
    return (
        f"In {how_many(score.spans, 'settled hour')} the estimate was {mean} off on average, and "
        f"{score.held} of its intervals of 95 % held what labels said."
    )
