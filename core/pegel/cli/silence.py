"""`pegel silence`: no mails about what is named, for a while or in windows that come again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.alerts.any_kind import ANY_KINDS, AnyKind, any_kind
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.matcher import Matcher
from pegel.alerts.model_pattern import model_pattern, refuse_unknown_model
from pegel.alerts.quiet_times import LONGEST_PATTERN, NOTHING, When
from pegel.alerts.silencing import Silence, silenced_by
from pegel.cli.console import err, say
from pegel.cli.known_names import model_names
from pegel.cli.meant_parts import unknown_parts
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import VersionOption, opened
from pegel.errors import InvalidSpec
from pegel.report.silence_words import silenced
from pegel.report.words import several
from pegel.spec.names import monitor_key
from pegel.spec.nearest import with_stop
from pegel.spec.outside_text import cut, shown
from pegel.store.alert_store import AlertStore
from pegel.store.registry import Entry, Registry
from pegel.store.silence_store import SilenceStore

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A name, name and version, or a pattern: `delays`, `delays/1`, `delays*`.",
        autocompletion=model_names,
    ),
]
Segment = Annotated[str | None, typer.Option("--segment", help="A segment or a pattern; an empty text: all rows.")]
Feature = Annotated[str | None, typer.Option("--feature", help="A feature, a kind of odd events, or a pattern.")]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="A kind of alert: `drift`, or `no traffic` of the watching itself.",
        autocompletion=lambda: list(ANY_KINDS),
    ),
]
Since = Annotated[str | None, typer.Option("--from", help="When it begins, as --until; default: now.")]
Until = Annotated[
    str | None, typer.Option("--until", help="`09:00` (UTC, the next one), an ISO 8601 instant, or `4h`, `30m`.")
]
Every = Annotated[
    str | None, typer.Option("--every", help="Windows that come again: `sun 02:00-04:00 Europe/Berlin`, `mon-fri ...`.")
]
Why = Annotated[str, typer.Option("--why", help="The reason; it stands on the model's page, with your account's name.")]


def silence(  # noqa: PLR0917  options are named on the command line
    model: Model = None,
    version: VersionOption = None,
    segment: Segment = None,
    feature: Feature = None,
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
    every: Every = None,
    why: Why = "",
    home: HomeOption = None,
) -> None:
    """Send no mail about what is named; its windows are judged as before. In a pattern `*` stands for any letters."""
    now, by = datetime.now(UTC), person()
    name, number = model_pattern(model, version, otherwise=NOTHING)
    if (name, number, segment, feature, kind) == (None,) * 5:
        options = "--model, --version, --segment, --feature and --kind"
        raise InvalidSpec(f"expected at least one of {options}, given none; `--model '*'` is all. {NOTHING}")
    for option, pattern in (("--model", name), ("--segment", segment), ("--feature", feature)):
        # The empty segment is that of all rows; of the others none is called so.
        if not pattern and pattern is not None and option != "--segment":
            raise InvalidSpec(f"{option}: expected a name or a pattern, given no letters. {NOTHING}")
        if pattern is not None and len(pattern) > LONGEST_PATTERN:
            raise InvalidSpec(f"{option}: expected at most {LONGEST_PATTERN} letters, given {cut(pattern)}. {NOTHING}")
    if not why.strip():
        raise InvalidSpec(f"--why: given nothing: expected a reason for whoever reads it later. {NOTHING}")
    about = Matcher(model=name, version=number, segment=segment, feature=feature, kind=_kind(kind, segment, feature))
    begin, end, again = When(since, until, every).read(now)
    wanted = Silence(about=about, why=shown(why), by=by, said_at=now, since=begin, until=end, every=again)
    if wanted.holds(now) is None and wanted.next(now) is None:
        raise InvalidSpec(f"expected a window that begins before its end, given none. {NOTHING}")
    with opened(settings_of(home)) as engine:
        meant = _watched(engine, about)
        warnings = unknown_parts(engine, meant, about)
        said = SilenceStore(engine).say(wanted)
        alerts = _alerts(engine, said, now)
    say(f"silence {said.id}: {silenced(said, now)}")
    watched = [monitor_key(entry.model, entry.version) for entry in meant]
    say(f"of watched models it is about {several(watched, 5) or 'none now'}; of open alerts, {alerts}")
    say(f"what it is about is judged as before; `pegel unsilence {said.id}{same_home(home)}` ends the silence")
    for warning in warnings:
        say(warning, err)


def _kind(given: str | None, segment: str | None, feature: str | None) -> AnyKind | None:
    """Return the kind that is named. Raises InvalidSpec for none, and for one that has no segments and features."""
    try:
        kind = None if given is None else any_kind(given)
    except ValueError as error:
        raise InvalidSpec(f"--kind: {with_stop(error)} {NOTHING}") from error
    if isinstance(kind, HealthKind) and (segment, feature) != (None,) * 2:
        what = f"--kind: {kind} is about the watching of a model, which has no segments and no features"
        raise InvalidSpec(f"{what}; expected it without --segment and --feature. {NOTHING}")
    return kind


def _watched(engine: Engine, about: Matcher) -> list[Entry]:
    """Return the models that are meant. Raises InvalidSpec where a name that is no pattern means none."""
    entries = Registry(engine).entries()
    refuse_unknown_model(about, [(entry.model, entry.version) for entry in entries], otherwise=NOTHING)
    return [entry for entry in entries if about.concerns(entry.model, entry.version)]


def _alerts(engine: Engine, silence: Silence, now: datetime) -> str:
    known = AlertStore(engine).open_alerts(damaged=[])
    silenced_ones = [alert.id[:8] for alert in known if silenced_by(alert, [silence], now)]
    return several(silenced_ones, 5) or "none now"
