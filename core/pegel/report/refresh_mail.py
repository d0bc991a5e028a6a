"""The words of a mail about a new baseline: that a person is asked about it, or that it was not promoted."""

from __future__ import annotations

from markupsafe import Markup, escape

from pegel.baseline.baseline import Baseline
from pegel.judge.refresh.baseline_changes import BaselineChanges, KindOfChange
from pegel.report.mail_message import PICTURE, Rendered
from pegel.report.picture import MOST, Panel, png
from pegel.report.refresh_words import ENDS, headline, review_lines, short
from pegel.report.shapes import shape
from pegel.report.words import size
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.store.refresh_store import Refresh

_PICTURE = Markup(
    '<img src="cid:{}" width="600" style="border-radius: 6px; height: auto; max-width: 100%;" '
    'alt="The fields that moved most. Outline: current baseline. Filled: new training data.">'
)


def asked_words(
    refresh: Refresh, spec: MonitorSpec, *, link: str, days: float, picture: bytes | None, baselines: str
) -> Rendered:
    """Return the mail that a person is asked: `link` leads to where an answer is given, within so many `days`.

    `baselines`: the address of the page of the model's baselines.
    """
    moved = headline(refresh.review)
    subject = f"[pegel] {spec.model.name} v{spec.model.version}: may its new baseline take the current one's place?"
    first = [
        f"The training data of {spec.key} changed: {moved}.",
        "The current baseline stays until somebody says yes. Answer, with a reason for whoever reads it later:",
        link,
        f"Without an answer within {days:g} days the current one stays, and the next refresh asks again.",
    ]
    ids = f"New {short(refresh.baseline_id)}, current {short(refresh.compared_with)}"
    last = [f"{ids}; history: pegel baselines {spec.key}", f"Side by side: {baselines}"]
    lines = [*first, "", *review_lines(refresh.review), "", *last]
    html = _html(first, link, review_lines(refresh.review), last, picture=picture is not None)
    return Rendered(subject=subject, text="\n".join(lines) + "\n", html=html, picture=picture)


def not_promoted_words(refresh: Refresh, spec: MonitorSpec, *, baselines: str) -> Rendered:
    """Return the mail that a new baseline did not take the current one's place, by whom and why.

    `baselines`: as above.
    """
    who = f" by {shown(refresh.by, NAME_LIMIT)}" if refresh.by else ""
    why = f": {shown(refresh.why, LONGEST_SENTENCE)}" if refresh.why else ""
    lines = [
        f"The new baseline of {spec.key} was {ENDS[refresh.end]}{who}{why}.",
        f"It was about this: {headline(refresh.review)}.",
        "",
        f"History   pegel baselines {spec.key}",
        f"          {baselines}",
    ]
    subject = f"[pegel] {spec.model.name} v{spec.model.version}: its current baseline stays"
    return Rendered(subject=subject, text="\n".join(lines) + "\n", html=None, picture=None)


def picture_of(changes: BaselineChanges, current: Baseline, recount: Baseline) -> bytes | None:
    """Return a picture of the fields that moved most, as PNG: the current baseline as outline, the new rows filled."""
    panels = []
    for one in changes.of(KindOfChange.MOVED):
        if one.effect is None or (drawn := shape(current.features[one.name], recount.features[one.name])) is None:
            continue
        much = size(one.effect, one.effect_unit, {"effect": one.numbers}, one.unit)
        panels.append(Panel(one.name, f"{one.what}, {much}; filled: new training data", one.unit, drawn))
    return png(panels[:MOST]) if panels else None


def _html(first: list[str], link: str, review: list[str], last: list[str], *, picture: bool) -> str:
    head = [Markup('<p style="margin: 0 0 6px;">{}</p>').format(_linked(line, link)) for line in first]
    drawn = [_PICTURE.format(PICTURE)] if picture else []
    body = Markup("<pre>{}</pre>").format("\n".join(review))
    tail = [Markup("<p>{}</p>").format(line) for line in last]
    return str(Markup("").join([*head, *drawn, body, *tail]))


def _linked(line: str, link: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(line, line) if line == link else escape(line)
