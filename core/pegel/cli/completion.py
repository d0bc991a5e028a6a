"""Completion in a shell: which command is being typed, so that no other is imported while somebody waits for a Tab."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

VARIABLE = "_PEGEL_COMPLETE"
"""By it the shell's function, which `--show-completion` prints, asks what may follow."""


def words_to_complete(environment: Mapping[str, str]) -> list[str] | None:
    """Return the words behind `pegel` that stand there so far; None unless a shell asks what may follow.

    The word that is being typed is among them, if it has begun. A shell that begins asks for its function: no words.
    """
    asked = environment.get(VARIABLE, "")
    if asked.startswith("source"):
        return []
    if not asked.startswith("complete"):
        return None
    typed = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS", "")
    try:
        return shlex.split(typed)[1:]
    except ValueError:  # a quote that is still open
        return typed.split()[1:]
