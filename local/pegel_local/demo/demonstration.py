"""Runs the stages one after the other, says how each went, and leaves nothing behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.markup import escape

from pegel.errors import Conflict, PegelError
from pegel_local.demo import closing_words
from pegel_local.demo.document import write_report
from pegel_local.demo.stage import Demo, Stage
from pegel_local.demo.stages import (
    baseline_refreshed,
    changed_traffic,
    driver_killed,
    environments_ready,
    labels_joined,
    mail_accepted,
    model_offboarded,
    model_onboarded,
    monitor_running,
    online_features,
    refresh_approved,
    system_up,
    unchanged_traffic,
)
from pegel_local.machine.interrupts import interruptible, undisturbed
from pegel_local.machine.paths import Checkout
from pegel_local.processes.private_files import private_folder, private_umask
from pegel_local.system.stack import Stack

STAGES = (
    Stage("environments", environments_ready.show),
    Stage("broker, Airflow, mail", system_up.show),
    Stage("onboard delays v1", model_onboarded.show),
    Stage("monitor running", monitor_running.show),
    Stage("unchanged traffic", unchanged_traffic.show),
    Stage("labels arrive", labels_joined.show),
    Stage("changed traffic", changed_traffic.show),
    Stage("mail accepted", mail_accepted.show),
    Stage("driver killed", driver_killed.show),
    Stage("online features", online_features.show),
    Stage("baseline refreshed", baseline_refreshed.show),
    Stage("changed training data", refresh_approved.show),
    Stage("offboarded", model_offboarded.show),
)
REPORT_BEFORE = "offboarded"
"""The report is written while the registry still knows the model."""
TITLE_WIDTH, TEXT_WIDTH = 24, 88
LOCK = "demonstration.lock"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of giving the demonstration: by default on this machine alone."""

    stack: Callable[[Path, Checkout], Stack] = Stack
    """Makes the system that is started, below a home."""
    demo: Callable[..., Demo] = Demo
    """Makes what the stages share, of the fields of `Demo`."""
    stages: tuple[Stage, ...] = STAGES
    """What is shown, in order."""


ON_THIS_MACHINE = Variant()


def run(
    home: Path,
    checkout: Checkout,
    data: Path,
    *,
    console: Console,
    keep: bool = False,
    variant: Variant = ON_THIS_MACHINE,
) -> Demo | None:
    """Show every stage in a fresh `home`. Return what was measured, or None when a stage failed.

    Whatever happens, also an interrupt, everything that was started is stopped, unless all stages were shown and
    `keep` is set. Raises Conflict when a demonstration or a kept system runs in the same home.
    """
    try:
        with private_umask(), FileLock(private_folder(home) / LOCK, timeout=0), interruptible():
            stack = _fresh(variant.stack(home, checkout))
            demo = variant.demo(stack=stack, checkout=checkout, data=data, keep=keep)
            return _run(demo, variant.stages, console)
    except Timeout as error:
        raise Conflict(f"another demonstration runs in {home}. Wait for its end, or interrupt it.") from error


def _fresh(stack: Stack) -> Stack:
    """Return the system of an empty home: earlier counts would be mixed with this one's."""
    home, state = stack.home.path, stack.file.read()
    if state is not None and state.is_up:
        raise Conflict(f"a system is up in {home}. Stop it with `make down`, then run the demonstration again.")
    for path in home.iterdir():
        # The lock that keeps a second demonstration out stays.
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink()
    return stack


def _run(demo: Demo, stages: tuple[Stage, ...], console: Console) -> Demo | None:
    shown = False
    try:
        numbered = enumerate(stages, start=1)
        shown = all(_stage(demo, f"{number:>2}/{len(stages)}", stage, console) for number, stage in numbered)
        if shown:
            closing_words.tell(demo, console)
        return demo if shown else None
    finally:
        if not (shown and demo.keep):
            with undisturbed():
                demo.stack.down()


def _stage(demo: Demo, number: str, stage: Stage, console: Console) -> bool:
    """Show one stage; return whether it was observed."""
    head = f"{number}  {f'{stage.title} ':.<{TITLE_WIDTH}} "
    if not console.is_terminal:
        # Nothing turns there: who reads along in a log sees what has begun.
        console.print(head, end="", soft_wrap=True)
        console.file.flush()
        head = ""
    began = time.monotonic()
    try:
        with console.status(f"{number.strip()} {stage.title}"):
            if stage.title == REPORT_BEFORE:
                demo.facts["report"] = str(write_report(demo))
            text = stage.show(demo)
    except PegelError as error:
        console.print(f"{head}[red]failed[/red] after {time.monotonic() - began:.0f} s", soft_wrap=True)
        console.print(escape(str(error)), soft_wrap=True)
        return False
    seconds = time.monotonic() - began
    demo.facts.setdefault("stages_s", {})[stage.title] = round(seconds, 1)
    console.print(f"{head}{escape(text):<{TEXT_WIDTH}} {seconds:4.0f} s", soft_wrap=True)
    return True
