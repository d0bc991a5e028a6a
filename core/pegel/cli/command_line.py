"""The `pegel` command line. What is the user's input never ends in a traceback: one sentence, and an exit code.

Exit codes: 0 done · 1 it did not work, or something listed is bad or cannot be read · 2 the input was refused · 3 of
`pegel diff`: something differs · 4 of `pegel apply -f`: some were applied, others could not be · 74 done, but standard
output took nothing more: what it lacks is on standard error · 130 interrupted: processes that were started here have
been stopped, a workflow of Airflow goes on.
Those of `pegel check` are its verdict: 0 ok · 1 findings · 2 too little to say · 3 it could not be checked.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from pegel.cli.completion import words_to_complete
from pegel.cli.console import INTERRUPTED, UNPRINTED, err, lacking, say
from pegel.cli.panels import in_panels
from pegel.cli.usage import UsageError, usage_refusal
from pegel.cli.version import version_line
from pegel.errors import InvalidSpec, PegelError
from pegel.spec.extensions import Extensions
from pegel.spec.outside_text import shown

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
            "manifests",
            "suite",
            "baselines",
            "report",
            "history",
            "housekeeping",
            "exporter",
            "explain",
            "mail",
            "alerts",
            "ack",
            "resolve",
            "silence",
            "silences",
            "unsilence",
            "erase",
            "backup",
            "restore",
        )
    }
    # A function named `open` would hide Python's own; that of a name with hyphens has none; and of `features` a file of
    # that name is there already.
    | {
        "open": "pegel.cli.open_page:open_page",
        "features": "pegel.cli.load_features:features",
        "labels": "pegel.cli.send_labels:labels",
        "import-model-monitor": "pegel.cli.import_model_monitor:import_model_monitor",
        "import-constraints": "pegel.cli.import_constraints:import_constraints",
    },
)
"""Each command by its name. An installed package adds one by an entry point of the group `pegel.commands`."""
REFUSED, UNCHECKED = 2, 3
"""0: done; 1: it did not work; 2: the input was refused. The codes of `check` are its verdict, and 3: there is none."""
ABOUT_COMPLETION = ("--install-completion", "--show-completion")
VERSION = "--version"
HIDDEN = ("demo",)
"""`make demo` runs it, after installing what it needs."""


def build(asked: list[str], *, completing: bool = False) -> typer.Typer:
    """Return the command line. Only the command that is asked for is imported: the database alone costs a second.

    While a shell is `completing` the name of a command, none is.
    """
    app = typer.Typer(
        name="pegel",
        help="Watch what served machine-learning models are asked and answer.",
        pretty_exceptions_enable=False,
    )
    # Without a callback, an app of one command would take the command's name for its first argument.
    app.callback()(_whole)
    known = in_panels(COMMANDS.names())
    meant = [(name, panel) for name, panel in known if name in asked[:1]]
    listing = not completing and asked[:1] != [VERSION]
    for name, panel in known if completing else meant or known:
        read = listing or name in asked[:1]
        added = app.command(name, hidden=name in HIDDEN, rich_help_panel=panel)
        added(_command(name, asked) if read else _unread)
    return app


def _command(name: str, asked: list[str]) -> Callable[..., None]:
    """Return a command.

    One that cannot be loaded and is not asked for is still listed: a package that is broken spoils no other command.
    """
    try:
        command: Callable[..., None] = COMMANDS.one(name)
    except (ImportError, AttributeError):
        if name in asked[:1]:
            raise
        return _listed_only
    return command


def _listed_only() -> None:
    """Not whole here; run it to see what it lacks."""


def _unread() -> None:
    pass


def _tell_version(asked: bool) -> None:
    if asked:
        say(version_line())
        raise typer.Exit


def _whole(
    *,
    version: Annotated[
        bool, typer.Option(VERSION, callback=_tell_version, is_eager=True, help="Tell which Pegel this is, and end.")
    ] = False,
) -> None:
    """Watch what served machine-learning models are asked and answer."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    typed = words_to_complete(os.environ)
    asked = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        # What ends a command on purpose is returned: of `check` it is the verdict.
        completing = typed is not None or asked[0] in ABOUT_COMPLETION
        app = build(asked if typed is None else typed, completing=completing)
        code = app(asked, prog_name="pegel", standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  a shell must not take a defect for findings
        return _code(asked, _failed(asked, error))
    return int(code or 0) or (_code(asked, UNPRINTED) if lacking() else 0)


def _failed(asked: list[str], error: Exception) -> int:
    """Say why a command failed, in one sentence where it is no defect; return its exit code."""
    if isinstance(error, PegelError):
        say(str(error), err)
        return REFUSED if isinstance(error, InvalidSpec) else 1
    if isinstance(error, UsageError):
        say(usage_refusal(asked, COMMANDS.names(), error), err)
        return REFUSED
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        where = shown(str(error.filename or "standard output"))
        say(f"expected room to write, given {where}: {error.strerror}. Nothing more was done.", err)
        return 1 if error.filename else UNPRINTED
    traceback.print_exception(error)
    return 1


def _code(asked: list[str], code: int) -> int:
    return UNCHECKED if asked[:1] == ["check"] else code
