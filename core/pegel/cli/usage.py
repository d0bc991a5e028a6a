"""What the parser of a command line refuses, in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Final

import typer

from pegel.spec.outside_text import LONGEST_SENTENCE, quoted, shown

UsageError: Final[Any] = typer.BadParameter.__bases__[0]
"""Every refusal of the parser. By this way, because some releases of Typer take it from Click and others bring it."""
_SWITCHED = {"true", "false", "yes", "no", "on", "off", "0", "1"}
"""What people write behind an option that takes no value."""


def usage_refusal(asked: Sequence[str], known: Collection[str], error: Any) -> str:
    """Return why `asked` is refused, as the parser's `error` says, and where to look; `known`: all commands."""
    refusal = str(error.format_message()).rstrip(".").replace(": Value error, ", ": ")
    command = " ".join(["pegel", *(word for word in asked[:1] if not word.startswith("-") and word in known)])
    switch = next((pair for pair in pairwise(asked) if _is_switch(pair)), None)
    if switch is not None and "unexpected extra argument" in refusal:
        refusal = f"{switch[0]} takes no value: given {quoted(switch[1])}; write it alone, or leave it out"
    end = "" if refusal.endswith("?") else "."
    return (
        f"{shown(refusal, LONGEST_SENTENCE)}{end} `{shown(command)} --help` shows what is expected. Nothing was done."
    )


def _is_switch(pair: tuple[str, str]) -> bool:
    return pair[0].startswith("-") and pair[1].lower() in _SWITCHED
