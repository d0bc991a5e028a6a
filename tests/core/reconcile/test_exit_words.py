"""What is told of a process that ended: its code, and the reason that its log gives."""

from __future__ import annotations

import pytest

from pegel.reconcile.exit_words import exited_with
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.testing.manual_clock import START


def ended(detail: str, code: int | None = 4) -> Sighting:
    """Return a driver that has ended with these last lines of its log."""
    return Sighting(
        group="default",
        fingerprint="",
        generation=3,
        state=JobState.EXITED,
        started_at=START,
        exit_code=code,
        detail=detail,
    )


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (
            'started\ntimestamp=2026-12-01T00:00:00Z level=warning event=superseded reason="another claimed it"',
            "another claimed it",
        ),
        ('level=error reason="expected \\"a\\", given b. It ends', 'expected "a", given b. It ends'),
        ("level=error reason=unknown event=ended", "unknown"),
        ('{"level": "error", "event": "ended", "reason": "no broker"}', "no broker"),
        ('{"level": "error", "event": "ended"}', '{"level": "error", "event": "ended"}'),
        ("[1, 2]", "[1, 2]"),
        ("ModuleNotFoundError: No module named 'pegel'", "ModuleNotFoundError: No module named 'pegel'"),
        ("  \n", "its log is empty"),
    ],
)
def test_the_reason_is_told_and_not_the_line_of_the_log(detail: str, said: str) -> None:
    """Of logs for people and for machines, whole or cut off; a line of anybody else stands as it is."""
    assert exited_with(ended(detail)) == f"exited with 4: {said}"


def test_what_ended_with_0_was_stopped() -> None:
    """Nothing went wrong, so no line of its log is given as the reason."""
    line = "timestamp=2026-12-01T04:47:19Z level=info event=ended code=stopped error="

    assert exited_with(ended(line, code=0)) == "it was stopped"


def test_a_line_without_an_end_is_cut() -> None:
    """A library may print megabytes in its last line; of an unknown code that is said."""
    told = exited_with(ended("x" * 1_000_000, code=None))

    assert told.startswith("exited with an unknown code: xxx")
    assert len(told) < 300
