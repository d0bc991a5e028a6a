"""What benchmarks say of lost and doubled events is said of each window by itself."""

from __future__ import annotations

from benchmarks.stream.window_counts import differences

from pegel.testing.samples import sample_span, sample_window


def test_a_lost_event_does_not_hide_a_doubled_one() -> None:
    """Not in another window, not of the other kind in the same one, and not where a whole window is missing."""
    sent = {sample_span(minute).start: 600 for minute in range(3)}
    windows = [sample_window(0), sample_window(1, requests=601, responses=598), sample_window(7, requests=4)]

    assert (2 + 2 * 600, 1 + 604) == differences(sent, windows)
    assert (0, 0) == differences(sent, [sample_window(minute) for minute in range(3)])
