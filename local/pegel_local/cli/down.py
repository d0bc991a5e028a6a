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
    folders = [home_of(home)] if home else [home_of(None), *filter(Path.exists, [tree.demo_home])]
    for line in lines_of({folder: Stack(folder, tree).down() for folder in folders}):
        say(line)


def lines_of(ran: Mapping[Path, bool]) -> list[str]:
    """Return what was stopped, given whether anything ran by home; that nothing ran only where nothing did at all."""
    stopped = [f"stopped; data stay in {folder}" for folder, was_up in ran.items() if was_up]
    return stopped or [f"nothing ran in {' or '.join(map(str, ran))}"]
