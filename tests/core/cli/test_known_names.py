"""Names of models and ids of alerts, completed by real shells from a real results database."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from blueprints import give_tables
from filled_results import fill
from waiting import wait_until

from pegel.store.alert_store import AlertStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = [pytest.mark.environments("sqlalchemy"), pytest.mark.slow]
PEGEL = Path(sys.executable).parent / "pegel"


@contextmanager
def terminal(shell: str, home: Path) -> Iterator[tuple[Callable[[str], object], Callable[[], str]]]:
    """Run a shell in a terminal; give what types into it, and what it has said so far."""
    process, file = pty.fork()
    if not process:
        os.execve(shell, [shell, "-f", "-i"], environment(home))  # noqa: S606 - the shell is what is tested
    said = bytearray()

    def read() -> None:
        # Linux tells the end of a terminal as an error.
        with suppress(OSError):
            while part := os.read(file, 4096):
                said.extend(part)

    reading = Thread(target=read, daemon=True)
    reading.start()
    try:
        yield lambda line: os.write(file, line.encode()), lambda: said.decode(errors="replace")
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        reading.join()
        os.close(file)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose results know `delays` with two versions, `fraud`, and an open alert."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    fill(engine)
    for name, version in (("delays", 1), ("delays", 2), ("fraud", 1)):
        Registry(engine).put(sample_spec(name, model={"name": name, "version": version, "uri": "file:///m"}))
    engine.dispose()
    return tmp_path


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a shell that finds our command, and in it that home."""
    path = f"{PEGEL.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PEGEL_HOME": str(home), "HOME": str(home), "TERM": "dumb"} | more


def in_bash(line: str, home: Path) -> list[str]:
    """Return what bash offers behind a line, by the function that `--show-completion` prints."""
    words = " ".join(f'"{word}"' for word in line.split(" "))
    script = (
        'eval "$(_PEGEL_COMPLETE=source_bash pegel)"; '
        f"COMP_WORDS=({words}); COMP_CWORD={line.count(' ')}; _pegel_completion pegel; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment(home), capture_output=True, text=True, check=False
    )
    assert "" == done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        pytest.param("", ["delays", "fraud"], marks=pytest.mark.long),
        pytest.param("de", ["delays"], marks=pytest.mark.long),
        ("delays/", ["delays/1", "delays/2"]),
        pytest.param("x", [], marks=pytest.mark.long),
    ],
)
def test_bash_offers_models_and_their_versions(home: Path, begun: str, offered: list[str]) -> None:
    """Names first; behind a slash the versions of that name; nothing that begins otherwise."""
    assert offered == in_bash(f"pegel history {begun}", home)


def test_bash_offers_open_alerts(home: Path) -> None:
    """By their ids."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    ids = [alert.id for alert in AlertStore(engine).open_alerts()]
    engine.dispose()

    assert ids
    assert 2 * [sorted(ids)] == [sorted(in_bash(f"pegel {command} ", home)) for command in ("ack", "resolve")]


@pytest.mark.long
def test_fish_offers_models(home: Path) -> None:
    """By the function that `--show-completion` prints."""
    fish = shutil.which("fish") or pytest.skip("NO FISH: install the package `fish` to complete names in it")
    script = '_PEGEL_COMPLETE=source_fish pegel | source; complete -C "pegel history d"'
    done = subprocess.run(
        [fish, "-N", "-c", script], env=environment(home), capture_output=True, text=True, check=False
    )

    assert ["delays"] == [line.split("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.long
def test_zsh_completes_a_model(home: Path) -> None:
    """Whoever presses Tab behind `f` has the whole name in the line."""
    zsh = shutil.which("zsh") or pytest.skip("NO ZSH: install the package `zsh` to complete names in it")
    with terminal(zsh, home) as (type_in, said):
        type_in('autoload -U compinit && compinit -u; eval "$(_PEGEL_COMPLETE=source_zsh pegel)"; echo rea""dy\n')
        assert wait_until(lambda: "ready" in said(), within_s=60)
        # To the beginning of the line, where another command takes the completed words.
        type_in("pegel history f\t\x01echo then: \n")
        assert wait_until(lambda: "\nthen: " in said().replace("\r", ""), within_s=60)

    assert "\nthen: pegel history fraud" in said().replace("\r", "")


@pytest.mark.parametrize("content", [None, pytest.param(b"no database", marks=pytest.mark.long)])
def test_without_a_database_nothing_is_offered(tmp_path: Path, content: bytes | None) -> None:
    """Nothing is said, and nothing is made."""
    if content is not None:
        (tmp_path / "pegel.db").write_bytes(content)

    assert [] == in_bash("pegel history ", tmp_path)
    assert (content is not None) == (tmp_path / "pegel.db").exists()


def test_a_database_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    """A server that takes the connection and says nothing: whoever pressed Tab has the line back."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://pegel@127.0.0.1:{silent.getsockname()[1]}/pegel"
        asked = {"COMP_WORDS": "pegel history ", "COMP_CWORD": "2", "_PEGEL_COMPLETE": "complete_bash"}
        done = subprocess.run(
            [PEGEL],
            env=environment(tmp_path, PEGEL_DATABASE_URL=url, **asked),
            capture_output=True,
            text=True,
            check=False,
        )

    assert ("", "", 0) == (done.stdout.strip(), done.stderr, done.returncode)
