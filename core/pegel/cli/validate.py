"""`pegel validate FILE`: what a spec means, before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, SpecArgument, home_of
from pegel.cli.route_connections import connection_lines
from pegel.cli.world_check import is_elsewhere, mail_problems, problems_of, training_facts
from pegel.errors import InvalidSpec
from pegel.judge.division import Division
from pegel.judge.layer import Setting, TrainingFacts
from pegel.judge.layer_table import LAYERS, Layers
from pegel.judge.outlook import Outlook, aligned, choices, people
from pegel.spec.given_spec import given_spec
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.spec.settings import SETTINGS_FILE, Settings
from pegel.spec.table_reference import TableRef, is_table


def validate(file: SpecArgument, home: HomeOption = None) -> None:
    """Check a spec; show its fingerprint and what it means in words, or all that is wrong at once.

    Where a system is up, also: whether the model's folder or server, the training data, the watched fields, the mail
    server and the connections of routes are there, and what will be judged.
    """
    given = given_spec(file)
    folder, spec = home_of(home), given.whole
    settings = Settings.of_home(folder) if (folder / SETTINGS_FILE).is_file() else None
    problems = problems_of(given, settings)
    if settings is not None:
        problems += mail_problems(given.parts, settings)
    if spec is None or problems:
        raise InvalidSpec("\n".join(problems))
    training = None if settings is None or is_elsewhere(spec.baseline, settings) else training_facts(spec, settings)
    say(f"{shown(str(file))} is a valid spec, fingerprint {spec.fingerprint()}\n")
    for line in summary(spec, training=training):
        say(f"  {shown(line, LONGEST_SENTENCE)}")
    if training is not None:
        say("\n" + aligned(Outlook.of(spec, training).brief()))
    missing, unseen = connection_lines(spec, settings)
    for line in missing:
        say(line, err)
    for line in filter(None, [*_not_looked_at(spec, settings, folder), unseen]):
        say(f"\nnot looked at: {line}")


def _not_looked_at(spec: MonitorSpec, settings: Settings | None, folder: Path) -> Iterator[str]:
    if settings is None:
        what = "the model's folder or server, training data, fields, mail server"
        yield f"{what}, because no system is up in {shown(str(folder))}"
        return
    if is_elsewhere(spec.baseline, settings):
        yield f"training data and fields, which lie {_where(spec, settings)}: the baseline job looks there"
    if spec.alerts.emails and settings.smtp is None:
        yield "the mail server, because PEGEL_SMTP does not say which is behind Airflow's connection smtp_default"


def _where(spec: MonitorSpec, settings: Settings) -> str:
    if is_hopsworks(spec.baseline.source):
        return "in Hopsworks"
    if is_table(spec.baseline.source):
        return f"in a table ({shown(TableRef.parse(spec.baseline.source).address)})"
    return f"at {shown(settings.features_address)}"


def _whence(spec: MonitorSpec) -> str:
    if spec.model.is_table:
        return f"whose rows batch_monitor reads each hour from {spec.model.place}"
    return f"served as {spec.endpoint} from {spec.model.place}"


def summary(spec: MonitorSpec, layers: Layers = LAYERS, *, training: TrainingFacts | None = None) -> list[str]:
    """Return what a spec means, a sentence a line, as far as it can be told without a baseline.

    With `training` what is not judged is the matter of `pegel.judge.outlook`.
    """
    windowing, alarms = spec.windowing, spec.false_alarms
    length, late = windowing.length.total_seconds(), windowing.lateness.total_seconds()
    step = windowing.step.total_seconds()
    recipients = people(spec) or "nobody (alerts.emails is empty)"
    division = Division.of(Setting(spec, usual_rows=max(1, spec.expected_rows), training=training), layers)
    often = f"{how_many(alarms.count, 'false alarm')} per {alarms.per}"
    held = "on average over baselines"
    if alarms.hold_for:
        held = f"for {100 * alarms.hold_for:g} % of baselines: levels fall where windows are large beside training data"
    return [
        f"watches {spec.key}, {_whence(spec)}",
        f"against {spec.baseline.source}",
        f"in windows of {length:g} s, a new one every {step:g} s, final {late:g} s after their end",
        f"mails {recipients}; while nothing changes, {often} at most, {held}",
        *(choices(spec) if training is None else ()),
        division.describe(),
        *(division.notes() if training is None else ()),
    ]
