"""One message about many things that are due at once: what they share first, then each kind with its worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.alerts.severity import Severity
from pegel.report.html import environment
from pegel.report.mail_lead import Lead, worst_first
from pegel.report.mail_message import Rendered
from pegel.report.severity_words import LEAD, marked
from pegel.report.words import moment
from pegel.spec.plain_numbers import how_many

SHOWN_OF_A_TROUBLE = 5
"""Alerts about the same that are told one by one; the rest is counted."""
TROUBLES = 20
"""Troubles that are told one by one, those of few models included."""
MANY_MODELS = 5
"""From so many models on that changed at about the same time, the cause is looked for in what they share."""
TOGETHER_WITHIN = timedelta(minutes=15)
_SHARED = (
    "Where so many change at about the same time, look first at what they share: a deployment, a table of features, "
    "the broker, the network."
)


@dataclass(frozen=True, slots=True)
class SameTrouble:
    """Alerts about the same, in the order in which they are told; `models`: how many these are of."""

    about: str
    models: int
    since: str
    leads: tuple[Lead, ...]

    @property
    def title(self) -> str:
        """Return what they are about, of how many models, and since when."""
        return f"{self.about} ({how_many(self.models, 'model')}, since {self.since} UTC)"

    @property
    def shown(self) -> tuple[Lead, ...]:
        """Return those that are told one by one."""
        return self.leads[:SHOWN_OF_A_TROUBLE]

    @property
    def further(self) -> int:
        """Return how many are counted alone."""
        return len(self.leads) - len(self.shown)


def many_subject(leads: Sequence[Lead], now: datetime) -> str:
    """Return the subject of one message about these: of how many models, and what most of them have."""
    begun = [lead.severity for lead in leads if not lead.is_over]
    worst = min(begun, key=lambda one: one.rank, default=Severity.INFO)
    return marked(f"{LEAD}{_headline(leads, _troubles(leads, now))}", worst, is_over=not begun)


def many_words(leads: Sequence[Lead], *, page_url: str, now: datetime) -> Rendered:
    """Return the message that tells all of these, two at least: plain text and HTML, no picture.

    The most severe troubles come first, of these those of most models; of each the clearest alerts. However many there
    are, it is a page long.
    """
    troubles = _troubles(leads, now)
    begun = [lead for lead in leads if not lead.is_over]
    values = {
        "opening": _opening(leads, troubles),
        "shared": _SHARED if _at_once(begun) else "",
        "troubles": troubles[:TROUBLES],
        "further_troubles": len(troubles) - len(troubles[:TROUBLES]),
        "link": page_url.rstrip("/"),
        "now": now,
    }
    return Rendered(
        subject=many_subject(leads, now),
        text=environment().get_template("many.txt.j2").render(values),
        html=environment().get_template("many.html.j2").render(values),
        picture=None,
    )


def _troubles(leads: Sequence[Lead], now: datetime) -> list[SameTrouble]:
    grouped: dict[tuple[bool, str], list[Lead]] = {}
    for lead in leads:
        grouped.setdefault((lead.is_over, lead.about), []).append(lead)
    found = []
    for (is_over, about), alike in grouped.items():
        named = f"{'over: ' if is_over else ''}{about}"
        found.append((is_over, SameTrouble(named, _models(alike), _since(alike, now), tuple(worst_first(alike)))))
    return [trouble for _, trouble in sorted(found, key=lambda one: (*_rank(*one), -one[1].models, one[1].about))]


def _rank(is_over: bool, trouble: SameTrouble) -> tuple[bool, int]:
    """Return what stands first: what goes on, and of that what is most severe, as the subject says."""
    return is_over, 0 if is_over else trouble.leads[0].severity.rank


def _models(leads: Sequence[Lead]) -> int:
    return len({model for lead in leads for model in lead.models})


def _since(leads: Sequence[Lead], now: datetime) -> str:
    return moment(min(lead.since for lead in leads), now)


def _named(leads: Sequence[Lead], troubles: Sequence[SameTrouble]) -> str:
    """Return the model that is told first, and how many others there are."""
    first, others = troubles[0].leads[0].models[0], _models(leads) - 1
    return f"{first} and {how_many(others, 'more model')}" if others else first


def _opening(leads: Sequence[Lead], troubles: Sequence[SameTrouble]) -> str:
    over = sum(lead.is_over for lead in leads)
    begun = len(leads) - over
    parts = [f"{how_many(begun, 'alert')} to look at"] if begun else []
    parts += [f"{how_many(over, 'alert')} over"] if over else []
    return f"{_named(leads, troubles)}: {' and '.join(parts)}."


def _at_once(begun: Sequence[Lead]) -> bool:
    """Say whether many models changed at about the same time."""
    models: dict[str, datetime] = {}
    for lead in begun:
        for model in lead.models:
            models[model] = min(lead.since, models.get(model, lead.since))
    times = sorted(models.values())
    pairs = zip(times, times[MANY_MODELS - 1 :], strict=False)
    return any(last - first <= TOGETHER_WITHIN for first, last in pairs)


def _headline(leads: Sequence[Lead], troubles: Sequence[SameTrouble]) -> str:
    first, further = troubles[0], len(troubles) - 1
    also = f", and {further} more" if further else ""
    if _models(leads) == 1:
        return f"{leads[0].models[0]}: {first.about} (since {first.since} UTC){also}"
    return f"{_named(leads, troubles)}: {first.title}{also}"
