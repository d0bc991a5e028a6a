"""Exact tails of the hypergeometric law, accurate to the last digits also for millions of rows.

The mass at one point is Loader's saddle-point form; a tail is that mass times a sum of products of exact ratios, so
nothing cancels. Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000).
"""

from __future__ import annotations

import math

import numpy as np

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_EXACT_BELOW = 16
_CERTAIN = 0.01
"""Larger tails are doubled: no level is as large, so it does not matter by how little they exceed it."""
_NEGLIGIBLE = 40.0
"""Terms this many standard deviations (and as many steps) beyond the first are below 1e-17 of the sum."""


def upper(seen: int, window: int, seen_in_baseline: int, baseline: int) -> float:
    """Return P(K >= seen): `seen` of `window` rows against `seen_in_baseline` of `baseline`, given their total.

    It is the upper tail of Fisher's exact test, and equals scipy's `hypergeom.sf(seen - 1, window + baseline,
    seen + seen_in_baseline, window)`.
    """
    marked, total = seen + seen_in_baseline, window + baseline
    least, most = max(0, marked - baseline), min(marked, window)
    if seen <= least:
        return 1.0
    if seen > most:
        return 0.0
    if (seen - 1) * total < marked * window:
        return max(0.0, 1.0 - _tail(marked - seen + 1, baseline, marked, total, most=marked - least))
    return _tail(seen, window, marked, total, most=most)


def lower(seen: int, window: int, seen_in_baseline: int, baseline: int) -> float:
    """Return P(K <= seen), the other tail of `upper`: at most so many in the window is at least the rest outside it."""
    return upper(seen_in_baseline, baseline, seen, window)


def two_sided(seen: int, window: int, seen_in_baseline: int, baseline: int) -> float:
    """Return the smaller tail, plus as much of the other as is no more likely than it; at most 1.

    Twice the smaller tail would waste half of the level on what is rare: there, nothing on the other side is as rare.
    Source: H. Blaker, "Confidence curves and improved exact confidence intervals for discrete distributions", Canadian
    Journal of Statistics 28 (2000).

    >>> round(two_sided(8, 200, 100, 10_000), 6) == round(upper(8, 200, 100, 10_000), 6)
    True
    """
    counts = (seen, window, seen_in_baseline, baseline)
    above, below = upper(*counts), lower(*counts)
    tail = min(above, below)
    if tail > _CERTAIN:
        return min(1.0, 2 * tail)
    return tail + _other_tail(counts, tail, upwards=below < above)


def _other_tail(counts: tuple[int, int, int, int], tail: float, *, upwards: bool) -> float:
    """Return the largest probability of the other side's tails that is at most `tail`; 0 where none is."""
    seen, window, seen_in_baseline, baseline = counts
    marked = seen + seen_in_baseline
    least, most = max(0, marked - baseline), min(marked, window)

    def beyond(steps: int) -> float:
        """Return the tail that begins so many steps inside the far end."""
        k = most - steps if upwards else least + steps
        return (upper if upwards else lower)(k, window, marked - k, baseline)

    if beyond(0) > tail:
        return 0.0
    inside, outside = 0, abs((least if not upwards else most) - seen)
    while outside - inside > 1:
        middle = (inside + outside) // 2
        inside, outside = (middle, outside) if beyond(middle) <= tail else (inside, middle)
    return beyond(inside)


def _tail(k: int, drawn: int, marked: int, total: int, *, most: int) -> float:
    """Sum the masses at k, k + 1, ... up to `most`, for k at or above the mode."""
    share = marked / total
    spread = math.sqrt(drawn * share * (1 - share) * (total - drawn) / max(total - 1, 1))
    last = min(most, k + int(_NEGLIGIBLE * (spread + 1)) + 1)
    j = np.arange(k, last, dtype=np.float64)
    ratios = (marked - j) * (drawn - j) / ((j + 1) * (total - marked - drawn + j + 1))
    return _mass(k, drawn, marked, total) * (1.0 + float(np.cumprod(ratios).sum()))


def _mass(k: int, drawn: int, marked: int, total: int) -> float:
    if drawn in (0, total) or marked in (0, total):
        return 1.0
    p = drawn / total
    return math.exp(
        _log_binomial(k, marked, p) + _log_binomial(drawn - k, total - marked, p) - _log_binomial(drawn, total, p)
    )


def _log_binomial(k: int, n: int, p: float) -> float:
    if k == 0:
        return n * math.log1p(-p)
    if k == n:
        return n * math.log(p)
    lead = _stirling_error(n) - _stirling_error(k) - _stirling_error(n - k)
    deviance = _deviance(k, n * p) + _deviance(n - k, n * (1 - p))
    return lead - deviance - _HALF_LOG_2PI + 0.5 * (math.log(n) - math.log(k) - math.log(n - k))


def _stirling_error(n: int) -> float:
    """Return ln(n!) minus Stirling's approximation."""
    if n < _EXACT_BELOW:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - _HALF_LOG_2PI
    square = float(n) * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n


def _deviance(x: float, mean: float) -> float:
    """Return x ln(x / mean) + mean - x without cancellation near x = mean."""
    if abs(x - mean) >= 0.1 * (x + mean):
        return x * math.log(x / mean) + mean - x
    ratio = (x - mean) / (x + mean)
    total = (x - mean) * ratio
    term, square, k = 2 * x * ratio, ratio * ratio, 3
    while True:
        term *= square
        step = total + term / k
        if step == total:
            return step
        total, k = step, k + 2
