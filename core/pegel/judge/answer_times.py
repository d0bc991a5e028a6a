"""How long answers took, and answers without a request, in the words of page, status, report and findings."""

from __future__ import annotations

from pegel.data.instants import MILLISECOND
from pegel.spec.limits import ANSWER_WITHIN
from pegel.spec.plain_numbers import how_many
from pegel.stats.answer_latencies import RANKS, Latencies

SECOND = 1_000


def milliseconds(value: int) -> str:
    """Return a duration in ms as people read it, with three digits.

    >>> [milliseconds(value) for value in (0, 310, 2_007, 45_210)]
    ['0 ms', '310 ms', '2.01 s', '45.2 s']
    """
    return f"{value} ms" if value < SECOND else f"{float(f'{value / SECOND:.3g}'):g} s"


def latency(latencies: Latencies) -> str:
    """Return the quantiles of latencies, of which there is at least one: `p50 12 ms, p95 80 ms, p99 80 ms`.

    The last cell reaches beyond what is still an answer; none of them took longer than that.
    """
    longest = ANSWER_WITHIN // MILLISECOND
    quantiles = {rank: min(latencies.quantile(rank) or 0, longest) for rank in RANKS}
    return ", ".join(f"p{100 * rank:g} {milliseconds(value)}" for rank, value in quantiles.items())


def answer_times(latencies: Latencies, orphans: int) -> list[str]:
    """Return what is known of answers as halves of their requests, as phrases; what there is none of is left out.

    >>> import numpy as np
    >>> latencies = Latencies()
    >>> latencies.update(np.array([12, 12, 80, -3]))
    >>> answer_times(latencies, 2)
    ['latency p50 12 ms, p95 80 ms, p99 80 ms of 3 answers', '1 answer dated before its request', \
'2 answers without a request']
    """
    phrases = []
    if latencies.n:
        phrases.append(f"latency {latency(latencies)} of {how_many(latencies.n, 'answer')}")
    if latencies.backwards:
        whose = "its" if latencies.backwards == 1 else "their"
        phrases.append(f"{how_many(latencies.backwards, 'answer')} dated before {whose} request")
    if orphans:
        phrases.append(f"{how_many(orphans, 'answer')} without a request")
    return phrases
