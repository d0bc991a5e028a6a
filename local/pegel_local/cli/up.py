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

OPTIONS = ("airflow", "kafka", "logger")
"""Parts whose port a person may choose, by an option of that name."""


def up(home: HomeOption = None, airflow_port: Port = None, kafka_port: Port = None, logger_port: Port = None) -> None:
    """Start broker, inference logger, mail box and Airflow; what runs already is left alone."""
    wanted = {name: port for name, port in zip(OPTIONS, (airflow_port, kafka_port, logger_port), strict=True) if port}
    folder = home_of(home)
    is_new = not folder.exists()
    stack = Stack(folder, checkout(), wanted_ports=wanted)
    try:
        with interruptible():
            parts = stack.up(_say)
    except KeyboardInterrupt as error:
        say("interrupted; everything that was started has been stopped")
        raise typer.Exit(INTERRUPTED) from error
    if is_new:
        say(f"  home {place(folder)}, made anew")
    say("\n" + "\n".join(lines_of(parts.addresses())))
    for line in port_lines(stack.ports_before, parts.ports, wanted):
        say(f"\n{line}")


def port_lines(before: Mapping[str, int], now: Mapping[str, int], wanted: Mapping[str, int]) -> list[str]:
    """Return a sentence for each part that is at another port than it was `before`, or than is `wanted`.

    A wanted port that is taken is refused, so another one means that the part is up already.
    """
    lines = list[str]()
    for part, port in now.items():
        meant, last = wanted.get(part, port), before.get(part, port)
        if meant != port:
            lines.append(f"{part} is up at port {port} and stays there; `pegel down`, and it can begin at {meant}")
        elif part not in wanted and last != port:
            back = f": free that port, `pegel down`, then `pegel up --{part}-port {last}`" if part in OPTIONS else ""
            lines.append(f"{part} is at port {port} now, as something else has taken {last}, where it was{back}")
    return lines


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
