"""The note of a failed run: one line for each task, no longer than Airflow keeps."""

from __future__ import annotations

from pegel_airflow import run_note


def test_each_task_has_its_line() -> None:
    """All tasks that failed stand in the note, in the order of their failures."""
    assert run_note.note_of({"baseline": "no rows", "apply[2]": "no room"}) == (
        "Failed: baseline: no rows\napply[2]: no room"
    )


def test_a_note_is_as_long_as_airflow_keeps() -> None:
    """A longer one is cut where everybody sees it: the database of another Airflow would refuse it whole."""
    note = run_note.note_of({"baseline": "x" * 2_000})
    both = run_note.note_of({"baseline": "x" * 2_000, "wait_ready": "y" * 2_000}).splitlines()
    many = run_note.note_of({f"apply[{number}]": "x" * 99 for number in range(900)})

    assert (len(note), note[-2:]) == (1_000, "x…")
    assert [line[-2:] for line in both] == ["x…", "y…"]
    assert len(many) == run_note.LONGEST_NOTE
