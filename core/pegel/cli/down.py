"""`pegel down`: stop a local system."""

from __future__ import annotations

from pegel.cli.console import out
from pegel.cli.options import HomeOption, home_of
from pegel.local.places import checkout
from pegel.local.stack import Stack


def down(home: HomeOption = None) -> None:
    """Stop everything that was started from the home, and nothing else. Data stay."""
    folder = home_of(home)
    ran = Stack(folder, checkout()).down()
    out.print(f"stopped; data stay in {folder}" if ran else f"nothing ran in {folder}")
