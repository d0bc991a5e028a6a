"""What is due to one address at once is one message, and a pause follows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pegel.alerts.gathering import gathered
from pegel.testing.manual_clock import START

PAUSE = timedelta(minutes=5)
ADA, BEN = "ada@example.org", "ben@example.org"


def test_two_hundred_mails_to_one_address_are_one_message() -> None:
    """Whoever is told of two hundred models at once has one message, in their order."""
    chosen = gathered([[ADA]] * 200, {}, now=START, pause=PAUSE)

    assert ({ADA: tuple(range(200))}, {}) == (chosen.messages, chosen.waiting)


def test_a_pause_is_of_one_address_alone() -> None:
    """Who was told lately waits until the pause is over; who was not is told the same mail now."""
    chosen = gathered([[ADA, BEN]], {ADA: START - timedelta(minutes=1)}, now=START, pause=PAUSE)

    assert ({BEN: (0,)}, {ADA: START + timedelta(minutes=4)}) == (chosen.messages, chosen.waiting)


@pytest.mark.parametrize(
    ("ago", "is_told"),
    [(timedelta(0), False), (PAUSE - timedelta(seconds=1), False), (PAUSE, True), (-timedelta(hours=1), True)],
    ids=["just now", "a second too early", "at its end", "dated ahead"],
)
def test_the_end_of_a_pause(ago: timedelta, is_told: bool) -> None:
    """It is over at its end; a last mail of a clock that was ahead holds back nothing."""
    chosen = gathered([[ADA]], {ADA: START - ago}, now=START, pause=PAUSE)

    assert is_told == (ADA in chosen.messages)


def test_without_a_pause_everybody_is_told() -> None:
    """A pause of nothing is none."""
    assert {ADA: (0,)} == gathered([[ADA]], {ADA: START}, now=START, pause=timedelta(0)).messages
