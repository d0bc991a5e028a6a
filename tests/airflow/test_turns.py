"""One pass over many: what goes wrong with one holds up no other, and all of it is told in the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pegel.errors import PermanentError, Unavailable
from pegel_airflow.turns import Turns


def raising(error: Exception) -> Callable[[], None]:
    """Return a turn that ends with an error."""

    def turn() -> None:
        raise error

    return turn


def test_a_pass_without_work_says_so() -> None:
    """Nobody having had anything to do is one sentence, and no error."""
    turns = Turns()

    assert (None, "nothing waits") == (turns.take("a", lambda: None), turns.outcome())


def test_what_is_tried_again_is_told_after_all_had_their_turn() -> None:
    """A temporary error is one of the pass, with what the others did."""
    turns = Turns()
    unforeseen = [
        turns.take("a", raising(Unavailable("away"))),
        turns.take("b", lambda: turns.lines.append("b: mailed")),
    ]
    with pytest.raises(Unavailable, match=r"^a: away\nEverything else:\nb: mailed$"):
        turns.outcome()

    assert [None, None] == unforeseen


def test_what_nobody_foresaw_weighs_more() -> None:
    """It is returned to who can record it, and the pass fails for good with it before what is tried again."""
    turns, surprise = Turns(), ValueError("x")
    turns.take("a", raising(Unavailable("away")))
    unforeseen = turns.take("b", raising(surprise))
    with pytest.raises(PermanentError, match=r"^b: ValueError\('x'\)\na: away\nEverything else:\nnothing waits$"):
        turns.outcome()

    assert unforeseen is surprise
