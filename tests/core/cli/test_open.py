"""`pegel open` says where the page is; a browser is opened only where there is a display."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from blueprints import give_tables

from pegel.cli.main import main
from pegel.spec.settings import SETTINGS_FILE
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")

PAGE = "http://127.0.0.1:8080/pegel"


@pytest.fixture(autouse=True)
def bare_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no display, and no page of another system."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "PEGEL_PAGE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that is up, with `delays/1` under watch."""
    (tmp_path / SETTINGS_FILE).write_text(json.dumps({"page_url": PAGE}), encoding="utf-8")
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    engine.dispose()
    return tmp_path


def run(*arguments: str) -> object:
    """Run the command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["open", *arguments])
    return ended.value.code


@pytest.mark.parametrize(
    ("model", "address"),
    [((), PAGE), (("delays",), f"{PAGE}/models/delays/1"), (("delays/1",), f"{PAGE}/models/delays/1")],
)
def test_the_address_is_printed(
    home: Path, capsys: pytest.CaptureFixture[str], model: tuple[str, ...], address: str
) -> None:
    """The list of models, or the page of the one that is named; nothing else is printed, so that it can be piped."""
    code = run(*model, "--home", str(home))

    assert (0, [address]) == (code, capsys.readouterr().out.splitlines())


def test_a_mistyped_model_has_no_page(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest name is offered instead of a page that is not there."""
    code = run("delay", "--home", str(home))

    assert 2 == code
    assert "watched: delays/1. No page was opened. Did you mean `delays`?" in capsys.readouterr().err


def test_without_a_system_there_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address at which nobody listens is not printed."""
    code = run("--home", str(tmp_path))

    assert 1 == code
    assert "Start one with `pegel up`" in capsys.readouterr().err
