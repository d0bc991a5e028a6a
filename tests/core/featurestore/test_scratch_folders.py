"""Folders to write in go by themselves, and with the next one where a killed process left them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pegel.featurestore.feature_files import write_json
from pegel.featurestore.scratch_folders import LEFT_BEHIND_S, scratch_folder

pytestmark = pytest.mark.environments("pyarrow")


def test_what_was_left_behind_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    """A folder without a write for a day is removed; one with a file that is being written is not, however old."""
    now = time.time()
    for name, age_of_file in (("left", LEFT_BEHIND_S + 60), ("used", 0.0)):
        file = tmp_path / f".new-{name}" / "below" / "data"
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (now - age_of_file,) * 2)
        for folder in (file.parent, file.parent.parent):
            os.utime(folder, (now - LEFT_BEHIND_S - 60,) * 2)
    (tmp_path / "kept").mkdir()
    with scratch_folder(tmp_path) as folder:
        inside = sorted(path.name for path in tmp_path.iterdir() if path != folder)
        mode = folder.stat().st_mode & 0o777

    assert [".new-used", "kept"] == inside == sorted(path.name for path in tmp_path.iterdir())
    assert 0o700 == mode


def test_a_file_that_was_left_behind_goes_with_the_next_write(tmp_path: Path) -> None:
    """What a killed process has written beside a registration is removed after a day; a younger one may be in use."""
    for name, age in (("left", LEFT_BEHIND_S + 60), ("used", 0.0)):
        file = tmp_path / f".new-{name}"
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    write_json(tmp_path / "train.json", {})

    assert [".new-used", "train.json"] == sorted(path.name for path in tmp_path.iterdir())
