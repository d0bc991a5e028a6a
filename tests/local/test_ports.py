"""Ports are chosen free, kept, and named when they are taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pegel.errors import SetupError
from pegel_local.machine import ports


@pytest.fixture
def taken() -> Iterator[int]:
    """Listen on a port."""
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_free_ports_differ() -> None:
    """No two of the chosen ports are the same."""
    assert len(set(ports.free_ports(20))) == 20


def test_a_taken_port_is_named_with_its_purpose(taken: int) -> None:
    """The sentence says which port, for what, and what to do."""
    with pytest.raises(SetupError, match=f"port {taken} for the mail is taken .* Stop what listens there"):
        ports.require_free(taken, "mail")


def test_a_wanted_port_that_is_taken_stops_the_start(taken: int, tmp_path: Path) -> None:
    """A port that a person asked for is never silently replaced."""
    with pytest.raises(SetupError, match=f"port {taken} for the logger"):
        ports.settle(tmp_path / "ports.json", ("mail", "logger"), {"logger": taken})


def test_chosen_ports_are_kept(tmp_path: Path) -> None:
    """A second start uses the addresses of the first."""
    file = tmp_path / "ports.json"
    first = ports.settle(file, ("mail", "logger"), {})

    assert first == ports.settle(file, ("mail", "logger"), {})
    assert first == ports.known(file)


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(taken: int, tmp_path: Path) -> None:
    """A port that nobody asked for is replaced when somebody else listens on it."""
    file = tmp_path / "ports.json"
    file.write_text(f'{{"mail": {taken}}}', encoding="utf-8")

    assert ports.settle(file, ("mail",), {})["mail"] != taken


@pytest.mark.parametrize("damage", ["{", "[]", '{"mail": "x"}', '{"mail": null}'])
def test_a_damaged_record_of_ports_is_one_sentence(damage: str, tmp_path: Path) -> None:
    """It says which file, and that it may go."""
    file = tmp_path / "ports.json"
    file.write_text(damage, encoding="utf-8")

    with pytest.raises(SetupError, match=r"ports\.json, given .* Remove that file, and free ones are chosen"):
        ports.settle(file, ("mail",), {})


def test_an_open_port_answers(taken: int) -> None:
    """What listens answers; what does not, does not."""
    (free,) = ports.free_ports(1)

    assert (True, False) == (ports.answers(taken), ports.answers(free))
