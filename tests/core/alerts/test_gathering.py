"""What is due to one address at once is one message, and a pause follows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pegel.alerts.gathering import Addressee, Gathered, WantedMail, gathered
from pegel.testing.manual_clock import START

PAUSE = timedelta(minutes=5)
ADA, BEN = "ada@example.org", "ben@example.org"
PATIENCE = timedelta(minutes=30)
NEWS, OVER = WantedMail((ADA,), True), WantedMail((ADA,), False)


def test_two_hundred_mails_to_one_address_are_one_message() -> None:
    """Whoever is told of two hundred models at once has one message, in their order."""
    chosen = gathered([WantedMail((ADA,), True)] * 200, {}, now=START, pause=PAUSE)

    assert ({ADA: tuple(range(200))}, {}) == (chosen.messages, chosen.waiting)


def test_a_pause_is_of_one_address_alone() -> None:
    """Who was told lately waits until the pause is over; who was not is told the same mail now."""
    chosen = gathered(
        [WantedMail((ADA, BEN), True)], {ADA: Addressee(START - timedelta(minutes=1))}, now=START, pause=PAUSE
    )

    assert ({BEN: (0,)}, {ADA: START + timedelta(minutes=4)}) == (chosen.messages, chosen.waiting)


@pytest.mark.parametrize(
    ("ago", "is_told"),
    [(timedelta(0), False), (PAUSE - timedelta(seconds=1), False), (PAUSE, True), (-timedelta(hours=1), True)],
    ids=["just now", "a second too early", "at its end", "dated ahead"],
)
def test_the_end_of_a_pause(ago: timedelta, is_told: bool) -> None:
    """It is over at its end; a last mail of a clock that was ahead holds back nothing."""
    chosen = gathered([NEWS], {ADA: Addressee(START - ago)}, now=START, pause=PAUSE)

    assert is_told == (ADA in chosen.messages)


def test_without_a_pause_everybody_is_told() -> None:
    """A pause of nothing is none."""
    assert {ADA: (0,)} == gathered([NEWS], {ADA: Addressee(START)}, now=START, pause=timedelta(0)).messages


def test_what_is_over_waits_for_news_and_goes_with_them() -> None:
    """By itself it begins to wait; with news it is in the same message, in its order."""
    alone = gathered([OVER], {}, now=START, pause=PAUSE, patience=PATIENCE)
    both = gathered([OVER, NEWS], {}, now=START, pause=PAUSE, patience=PATIENCE)

    assert Gathered({}, {ADA: START + PATIENCE}, frozenset({ADA})) == alone
    assert {ADA: (0, 1)} == both.messages


@pytest.mark.parametrize(
    ("since", "is_told"),
    [(PATIENCE - timedelta(seconds=1), False), (PATIENCE, True), (-timedelta(hours=1), True)],
    ids=["a second too early", "at its end", "dated ahead"],
)
def test_the_end_of_patience(since: timedelta, is_told: bool) -> None:
    """What is over is told at its end, alone; a clock that was ahead holds back nothing."""
    known = {ADA: Addressee(None, START - since)}

    assert is_told == (ADA in gathered([OVER], known, now=START, pause=PAUSE, patience=PATIENCE).messages)


def test_a_pause_holds_back_news_and_what_waits_alike() -> None:
    """Within the pause after a mail nothing goes out, however long it waited."""
    known = {ADA: Addressee(START, START - timedelta(hours=2))}
    chosen = gathered([OVER, NEWS], known, now=START, pause=PAUSE, patience=PATIENCE)

    assert ({}, {ADA: START + PAUSE}) == (chosen.messages, chosen.waiting)
