"""`pegel up`: start a local system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from pegel.cli.console import INTERRUPTED, say
from pegel.cli.options import HomeOption, home_of
from pegel.notebook.naming import place
from pegel_local.machine.interrupts import interruptible
from pegel_local.machine.paths import checkout
from pegel_local.system.stack import Stack, Step

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Default: a free port.")]


def up(home: HomeOption = None, airflow_port: Port = None, kafka_port: Port = None, logger_port: Port = None) -> None:
    """Start broker, inference logger, mail box and Airflow; what runs already is left alone."""
    wanted = {"airflow": airflow_port, "kafka": kafka_port, "logger": logger_port}
    folder = home_of(home)
    is_new = not folder.exists()
    stack = Stack(folder, checkout(), wanted_ports={name: port for name, port in wanted.items() if port})
    try:
        with interruptible():
            addresses = stack.up(_say).addresses()
    except KeyboardInterrupt as error:
        say("interrupted; everything that was started has been stopped")
        raise typer.Exit(INTERRUPTED) from error
    if is_new:
        say(f"  home {place(folder)}, made anew")
    say("\n" + "\n".join(lines_of(addresses)))


def lines_of(addresses: Mapping[str, str]) -> list[str]:
    """Return where everything is, a line each."""
    return [
        f"  Airflow   {addresses['airflow']}   user {addresses['user']}, password {addresses['password']}",
        f"  page      {addresses['page']}",
        f"  Kafka     {addresses['kafka']}",
        f"  logger    {addresses['logger']}   labels go to {addresses['logger']}/labels",
        f"  mail box  {addresses['mail']}",
    ]


def _say(step: Step) -> None:
    if step.trouble:
        say(f"  {step.name:<18} does not run: {step.trouble}")
    else:
        say(f"  {step.name:<18} works after {step.seconds:5.1f} s")
