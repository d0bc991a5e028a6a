"""A stage that fails tells what was expected, what happened, and which log to open."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel_local.demo.failure import StageFailed, eventually, require

LOG = Path("driver.log")


def test_three_things_are_told() -> None:
    """Expectation, observation and log stand on a line each."""
    with pytest.raises(StageFailed) as failed:
        require(False, expected="a mail", happened="none came", log=LOG)

    assert str(failed.value) == "  expected: a mail\n  happened: none came\n  open:     driver.log"


def test_what_is_found_is_returned() -> None:
    """Looking ends with the first thing that is found."""
    looks = iter([None, None, "mail"])

    assert "mail" == eventually(lambda: next(looks), within_s=30, expected="a mail", happened=lambda: "none", log=LOG)


def test_looking_is_bounded() -> None:
    """After its time a stage fails with what there was instead."""
    with pytest.raises(StageFailed, match=r"expected: a mail within 0 s\n  happened: the box is empty"):
        eventually(lambda: None, within_s=0, expected="a mail", happened=lambda: "the box is empty", log=LOG)
