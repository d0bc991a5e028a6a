"""How many explanations pass a proxy, whenever they are asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pegel_serving.open_explanations import OpenExplanations


@given(st.lists(st.floats(0.0, 100.0), max_size=60), st.integers(1, 5))
def test_no_minute_has_more_than_it_may(pauses: list[float], per_minute: int) -> None:
    """Of any 60 s, wherever they begin, as many pass as may; all that came are counted."""
    now: list[float] = [0.0]
    explanations = OpenExplanations(per_minute, lambda: now[0])
    passed = []
    for pause in pauses:
        now[0] += pause
        if explanations.take():
            passed.append(now[0])

    assert max((sum(at <= other < at + 60.0 for other in passed) for at in passed), default=0) <= per_minute
    assert (len(pauses), len(passed)) == (explanations.asked, explanations.passed)


def test_a_minute_later_the_next_one_passes() -> None:
    """The sixty seconds are those since the oldest one that passed, and not since the last that was asked for."""
    times = iter([0.0, 59.0, 60.0])
    explanations = OpenExplanations(1, lambda: next(times))

    assert [True, False, True] == [explanations.take() for _ in range(3)]


def test_none_pass_where_none_may() -> None:
    """What is closed stays closed."""
    explanations = OpenExplanations(0)

    assert (False, False) == (explanations.are_open, explanations.take())
