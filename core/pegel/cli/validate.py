"""`pegel validate FILE`: what a spec means, before anything is started."""

from __future__ import annotations

from pegel.cli.console import say
from pegel.cli.options import HomeOption, SpecArgument, home_of
from pegel.cli.world_check import world_problems
from pegel.errors import InvalidSpec
from pegel.judge.division import Division
from pegel.judge.layer import Setting
from pegel.judge.layer_table import LAYERS, Layers
from pegel.judge.named_parts import unknown_parts
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import plain
from pegel.spec.settings import SETTINGS_FILE, Settings


def validate(file: SpecArgument, home: HomeOption = None) -> None:
    """Check a spec; show its fingerprint and what it means in words.

    Where a system is up, also: whether the model's folder, the training data and the watched fields are there.
    """
    spec = MonitorSpec.from_file(file)
    folder = home_of(home)
    looked = (folder / SETTINGS_FILE).is_file()
    problems = [*unknown_parts(spec), *(world_problems(spec, Settings.of_home(folder)) if looked else ())]
    if problems:
        raise InvalidSpec("\n".join(problems))
    say(f"{shown(str(file))} is a valid spec, fingerprint {spec.fingerprint()}\n")
    for line in summary(spec):
        say(f"  {shown(line, LONGEST_SENTENCE)}")
    if not looked:
        say(f"\nnot looked at: model folder, training data, fields, because no system is up in {shown(str(folder))}")


def summary(spec: MonitorSpec, layers: Layers = LAYERS) -> list[str]:
    """Return what a spec means, a sentence a line, as far as it can be told without the training data."""
    windowing, alarms = spec.windowing, spec.false_alarms
    length, late = windowing.length.total_seconds(), windowing.lateness.total_seconds()
    step = windowing.step.total_seconds()
    recipients = ", ".join(spec.alerts.emails) or "nobody (alerts.emails is empty)"
    division = Division.of(Setting(spec), layers)
    often = f"{plain(alarms.count, 6)} false alarm{'s' if alarms.count != 1 else ''} per {alarms.per}"
    held = "on average over baselines"
    if alarms.hold_for:
        held = f"for {100 * alarms.hold_for:g} % of baselines: levels fall where windows are large beside training data"
    return [
        f"watches {spec.key}, served as {spec.endpoint} from {spec.model.place}",
        f"against {spec.baseline.source}",
        f"in windows of {length:g} s, a new one every {step:g} s, final {late:g} s after their end",
        f"mails {recipients}; while nothing changes, {often} at most, {held}",
        division.describe(),
        *division.notes(),
    ]
