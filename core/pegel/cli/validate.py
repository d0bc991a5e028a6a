"""`pegel validate FILE`: what a spec means, before anything is started."""

from __future__ import annotations

from pegel.cli.console import out
from pegel.cli.options import SpecArgument
from pegel.judge import budget
from pegel.judge.budget import Layer
from pegel.spec.monitor_spec import MonitorSpec


def validate(file: SpecArgument) -> None:
    """Check a spec; show its fingerprint and what it means in words."""
    spec = MonitorSpec.from_file(file)
    out.print(f"{file} is a valid spec, fingerprint {spec.fingerprint()}\n", soft_wrap=True)
    for line in summary(spec):
        out.print(f"  {line}", soft_wrap=True)


def summary(spec: MonitorSpec) -> list[str]:
    """Return what a spec means, a sentence a line."""
    windowing, alarms = spec.windowing, spec.false_alarms
    length, late = windowing.length.total_seconds(), windowing.lateness.total_seconds()
    step = windowing.step.total_seconds()
    told = ", ".join(spec.alerts.emails) or "nobody (alerts.emails is empty)"
    often = f"{alarms.count:g} false alarm{'s' if alarms.count != 1 else ''} per {alarms.per}"
    return [
        f"watches {spec.key}, served as {spec.endpoint} from {spec.model.uri}",
        f"against {spec.baseline.source}",
        f"in windows of {length:g} s, a new one every {step:g} s, final {late:g} s after their end",
        f"mails {told}; while nothing changes, {often} at most",
        _budget(spec),
    ]


def _budget(spec: MonitorSpec) -> str:
    """Return the arithmetic behind the promise. How many features there are is known from the training data only."""
    if spec.watch.features == "all":
        shown = budget.levels(spec.false_alarms, spec.windowing, 1, frozenset(Layer))
        return (
            f"expect {shown.expected_per_day:.2g} false alarms per day: single windows are judged at "
            f"{shown.alpha_window:.2g} in all, shared by the features of the training data; {shown.others}"
        )
    features = len(spec.watch.features) + (1 if spec.watch.predictions else 0)
    return budget.levels(spec.false_alarms, spec.windowing, features, frozenset(Layer)).describe()
