"""A notice as chats and pagers expect it: Slack, Microsoft Teams, PagerDuty, or whoever reads plain JSON.

What an alert is about was named by others: it is text to each of them, never a mention, a link or a command.
Sources: docs.slack.dev "Sending messages using incoming webhooks" and "Formatting message text"; learn.microsoft.com
"Create and send messages" with incoming webhooks, and the schema of Adaptive Cards 1.4; developer.pagerduty.com
"Events API v2".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from pegel.report.notice import Notice, Noticed
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

LONGEST_TEXT: Final = 8_000
"""Characters of the words of a notice: Teams takes 28 KB in all, Slack shows some thousand."""
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
    body = [_rich(notice.title, weight="Bolder"), *(_rich(line) for line in lines)]
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
    """Return an event for each alert; where there are many, one tells of those that begin, and each end is its own."""
    begun = [one for one in notice.alerts if not one.lead.is_over]
    over = [one for one in notice.alerts if one.lead.is_over]
    resolved = [{"routing_key": secret, "event_action": "resolve", "dedup_key": one.key} for one in over]
    if len(begun) > APART:
        many = {
            "key": notice.id,
            "summary": notice.title,
            "severity": notice.severity.value,
            "details": notice.text,
        }
        return [*resolved, _event(notice, secret, **many)]
    return [*resolved, *(_event_of(notice, secret, one) for one in begun)]


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
