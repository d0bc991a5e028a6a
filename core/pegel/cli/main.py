"""The `pegel` command line. What is the user's input never ends in a traceback: one sentence, and an exit code.

Exit codes: 0 done · 1 it did not work · 2 the input was refused · 130 interrupted: processes that were
started here have been stopped, a workflow of Airflow goes on.
Those of `pegel check` are its verdict: 0 ok · 1 findings · 2 too little to say · 3 it could not be checked.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

import typer

from pegel.cli.console import err, say
from pegel.errors import InvalidSpec, PegelError
from pegel.spec.extensions import Extensions
from pegel.spec.extras import missing_extra

COMMANDS = Extensions(
    "command",
    "pegel.commands",
    {
        name: f"pegel.cli.{name}:{name}"
        for name in (
            "profile",
            "check",
            "register",
            "data",
            "validate",
            "report",
            "explain",
            "mail",
            "ack",
            "silence",
            "unsilence",
        )
    }
    # A function named `open` would hide Python's own.
    | {"open": "pegel.cli.open_page:open_page"},
)
"""Each command by its name. An installed package adds one by an entry point of the group `pegel.commands`."""
REFUSED, UNCHECKED = 2, 3
HIDDEN = ("demo",)
"""`make demo` runs it, after installing what it needs."""


def build(asked: list[str]) -> typer.Typer:
    """Return the command line. Only the command that is asked for is imported: the database alone costs a second."""
    app = typer.Typer(
        name="pegel",
        help="Watch what served machine-learning models are asked and answer.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # Without a callback, an app of one command would take the command's name for its first argument.
    app.callback()(_nothing)
    known = COMMANDS.names()
    for name in [name for name in known if name in asked[:1]] or known:
        app.command(name, hidden=name in HIDDEN)(_command(name, asked))
    return app


def _command(name: str, asked: list[str]) -> Callable[..., None]:
    """Return a command. Raises SetupError if it is asked for and its extra is missing; else it is still listed."""
    try:
        command: Callable[..., None] = COMMANDS.one(name)
    except ModuleNotFoundError as error:
        lacking = missing_extra(error)
        if name in asked[:1]:
            raise lacking from error
        return _listed_only
    return command


def _listed_only() -> None:
    """Not installed here; run it to see which extra it needs."""


def _nothing() -> None:
    """Watch what served machine-learning models are asked and answer."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    asked = sys.argv[1:] if arguments is None else arguments
    try:
        build(asked)(asked, prog_name="pegel")
    except PegelError as error:
        say(str(error), err)
        sys.exit(_code(asked, REFUSED if isinstance(error, InvalidSpec) else 1))
    except SystemExit as ended:
        # The parser itself refuses unknown options, with a code that from `check` would be a verdict.
        sys.exit(ended.code if isinstance(ended.__context__, typer.Exit) else _code(asked, ended.code))
    except Exception:  # noqa: BLE001  a defect: its trace is shown, and a shell must not take it for findings
        traceback.print_exc()
        sys.exit(_code(asked, 1))


def _code(asked: list[str], code: str | int | None) -> str | int | None:
    return UNCHECKED if code and asked[:1] == ["check"] else code


if __name__ == "__main__":
    main()
