"""Lines that every request could repeat do not flood a log, and are never held back for long."""

from __future__ import annotations

from pegel_serving.repeated_lines import LINES, RepeatedLines


def test_a_line_is_written_first_and_whenever_its_number_has_doubled() -> None:
    """Ten thousand of a minute are 14 lines, and the last of them says at least half of the number."""
    lines = RepeatedLines(lambda: 0.0)
    written = [times for times in (lines.times("refused") for _ in range(10_000)) if times is not None]

    assert [1, 2, 4, 8] == written[:4]
    assert (14, 8192) == (len(written), written[-1])


def test_every_minute_begins_anew() -> None:
    """A log tells of each minute in which something failed, however much failed before."""
    now = [59.9]
    lines = RepeatedLines(lambda: now[0])
    before = [lines.times("refused") for _ in range(3)]
    now[0] = 60.0

    assert [1, 2, None] == before
    assert 1 == lines.times("refused")


def test_each_line_is_counted_on_its_own_up_to_a_bound() -> None:
    """Sentences can quote what clients send: beyond the bound they are counted together, and memory is not theirs."""
    lines = RepeatedLines(lambda: 0.0)
    first = [lines.times(number) for number in range(LINES)]
    others = [lines.times(-number) for number in range(1, 1001)]

    assert [1] * LINES == first
    assert 10 == sum(times is not None for times in others)
    assert 2 == lines.times(0)
