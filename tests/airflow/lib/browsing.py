"""A real browser for tests of pages, and a person who is logged in; pictures are kept for people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import scene
from people import PASSWORDS

from pegel.spec.settings import Settings

CHROMIUM = Path("/usr/bin/chromium")
WITHOUT_BROWSER = (
    "NO BROWSER: /usr/bin/chromium is missing, so nobody has looked at the monitoring page. "
    "Install Debian's package `chromium` to run this test."
)
OpenTab = Callable[..., Any]
CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8").split("\n", 2)[2]
"""Tell how far a page scrolls sideways, then what is squeezed, what lacks contrast, and which controls have no name."""


def looks(*widths: int) -> list[Any]:
    """Return each width in light and dark: the narrowest light and the widest dark each time, the rest if long."""
    daily = {(min(widths), "light"), (max(widths), "dark")}
    all_of_them = [(width, scheme) for width in widths for scheme in ("light", "dark")]
    return [pytest.param(*look, marks=[] if look in daily else [pytest.mark.long]) for look in all_of_them]


@contextmanager
def running_browser() -> Iterator[Any]:
    """Run one headless browser."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def chromium() -> Iterator[Any]:
    """A browser of one test: while it runs, its event loop is this thread's, and no workflow can run one beside it."""
    with running_browser() as browser:
        yield browser


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: the folder that PEGEL_TEST_PICTURES names, if it is set."""
    folder = Path(os.environ.get("PEGEL_TEST_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def login(site: str) -> Any:
    """What a browser keeps of a person who logged in through Airflow's own form."""
    with running_browser() as browser:
        context = browser.new_context()
        context.set_default_timeout(60_000)
        tab = context.new_page()
        tab.goto(f"{site}/auth/login?next=/pegel/")
        log_in(tab)
        return context.storage_state()


@pytest.fixture
def open_tab(login: Any, chromium: Any) -> Iterator[OpenTab]:
    """Open tabs of that person, of the colours and width given; all are closed at the end."""
    with ExitStack() as contexts:

        def open_one(scheme: str = "light", width: int = 1280) -> Any:
            viewport = {"width": width, "height": 900}
            context = chromium.new_context(viewport=viewport, color_scheme=scheme, storage_state=login)
            contexts.callback(context.close)
            context.set_default_timeout(60_000)
            # Servers, browser and login may have taken longer than a driver may be silent.
            scene.beat(Settings())
            return context.new_page()

        yield open_one


def log_in(tab: Any) -> None:
    """Fill in Airflow's own form and wait until it is left."""
    tab.fill("input[name=username]", "ada")
    tab.fill("input[name=password]", PASSWORDS["ada"])
    tab.press("input[name=password]", "Enter")
    tab.wait_for_url(lambda url: "/auth/login" not in url)
