"""`pegel down`: stop a local system."""

from __future__ import annotations

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
    for folder in folders:
        ran = Stack(folder, tree).down()
        say(f"stopped; data stay in {folder}" if ran else f"nothing ran in {folder}")
