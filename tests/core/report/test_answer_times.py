"""How long answers took, and answers without a request: in the same words wherever a person looks."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.report import html
from pegel.report.model_list import model_rows
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.report.timeline import told
from pegel.stats.answer_latencies import Latencies
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")

WORDS = "latency p50 50 ms, p95 95 ms, p99 99 ms of 100 answers"
NOW = START + 25 * MINUTE


def of(*milliseconds: int) -> Latencies:
    """Return these latencies."""
    latencies = Latencies()
    latencies.update(np.array(milliseconds, dtype=np.int64))
    return latencies


def test_the_newest_window_tells_of_answers_on_every_page(sources: Sources) -> None:
    """List, page, report and time line have one sentence, made of what is stored."""
    row = sample_window(24, latencies=of(*range(1, 101), -7), orphans=3)
    Results(sources.engine).write(windows=[row])
    (listed,) = model_rows(sources, NOW)
    view = model_view(sources, "delays", 1, NOW)
    page = " ".join(html.render(view).split())
    words = f"{WORDS}; 1 answer dated before its request; 3 answers without a request"

    assert (words, words) == (listed.answers, view.row.answers)
    assert f"L{words[1:]}</dd>" in page
    assert f"{WORDS}, 1 answer dated before its request, 3 answers without a request" in told(row)


def test_the_page_adds_up_the_windows_that_it_shows(sources: Sources) -> None:
    """Quantiles are those of all answers together, not of windows: few slow ones do not weigh as many quick ones."""
    many, few = sample_window(23, latencies=of(*[20] * 99), orphans=1), sample_window(24, latencies=of(900), orphans=1)
    Results(sources.engine).write(windows=[many, few])
    view = model_view(sources, "delays", 1, NOW)

    assert "latency p50 20 ms, p95 20 ms, p99 20 ms of 100 answers; 2 answers without a request" == view.answers
    assert view.row.answers.startswith("latency p50 899 ms, p95 899 ms, p99 899 ms of 1 answer;")
    assert f"tell: {view.answers}." in " ".join(html.render(view).split())


def test_where_nothing_is_known_nothing_is_said(sources: Sources) -> None:
    """A window of which no answer is known has no latency of zero."""
    row = sample_window(24)
    Results(sources.engine).write(windows=[row])
    view = model_view(sources, "delays", 1, NOW)

    assert ("", "") == (view.answers, view.row.answers)
    assert "atency" not in html.render(view)
    assert row == Results(sources.engine).windows("delays", 1)[-1]
