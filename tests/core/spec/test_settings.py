"""Where a process finds the system that is meant, when nothing names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel.spec.settings import Settings, nearest_home


@pytest.mark.parametrize("below", ["", "cancer", "cancer/data"])
def test_folders_below_a_home_mean_the_same_system(tmp_path: Path, below: str) -> None:
    """The nearest `.pegel` upwards is the home, also where a file of this name stands nearer."""
    (tmp_path / ".pegel").mkdir()
    folder = tmp_path / below
    folder.mkdir(parents=True, exist_ok=True)
    if below:
        (folder / ".pegel").touch()

    assert tmp_path / ".pegel" == nearest_home(folder)


def test_the_nearest_of_two_homes_is_meant(tmp_path: Path) -> None:
    """A folder with a home of its own does not mean that of a folder above."""
    (tmp_path / ".pegel").mkdir()
    (tmp_path / "mine" / ".pegel").mkdir(parents=True)

    assert tmp_path / "mine" / ".pegel" == nearest_home(tmp_path / "mine")


def test_without_a_home_it_is_here(tmp_path: Path) -> None:
    """Where no folder has one, a new one is of the folder where one is."""
    assert tmp_path / ".pegel" == nearest_home(tmp_path)


def test_what_the_environment_names_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`PEGEL_HOME` is the home, whatever stands here or above."""
    (tmp_path / ".pegel").mkdir()
    monkeypatch.chdir(tmp_path)
    here = Settings().home
    monkeypatch.setenv("PEGEL_HOME", str(tmp_path / "other"))

    assert (tmp_path / ".pegel", tmp_path / "other") == (here, Settings().home)
