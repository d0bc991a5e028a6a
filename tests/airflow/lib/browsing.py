"""A real browser for tests of pages, and a person who is logged in; pictures are kept for people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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


@pytest.fixture(scope="session")
def browser_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one headless browser for all tests: starting one takes longer than most of them."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    options = {"executablePath": str(CHROMIUM), "args": flags, "headless": True, "host": "127.0.0.1"}
    config = tmp_path_factory.mktemp("browser") / "options.json"
    config.write_text(json.dumps(options), encoding="utf-8")
    command = [sys.executable, "-m", "playwright", "launch-server", "--browser=chromium", f"--config={config}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            # It passes no signal on to the server that it has started, which writes to the same pipe until its end.
            os.killpg(server.pid, signal.SIGTERM)
            server.stdout.read()


@contextmanager
def browser_at(address: str) -> Iterator[Any]:
    """Use the browser; whatever was opened in it is closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.connect(address)
        yield browser
        browser.close()


@pytest.fixture
def chromium(browser_address: str) -> Iterator[Any]:
    """The browser for one test: meanwhile its event loop is this thread's, and no workflow can run one beside it."""
    with browser_at(browser_address) as browser:
        yield browser


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: the folder that PEGEL_TEST_PICTURES names, if it is set."""
    folder = Path(os.environ.get("PEGEL_TEST_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def login(site: str, browser_address: str) -> Any:
    """What a browser keeps of a person who logged in through Airflow's own form."""
    with browser_at(browser_address) as browser:
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
