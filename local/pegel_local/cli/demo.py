"""`pegel demo`: the whole way of a prediction in twelve stages. `make demo` installs what it needs and runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import INTERRUPTED, out, say
from pegel_local.demo.demonstration import ON_THIS_MACHINE, Variant, run
from pegel_local.machine.paths import checkout

DemoHome = Annotated[
    Path | None, typer.Option("--home", help="Folder of the demonstration's own system; emptied first.")
]
Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the flight delays; default: as `make setup` put it.")
]
Keep = Annotated[bool, typer.Option("--keep", envvar="KEEP", help="Leave the system up and print its addresses.")]
Facts = Annotated[Path | None, typer.Option("--facts", help="Write what was measured to this JSON file.")]


def demo(home: DemoHome = None, data: Data = None, keep: Keep = False, facts: Facts = None) -> None:
    """Show every stage with real parts. Exit code 0 only if all of them were observed."""
    show(ON_THIS_MACHINE, home, data, keep=keep, facts=facts)


def show(variant: Variant, home: Path | None, data: Path | None, *, keep: bool, facts: Path | None) -> None:
    """Show every stage of a variant. Raises typer.Exit unless all of them were observed."""
    tree = checkout()
    folder = (home or tree.demo_home).resolve()
    try:
        shown = run(folder, tree, data or tree.demo_data, console=out, keep=keep, variant=variant)
    except KeyboardInterrupt as error:
        say("interrupted; everything that was started has been stopped")
        raise typer.Exit(INTERRUPTED) from error
    if shown is None:
        raise typer.Exit(1)
    if facts is not None:
        facts.write_text(json.dumps(shown.facts, indent=1), encoding="utf-8")
