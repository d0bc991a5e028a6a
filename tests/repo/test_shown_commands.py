"""Each `pegel` command that a page shows is one that the command line has, with options that it takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pegel.cli.command_line import build

# Every command is imported, with the libraries of its own.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^\s*(?:\$ )?(?:\w+=\S* )*pegel ([a-z].*)$", flags=re.MULTILINE)
ENDS = {"|", "&&", "||", ";", "&", ">", ">>", "<", "#"}
"""Words behind which another command, a file or a remark begins."""


def shown() -> list[tuple[str, str]]:
    """Return each command that a page shows in a block or in backticks, and the page; lines that go on are one."""
    # The changelog may name what is no more.
    pages = [
        *(page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
    found = []
    for page in sorted(pages):
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = re.findall(r"^```(?:sh[^\n]*)?\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in LINE.findall(block)]
        lines += re.findall(
            r"`pegel ([a-z][^`\n]*)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        )
        found += [(str(page.relative_to(ROOT)), line) for line in lines]
    return found


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
    lost = [f"{page}: pegel {line}" for page, line in shown() if words_of(line)[0] not in commands]

    assert [] == lost
    assert len(shown()) > 200


def test_every_option_that_a_page_shows_is_taken(commands: dict[str, Any]) -> None:
    """Each `--option` behind a command is one of that command."""
    lost = []
    for page, line in shown():
        name, *words = words_of(line)
        taken = {option for each in commands[name].params for option in [*each.opts, *each.secondary_opts]}
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        lost += [f"{page}: pegel {line}: {option}" for option in options - taken - {"--help"}]

    assert [] == lost
