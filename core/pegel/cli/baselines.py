"""`pegel baselines MODEL`: which baselines a model version has had, what became of new ones, and one of them again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.cli.console import err, say
from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import ModelArgument, VersionOption, opened
from pegel.errors import InvalidSpec
from pegel.report.refresh_words import headline, promotion_cells, refresh_line, review_lines, short
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import shown
from pegel.store.baseline_store import PREVIOUS, BaselineStore, Promotion
from pegel.store.meant_model import watched_model
from pegel.store.refresh_store import Refresh, RefreshStore

RestoreOption = Annotated[
    str | None,
    typer.Option("--restore", help=f"Make an earlier one current again: `{PREVIOUS}`, or the beginning of its id."),
]
WhyOption = Annotated[
    str, typer.Option("--why", help="The reason; it stands in the history, with your account's name.")
]
HEAD = ("since", "baseline", "in place of", "by", "why", "")
NewestOption = Annotated[bool, typer.Option("--newest", help="All that is known of the newest refresh.")]


def baselines(
    model: ModelArgument,
    version: VersionOption = None,
    home: HomeOption = None,
    *,
    restore: RestoreOption = None,
    why: WhyOption = "",
    newest: NewestOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the baselines of a model: what became current when, by whom and why, and what became of new ones.

    With --restore an earlier one becomes current again. Nothing is computed; what watches follows with its next span.
    """
    if restore is not None and not why.strip():
        raise InvalidSpec("--why: given nothing: expected a reason for whoever reads it later. Nothing was promoted.")
    if as_json and (restore is not None or newest):
        raise InvalidSpec("--json: expected the list alone, given --restore or --newest with it. Nothing was promoted.")
    with opened(settings_of(home)) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was changed.")
        if restore is not None:
            _restore(engine, entry.model, entry.version, restore, why)
        elif newest:
            _newest(engine, entry.model, entry.version)
        else:
            _list(engine, entry.model, entry.version, as_json=as_json)


def _restore(engine: Engine, model: str, version: int, wanted: str, why: str) -> None:
    by, now = person(), datetime.now(UTC)
    promoted = BaselineStore(engine).restore(model, version, wanted, by=by, now=now, why=shown(why))
    key = monitor_key(model, version)
    say(f"{key}: {short(promoted.baseline_id)} is current again, in place of {short(promoted.previous)}, said by {by}")
    say("what watches follows with its next span; `baseline_refresh` does not put back what was replaced by hand")


def _list(engine: Engine, model: str, version: int, *, as_json: bool) -> None:
    store, problems = BaselineStore(engine), list[str]()
    current, history = store.current(model, version), store.history(model, version)
    refreshes = RefreshStore(engine).list(model, version, damaged=problems)
    if as_json:
        told = [_promotion(event) for event in history]
        new = [_refresh(refresh) for refresh in refreshes]
        tell_json("baselines", told, problems, on_one_line=False, current=current, refreshes=new)
        return
    if not history:
        say(f"{monitor_key(model, version)} has no baseline yet")
    tell_table(
        HEAD,
        [
            promotion_cells(event, current=place == 0 and event.baseline_id == current)
            for place, event in enumerate(reversed(history))
        ],
    )
    for refresh in refreshes:
        say(f"new {refresh_line(refresh)}")
        say(f"    {headline(refresh.review)}")
    for problem in problems:
        say(problem, err)


def _promotion(event: Promotion) -> dict[str, str | None]:
    return {
        "baseline": event.baseline_id,
        "previous": event.previous,
        "at": event.at.isoformat(),
        "by": event.by,
        "why": event.why,
    }


def _refresh(refresh: Refresh) -> dict[str, str | None]:
    return {
        "baseline": refresh.baseline_id,
        "compared_with": refresh.compared_with,
        "at": refresh.at.isoformat(),
        "end": None if refresh.end is None else refresh.end.value,
        "ended_at": None if refresh.ended_at is None else refresh.ended_at.isoformat(),
        "by": refresh.by,
        "why": refresh.why,
        "headline": headline(refresh.review),
    }


def _newest(engine: Engine, model: str, version: int) -> None:
    refreshes = RefreshStore(engine).list(model, version, limit=1)
    if not refreshes:
        say(f"{monitor_key(model, version)}: no new baseline was compared with its current one yet")
    for refresh in refreshes:
        say(refresh_line(refresh))
        say("\n".join([headline(refresh.review), "", *review_lines(refresh.review)]))
