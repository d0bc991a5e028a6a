"""`pegel open`: the page's address, and the page itself where somebody has a display."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, home_of
from pegel.cli.watched_model import VersionOption, opened
from pegel.errors import SetupError
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel.store.meant_model import watched_model

OneModel = Annotated[
    str | None, typer.Argument(metavar="[MODEL[/VERSION]]", help="Its own page, e.g. delays/1; else the list of all.")
]


def open_page(model: OneModel = None, version: VersionOption = None, home: HomeOption = None) -> None:
    """Print the address of the monitoring page, and open it in a browser if there is a display."""
    folder = home_of(home)
    settings = Settings.of_home(folder)
    if "page_url" not in settings.model_fields_set:
        raise SetupError(
            f"expected a system that is up in {shown(str(folder))}, or PEGEL_PAGE_URL; given neither: there is no page "
            f"to open. Start one with `pegel up`, or name its home with --home."
        )
    address = settings.page_url
    if model is not None or version is not None:
        with opened(settings) as engine:
            entry = watched_model(engine, model, version, otherwise="No page was opened.")
        address = f"{address.rstrip('/')}/models/{monitor_key(entry.model, entry.version)}"
    say(address)
    if has_display():
        webbrowser.open(address)


def has_display() -> bool:
    """Say whether a browser could show itself: in a bare terminal a text browser would take the screen instead."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
