"""`pegel resolve ID`: an alert is over because a person says so; what is found afterwards is news."""

from __future__ import annotations

from datetime import UTC, datetime

from pegel.cli.listed_rows import JsonOption
from pegel.cli.one_alert import AlertId, Why, refuse_no_reason, tell_changed
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.person import person
from pegel.cli.watched_model import opened
from pegel.report.happened_words import about
from pegel.report.words import moment
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.store.alert_store import AlertStore


def resolve(alert: AlertId, why: Why = "", as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Close an alert: it is over, and a new finding opens another. One that is over already stays as it is."""
    now = datetime.now(UTC)
    refuse_no_reason(why)
    with opened(settings_of(home)) as engine:
        known = AlertStore(engine).resolve(alert, now, by=person(), why=shown(why))
        if known.over_at is None or known.over_at == now:
            what = about(known.kind, ", ".join(shown(name, NAME_LIMIT) for name in known.names))
            words = f"resolved: {what}; a new finding opens another alert"
        else:
            words = f"that alert is over since {moment(known.over_at, now)} UTC; nothing was changed"
        tell_changed(engine, known, f"{known.key}: {words}", now, as_json=as_json)
