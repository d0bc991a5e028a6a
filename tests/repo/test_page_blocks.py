"""Pages are run as a reader runs them, and what fails is seen wherever it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from page_blocks import not_printed, run_page


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ("true\necho done", 0),
        ("sh -c 'exit 3'\necho done", 3),
        ("sh -c 'exit 3' | cat\ntrue", 3),
        ("sh -c 'exit 3'\nsh -c 'exit 4'", 3),
        ("true && sh -c 'exit 4'", 4),
        ("sleep 60 &\ntrue", 0),
    ],
)
def test_the_first_command_that_fails_is_the_blocks_exit_code(commands: str, code: int, tmp_path: Path) -> None:
    """Whatever follows it, in its own block: the next block begins anew."""
    page = f"```sh\n{commands}\n```\n\n```sh\ntrue\n```\n"
    ran = run_page(page, start=tmp_path, environment=os.environ, within_s=10)

    assert [code, 0] == [block.code for block in ran]


@pytest.mark.parametrize(
    ("shown", "lost"),
    [
        ("fire in 12 s", []),
        ("big … fire … in 3 s", []),
        ("big … fires", ["big … fires"]),
        ("big … fire …", []),
        ("water in 12 s", ["water in 12 s"]),
    ],
)
def test_numbers_and_ellipses_stand_for_what_differs(shown: str, lost: list[str], tmp_path: Path) -> None:
    """Every other word of a shown line was printed, in this order, from the beginning of a line."""
    page = f"```sh\necho big red fire in 7 s; echo fire in 3 s\n```\n\n```text\n{shown}\n```\n"
    ran = run_page(page, start=tmp_path, environment=os.environ, within_s=10)

    assert lost == not_printed(page, ran)
