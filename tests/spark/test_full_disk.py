"""A driver whose disk is full: it says so where it can, and nothing of it ends."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from full_disks import small_disk

from pegel.reconcile.job_backend import JobDocument
from pegel_spark.job import Job
from pegel_spark.scratch_room import NEEDED_BYTES, ScratchRoom, lacks_room
from pegel_spark.waiting_note import WaitingNote

LOGS = """
import structlog
from pegel_spark import logs
logs.configure()
for number in range(3):
    structlog.get_logger().info("line", number=number)
print("alive", logs._lines.refused)
"""


CUT_LOGS = """
import resource, structlog
from pegel_spark import logs
logs.configure()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
for number in range(3):
    structlog.get_logger().info("line", number=number)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
structlog.get_logger().info("line", number=3)
"""


def test_a_line_of_which_a_part_was_written_counts_as_refused(tmp_path: Path) -> None:
    """The next one that is taken begins on a line of its own, after how many are missing."""
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", CUT_LOGS], stderr=log, timeout=60, check=True)
    whole, cut, told, last = (tmp_path / "log").read_text().splitlines()

    assert (True, False, True) == tuple("number=" in line for line in (whole, cut, last))
    assert "2 lines before this one could not be written" == told
    assert last.endswith("number=3")


def test_a_log_that_takes_no_line_ends_nobody() -> None:
    """Where standard error has no room the lines are counted, and the process goes on to its end."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", LOGS], stdout=subprocess.PIPE, stderr=full, text=True, timeout=60, check=False
        )

    assert (0, "alive 3\n") == (done.returncode, done.stdout)


def test_spark_begins_once_there_is_room(tmp_path: Path) -> None:
    """Without room for its files the folder is refused with that reason; the same call succeeds once there is."""
    document = JobDocument(group="default", fingerprint="f", kafka="127.0.0.1:9", trigger=timedelta(seconds=1))
    with small_disk(tmp_path / "disk", 2 * NEEDED_BYTES) as disk:
        disk.fill()
        room = ScratchRoom(Job(document, 1, disk.folder))
        with pytest.raises(OSError, match=r"are needed|No space left") as refused:
            room.folder()
        disk.free()
        folder = room.folder()

        assert lacks_room(refused.value)
        assert folder.parent == disk.folder / "scratch"


def test_a_note_that_finds_no_room_is_left_out(tmp_path: Path) -> None:
    """On a full disk the note of what is waited for is not written, and nobody who waits ends by it."""
    with small_disk(tmp_path / "disk") as disk:
        note = WaitingNote(disk.folder / "waiting")
        disk.fill()
        note.say("waiting for the database")
        disk.free()
        note.say("waiting for the database")

        assert "waiting for the database" == (disk.folder / "waiting").read_text()
