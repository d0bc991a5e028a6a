"""Each `pegel` command that a page shows is one that the command line has, with options that it takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from page_blocks import blocks_of
from typer.main import get_command

from pegel.cli.command_line import build

# Every command is imported, with the libraries of its own.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^\s*(?:\$ )?(?:\w+=\S* )*pegel ([a-z].*)$", flags=re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", flags=re.MULTILINE | re.DOTALL)
ENDS = {"|", "&&", "||", ";", "&", ">", ">>", "<", "#"}
"""Words behind which another command, a file or a remark begins."""


def pages() -> dict[str, str]:
    """Return the text of each page, lines that go on made one."""
    # The changelog may name what is no more.
    found = [
        *(page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
    return {
        str(page.relative_to(ROOT)): page.read_text(encoding="utf-8").replace("\\\n", " ") for page in sorted(found)
    }


def in_blocks() -> list[tuple[str, str]]:
    """Return each command that a page shows in a block, and the page."""
    return [
        (page, line)
        for page, text in pages().items()
        for block in blocks_of(text)
        if block.language == "sh"
        for line in LINE.findall(block.text)
    ]


def in_prose() -> list[tuple[str, str]]:
    """Return each command that a page shows in backticks, and the page; it may be a part of one."""
    return [
        (page, line)
        for page, text in pages().items()
        for line in re.findall(r"`pegel ([a-z][^`\n]*)`", FENCED.sub("", text))
    ]


def words_of(line: str) -> list[str]:
    """Return the words of one command, up to where another one begins."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        # A page may show the beginning of a text alone.
        words = line.split()
    end = next((place for place, word in enumerate(words) if word in ENDS), len(words))
    return words[:end]


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """Return the commands that there are, by name."""
    found: dict[str, Any] = get_command(build([])).commands  # type: ignore[attr-defined]
    return found


def test_every_command_that_a_page_shows_is_there(commands: dict[str, Any]) -> None:
    """No page names a command of yesterday, nor one that was never made."""
    lost = [f"{page}: pegel {line}" for page, line in in_blocks() + in_prose() if words_of(line)[0] not in commands]

    assert [] == lost
    assert len(in_prose()) > 150


def test_every_option_that_a_page_shows_is_taken(commands: dict[str, Any]) -> None:
    """Each `--option` behind a command in backticks is one of that command."""
    lost = []
    for page, line in in_prose():
        name, *words = words_of(line)
        taken = {option for each in commands[name].params for option in [*each.opts, *each.secondary_opts]}
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        lost += [f"{page}: pegel {line}: {option}" for option in options - taken - {"--help"}]

    assert [] == lost


def test_every_command_of_a_block_is_understood(commands: dict[str, Any]) -> None:
    """A reader may copy it: it is whole, and its options have values of their kind. Nothing is done here."""
    refused = []
    for page, line in in_blocks():
        name, *words = words_of(line)
        try:
            commands[name].make_context(name, words).close()
        except ClickException as error:
            refused.append(f"{page}: pegel {line}: {error.format_message()}")

    assert [] == refused
    assert len(in_blocks()) > 80
