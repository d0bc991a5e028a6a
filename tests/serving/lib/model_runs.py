"""Runs of `pegel model`, as its command line makes them."""

from __future__ import annotations

from typing import Any

import typer
from typer.testing import CliRunner

from pegel.errors import PegelError
from pegel_serving.model_command import model


def run(*arguments: Any) -> tuple[int, str]:
    """Run the command; return its exit code and all that it says, or the error that the command line would tell."""
    app = typer.Typer()
    app.command("model")(model)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(done.exception, PegelError):
        return 1, str(done.exception)
    return done.exit_code, done.output
