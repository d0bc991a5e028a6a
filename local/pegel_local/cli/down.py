"""`pegel down`: stop a local system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pegel.cli.console import say
from pegel.cli.options import HomeOption, home_of
from pegel_local.machine.paths import checkout
from pegel_local.system.stack import Stack


def down(home: HomeOption = None) -> None:
    """Stop everything that was started from the home, and nothing else. Data stay.

    Without --home a demonstration's system that was kept is stopped, too.
    """
    tree = checkout()
    for line in lines_of({folder: Stack(folder, tree).down() for folder in folders_of(home, tree.demo_home)}):
        say(line)


def folders_of(home: Path | None, demo_home: Path) -> list[Path]:
    """Return the homes that are meant, each once: the second time nothing would run in it."""
    meant = home_of(home)
    kept = demo_home.resolve()
    return [meant] if home is not None or kept == meant or not kept.exists() else [meant, kept]


def lines_of(ran: Mapping[Path, bool]) -> list[str]:
    """Return what was stopped, given whether anything ran by home; that nothing ran only where nothing did at all."""
    stopped = [f"stopped; data stay in {folder}" for folder, was_up in ran.items() if was_up]
    return stopped or [f"nothing ran in {' or '.join(map(str, ran))}"]
