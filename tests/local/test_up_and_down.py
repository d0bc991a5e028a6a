"""What starting and stopping a local system say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel_local.cli import down, up
from pegel_local.machine.paths import Home, checkout
from pegel_local.system.parts import PURPOSES, Parts
from pegel_local.system.stack import Stack

HOME, DEMO = Path(".pegel"), Path(".pegel-demo")


def test_every_address_is_told(tmp_path: Path) -> None:
    """That of the logger, too, behind which `/labels` may be written as it stands there."""
    ports = {purpose: 40_000 + at for at, purpose in enumerate(PURPOSES)}
    addresses = Parts(Home(tmp_path), checkout(), ports).addresses()
    told = "\n".join(up.lines_of(addresses))

    assert [] == [name for name, address in addresses.items() if address not in told]
    base = f"http://127.0.0.1:{ports['logger']}"
    assert f"logger    {base}   labels go to {base}/labels" in told


@pytest.mark.parametrize(
    ("before", "wanted", "told"),
    [
        ({}, {}, []),
        ({"airflow": 8080, "mail": 2525}, {}, []),
        ({"airflow": 8081, "mail": 2525}, {"airflow": 8080}, []),
        (
            {"airflow": 8081, "mail": 2526},
            {},
            [
                (
                    "airflow is at port 8080 now, as something else has taken 8081, where it was: free that port, "
                    "`pegel down`, then `pegel up --airflow-port 8081`"
                ),
                "mail is at port 2525 now, as something else has taken 2526, where it was",
            ],
        ),
        (
            {"airflow": 8080, "mail": 2525},
            {"airflow": 9090},
            ["airflow is up at port 8080 and stays there; `pegel down`, and it can begin at 9090"],
        ),
    ],
)
def test_a_port_that_is_not_the_expected_one_is_told(
    before: dict[str, int], wanted: dict[str, int], told: list[str]
) -> None:
    """Which part, where it is, where it was or should be, and how it gets there; of a first start nothing."""
    assert told == up.port_lines(before, {"airflow": 8080, "mail": 2525}, wanted)


@pytest.mark.parametrize(
    ("ran", "told"),
    [
        ({HOME: False, DEMO: True}, ["stopped; data stay in .pegel-demo"]),
        ({HOME: True, DEMO: True}, ["stopped; data stay in .pegel", "stopped; data stay in .pegel-demo"]),
        ({HOME: False, DEMO: False}, ["nothing ran in .pegel or .pegel-demo"]),
        ({HOME: False}, ["nothing ran in .pegel"]),
    ],
)
def test_what_was_stopped_is_told_alone(ran: dict[Path, bool], told: list[str]) -> None:
    """Where one of two homes was up, that the other one was not is no news."""
    assert told == down.lines_of(ran)


def test_each_home_is_stopped_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration's may be the one that is meant; else it is stopped as well, where there is one."""
    usual, demo = tmp_path / "usual", tmp_path / "demo"
    monkeypatch.setenv("PEGEL_HOME", str(usual))
    alone = down.folders_of(None, demo)
    demo.mkdir()
    both = down.folders_of(None, demo)
    monkeypatch.setenv("PEGEL_HOME", str(demo))

    assert ([usual], [usual, demo], [demo]) == (alone, both, down.folders_of(None, demo))
    assert [usual] == down.folders_of(usual, demo)


def test_no_secret_is_written_into_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as it is nor as asterisks, by which everything would be hashed otherwise."""
    monkeypatch.setenv("PEGEL_ENTITY_SECRET", "0123456789abcdef")
    Stack(tmp_path, checkout())._describe()
    written = (tmp_path / "settings.json").read_text(encoding="utf-8")

    assert '"kafka"' in written
    assert [] == [word for word in ("0123456789abcdef", "*", "entity_secret") if word in written]
