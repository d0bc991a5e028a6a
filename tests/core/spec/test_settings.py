"""Where a process finds the system that is meant, when nothing names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from pegel.spec.settings import SETTINGS_FILE, Settings, nearest_home


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


def test_what_a_home_says_and_what_the_shell_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are those of a system that is up; secrets stand in no file; how long is kept is the shell's matter."""
    secret = "0123456789abcdef"  # noqa: S105  of a test
    up = Settings(home=tmp_path, kafka="127.0.0.1:1", keep="windows=60d", entity_secret=SecretStr(secret))
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(up.said()), encoding="utf-8")
    monkeypatch.setenv("PEGEL_KAFKA", "127.0.0.1:2")
    silent = Settings.of_home(tmp_path)
    monkeypatch.setenv("PEGEL_KEEP", "windows=30d")
    monkeypatch.setenv("PEGEL_ENTITY_SECRET", secret)
    told = Settings.of_home(tmp_path)

    assert {"kafka_password", "online_redis", "entity_secret"} == Settings.secrets()
    assert ("127.0.0.1:1", "windows=60d", "") == (silent.kafka, silent.keep, silent.secret)
    assert ("127.0.0.1:1", "windows=30d", secret) == (told.kafka, told.keep, told.secret)
