"""A notice as chats and pagers expect it: Slack, Microsoft Teams, PagerDuty, or whoever reads plain JSON.

What an alert is about was named by others: it is text to each of them, never a mention, a link or a command.
Sources: docs.slack.dev "Sending messages using incoming webhooks" and "Formatting message text"; learn.microsoft.com
"Create and send messages" with incoming webhooks (28 KB in all), and the schema of Adaptive Cards 1.4;
developer.pagerduty.com "Events API v2".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from pegel.report.notice import Notice, Noticed
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

LONGEST_TEXT: Final = 8_000
"""Characters of the words of a notice: Slack shows some thousand."""
LARGEST_CARD: Final = 24_000
"""Bytes that the lines of a card have at most: letters beyond ASCII are six each, and a card that is too large is
refused for good."""
LONGEST_SUMMARY: Final = 1_024
"""Characters that PagerDuty takes as the summary of an event."""
APART: Final = 3
"""So many alerts at once are incidents of their own, each with its end; of more one incident tells."""
Payload = dict[str, Any]


def payloads(service: str, notice: Notice, secret: str) -> list[Payload]:
    """Return what is posted to a service, in order; `secret`: the key by which PagerDuty knows where it belongs.

    Posted again, each is the same. Raises KeyError for a service that is not known.
    """
    return _OF[service](notice, secret)


def _slack(notice: Notice, _: str) -> list[Payload]:
    text = f"{notice.title}\n{notice.text[:LONGEST_TEXT]}"
    for letter, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(letter, written)
    return [{"text": text, "mrkdwn": False}]


def _teams(notice: Notice, _: str) -> list[Payload]:
    lines = [line for line in notice.text[:LONGEST_TEXT].splitlines() if line.strip()]
    # Rich text has no markup: what is called [x](y) is no link in it.
    body = [_rich(notice.title, weight="Bolder")]
    room = LARGEST_CARD
    for block in map(_rich, lines):
        room -= len(json.dumps(block))
        if room < 0:
            body.append(_rich("..."))
            break
        body.append(block)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Look", "url": notice.link}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return [{"type": "message", "attachments": [attachment]}]


def _rich(text: str, **style: str) -> Payload:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _pagerduty(notice: Notice, secret: str) -> list[Payload]:
    """Return an event for each alert, what begins before what ends; of many that begin one event tells."""
    begun = [one for one in notice.alerts if not one.lead.is_over]
    news = [one for one in begun if one.lead.is_news]
    over = [one for one in notice.alerts if one.lead.is_over]
    resolved = [{"routing_key": secret, "event_action": "resolve", "dedup_key": one.key} for one in over]
    if len(begun) <= APART or 0 < len(news) <= APART:
        alone = begun if len(begun) <= APART else news
        return [*(_event_of(notice, secret, one) for one in alone), *resolved]
    # That many go on is the incident that they were at first; news among them are one of their own, which wakes.
    many = {
        "key": f"many {min(one.key for one in news or begun)}",
        "summary": notice.title,
        "severity": notice.severity.value,
        "details": notice.text,
    }
    return [_event(notice, secret, **many), *resolved]


def _event_of(notice: Notice, secret: str, one: Noticed) -> Payload:
    lead = one.lead
    summary = f"{', '.join(lead.models)}: {lead.sentence}"
    return _event(notice, secret, key=one.key, summary=summary, severity=lead.severity.value, details=lead.quiet)


def _event(notice: Notice, secret: str, *, key: str, summary: str, severity: str, details: str) -> Payload:
    models = dict.fromkeys(model for one in notice.alerts for model in one.lead.models)
    return {
        "routing_key": secret,
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {
            "summary": summary[:LONGEST_SUMMARY],
            "source": shown(", ".join(models), LONGEST_SENTENCE),
            "severity": severity,
            "custom_details": {"details": details[:LONGEST_TEXT]},
        },
        "client": "Pegel",
        "client_url": notice.link,
    }


def _webhook(notice: Notice, _: str) -> list[Payload]:
    alerts = [
        {
            "key": one.key,
            "about": one.lead.about,
            "models": list(one.lead.models),
            "severity": one.lead.severity.value,
            "state": "over" if one.lead.is_over else "open",
            "since": one.lead.since.astimezone(UTC).isoformat(),
            "sentence": one.lead.sentence,
            "link": one.link,
        }
        for one in notice.alerts
    ]
    said = {"id": notice.id, "title": notice.title, "text": notice.text, "severity": notice.severity.value}
    return [{"version": 1, **said, "link": notice.link, "alerts": alerts}]


_OF: Mapping[str, Callable[[Notice, str], list[Payload]]] = {
    "slack": _slack,
    "teams": _teams,
    "pagerduty": _pagerduty,
    "webhook": _webhook,
}
