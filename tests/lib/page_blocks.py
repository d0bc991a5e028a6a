"""The code of a page, run as a reader runs it: from top to bottom, in one shell.

A fenced block is a command (```` ```sh ````), a file that the reader makes (```` ```python train.py ````), or what is
printed (```` ```text ````). Of what is printed, digits differ from run to run, and so does what an ellipsis stands for.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from textwrap import dedent

_FENCE = re.compile(r"^( *)```(\w+)[ ]*([^\n]*)\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
_MARK = "=====block"
_NUMBER = re.compile(r"\d(?:[\d.,:]*\d)?")
"""A number, a time, or the address of a port."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, what stands behind it, its text, and the line where it begins."""

    language: str
    info: str
    text: str
    line: int

    @property
    def exits(self) -> set[int]:
        """Return the exit codes that each of its commands may have: 0, if the page says nothing else."""
        said = re.fullmatch(r"exit=([\d,]+)", self.info)
        return {int(code) for code in said[1].split(",")} if said else {0}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a shell block printed, both streams, and the exit code of its first command that failed; 0 if none did."""

    block: Block
    said: str
    code: int


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    return [
        Block(match[2], match[3].strip(), dedent(match[4]), page.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(page)
    ]


def run_page(page: str, *, start: Path, environment: Mapping[str, str], within_s: float) -> list[Ran]:
    """Run the shell blocks of a page in one shell that begins in `start`, and make its files where they stand.

    What the page leaves in the background ends with the shell. Raises AssertionError after `within_s`, with what was
    printed by then.
    """
    blocks = blocks_of(page)
    with TemporaryFile("w+") as printed:
        shell = subprocess.Popen(
            ["bash", "-c", _script(blocks)],
            cwd=start,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            shell.wait(within_s)
        except subprocess.TimeoutExpired as error:
            printed.seek(0)
            raise AssertionError(f"not done within {within_s:g} s:\n{printed.read()}") from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        printed.seek(0)
        parts = re.findall(rf"^{_MARK}\n(.*?)\n{_MARK} (\d+)\n", printed.read(), flags=re.MULTILINE | re.DOTALL)
    shells = [block for block in blocks if block.language == "sh"]
    return [Ran(block, said, int(code)) for block, (said, code) in zip(shells, parts, strict=True)]


def _script(blocks: Iterable[Block]) -> str:
    """Return the blocks as one script that marks where each command block begins and how it ends."""
    lines = ["set -o pipefail", "failed=0", "trap 'code=$?; [ $failed != 0 ] || failed=$code' ERR"]
    for block in blocks:
        if block.language == "sh":
            # What a command printed last may have no line end.
            lines += [f"failed=0; echo '{_MARK}'", block.text, f'printf "\\n{_MARK} %s\\n" $failed']
        elif block.language != "text":
            lines.append(f"printf %s {shlex.quote(block.text)} > {shlex.quote(block.info)}")
    return "\n".join(lines)


def not_printed(page: str, ran: list[Ran]) -> list[str]:
    """Return the lines that a page shows below a command and that it did not print; numbers and `…` stand for any."""
    said = {each.block.line: each.said for each in ran}
    lost, last = [], ""
    for block in blocks_of(page):
        last = said.get(block.line, last)
        if block.language == "text":
            lost += [line for line in block.text.splitlines() if not _stands_in(line, last)]
    return lost


def _stands_in(line: str, said: str) -> bool:
    words = [_NUMBER.sub(r"[\\d.,:]+", re.escape(word).replace(r"\.", ".")) for word in line.split()]
    pattern = r"\s+".join(words).removesuffix(r"\s+…").replace(r"\s+…\s+", r"\s+(.*\s)?")
    return re.search(r"^\s*" + pattern, said, flags=re.MULTILINE) is not None
