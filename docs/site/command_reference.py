"""Every command of `pegel` with its arguments and options, as `--help` says them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from field_words import table
from typer.main import get_command

from pegel.cli import command_line

_ABOUT = """What `pegel --help` and `pegel COMMAND --help` say. Commands of the local system (`up`, `down`, `apply`
...) come with the distribution `pegel-local`, those about endpoints with `pegel-serving`."""


def commands_page() -> str:
    """Return the page of the command line."""
    whole: Any = get_command(command_line.build([]))
    codes = inspect.cleandoc(command_line.__doc__ or "").partition("\n\n")[2]
    parts = [
        "# Commands\n",
        f"{_ABOUT}\n",
        "## Exit codes\n",
        f"{codes.removeprefix('Exit codes: ')}\n",
    ]
    for name, command in sorted(whole.commands.items()):
        if not command.hidden:
            parts += _command(f"pegel {name}", command, 2)
    return "\n".join(parts)


def _command(path: str, command: Any, level: int) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"{'#' * level} {path}\n"
    yield f"```text\n{usage}\n```\n"
    # A single line break of a help text is kept by a terminal; paragraphs are what Markdown has.
    yield inspect.cleandoc(command.help or "").replace("\b\n", "").replace("<", "&lt;").replace("*", "\\*") + "\n"
    told = [each.get_help_record(context) for each in command.params]
    if rows := [(f"`{name}`", text) for name, text in filter(None, told) if name != "--help"]:
        yield table(("argument or option", "what it is"), rows)
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _command(f"{path} {name}", inner, level + 1)
