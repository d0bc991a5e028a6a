"""Routes of alerts as a spec asks for them: which alerts go to whom, when, at once or in a digest.

An addressee is an e-mail address, or one of a chat or pager: `slack:oncall` is the connection `pegel_oncall` of
Airflow, written to as Slack expects it. The prefix is a door: a spec reaches no connection that was made for others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from pegel.spec.email_addresses import is_email
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
from pegel.spec.weekly_times import WeeklyWindow

SEVERITIES = ("critical", "warning", "info")
"""How bad an alert is, the worst first."""
ALERT_KINDS = (
    "events",
    "model",
    "drift",
    "long spans",
    "attributions",
    "performance",
    "quality",
    "skew",
    "probing",
    "single event",
)
"""What is wrong with a model, see `pegel.alerts.alert_kind`."""
HEALTH_KINDS = (
    "not watched",
    "behind",
    "not judged",
    "no traffic",
    "records lost",
    "open ledger",
    "labels late",
    "traffic fell",
    "disk fills",
    "unreachable",
    "refresh refused",
    "baseline old",
)
"""What is wrong with the watching itself, see `pegel.alerts.health`."""
KINDS = (*ALERT_KINDS, *HEALTH_KINDS)
SERVICES = ("slack", "teams", "pagerduty", "webhook")
"""What else than mail servers takes messages."""
CONNECTION_PREFIX = "pegel_"
MOST_ROUTES = 50
MOST_ADDRESSEES = 50
_ELSEWHERE = re.compile(rf"({'|'.join(SERVICES)}):([a-z0-9][a-z0-9_-]{{0,39}})")
_AS_IN = "write a mapping as in `{severity: critical, to: [slack:oncall]}`"
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to whom. Empty or None: it says nothing of that.

    `model`, `feature` and `segment` are patterns, as those of silences; `hours` is a window that comes again.
    """

    to: tuple[str, ...]
    severity: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    model: str | None = None
    feature: str | None = None
    segment: str | None = None
    hours: str | None = None
    digest: bool = False
    """Whether it is told in the next digest, not at once."""
    goes_on: bool = False
    """Whether the routes behind it are looked at, too; written `continue`."""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written, what it does not say left out: the inverse of `alert_routes` for one."""
        stated = {name: getattr(self, name) for name in _NAMES.values()}
        listed = {name: list(value) if isinstance(value, tuple) else value for name, value in stated.items()}
        return {word: listed[name] for word, name in _NAMES.items() if listed[name] not in ([], None, False)}


_NAMES = {("continue" if one.name == "goes_on" else one.name): one.name for one in fields(Route)}


def is_service(address: str) -> bool:
    """Say whether an addressee is a connection of Airflow, not an e-mail address."""
    return _ELSEWHERE.fullmatch(address) is not None


def is_pager(address: str) -> bool:
    """Say whether an addressee opens an incident, which goes on until it is told that it is over."""
    return is_service(address) and address.startswith("pagerduty:")


def service_of(address: str) -> tuple[str, str]:
    """Return the service of an addressee that is none of e-mail, and the id of its connection.

    >>> service_of("slack:oncall")
    ('slack', 'pegel_oncall')
    """
    service, _, name = address.partition(":")
    return service, f"{CONNECTION_PREFIX}{name}"


def alert_routes(value: Any) -> tuple[Route, ...]:
    """Return routes in their order. Raises ValueError with the route, what was expected and what was given."""
    given = [value] if isinstance(value, Mapping | Route) else value
    if not isinstance(given, list | tuple):
        raise ValueError(f"expected a list of routes; {_AS_IN}")  # noqa: TRY004  pydantic's way
    if len(given) > MOST_ROUTES:
        raise ValueError(f"expected at most {MOST_ROUTES} routes, given {len(given)}")
    return tuple(_route(item, f"route {at}") for at, item in enumerate(given, start=1))


def severities_by_kind(value: Any) -> dict[str, str]:
    """Return severities by kind of alert, both known. Raises ValueError with what was expected."""
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping as in `{drift: info, not watched: critical}`")  # noqa: TRY004  the same
    return {_one_of(KINDS, kind, "a kind of alert"): _one_of(SEVERITIES, how, str(kind)) for kind, how in value.items()}


def _route(item: Any, where: str) -> Route:
    if isinstance(item, Route):
        return item
    if not isinstance(item, Mapping):
        raise ValueError(f"{where}: expected a mapping, given {quoted(item)}; {_AS_IN}")  # noqa: TRY004  the same
    for name in item:
        if name not in _NAMES:
            guess = did_you_mean(str(name), tuple(_NAMES), lead="; ")
            raise ValueError(f"{where}: unknown field {quoted(name)}{guess}; a route has {', '.join(_NAMES)}")
    to = tuple(dict.fromkeys(_addressee(each, where) for each in _listed(item.get("to"))))
    if not 0 < len(to) <= MOST_ADDRESSEES:
        raise ValueError(f"{where}: expected `to`, 1 to {MOST_ADDRESSEES} addressees; given {len(to)}")
    digest = _truth(item.get("digest"), f"{where}: digest")
    if digest and (pagers := [each for each in to if is_pager(each)]):
        raise ValueError(f"{where}: a digest wakes nobody; leave out {', '.join(pagers)}")
    return Route(
        to=to,
        severity=tuple(_one_of(SEVERITIES, each, f"{where}: severity") for each in _listed(item.get("severity"))),
        kind=tuple(_one_of(KINDS, each, f"{where}: kind") for each in _listed(item.get("kind"))),
        model=_pattern(item.get("model"), f"{where}: model"),
        feature=_pattern(item.get("feature"), f"{where}: feature"),
        segment=_pattern(item.get("segment"), f"{where}: segment"),
        hours=_hours(item.get("hours"), where),
        digest=digest,
        goes_on=_truth(item.get("continue"), f"{where}: continue"),
    )


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _one_of(known: Sequence[str], given: Any, what: str) -> str:
    if given in known:
        return str(given)
    guess = did_you_mean(str(given), known, lead="; ")
    raise ValueError(f"{what}: given {quoted(given)}, expected one of {', '.join(known)}{guess}")


def _addressee(given: Any, where: str) -> str:
    text = str(given)
    if _ELSEWHERE.fullmatch(text) or is_email(text):
        return text
    raise ValueError(
        f"{where}: expected an e-mail address, or {', '.join(f'{one}:NAME' for one in SERVICES)} with the name of a "
        f"connection {CONNECTION_PREFIX}NAME of Airflow; given {quoted(given)}"
    )


def _pattern(given: Any, what: str) -> str | None:
    if given is None or (isinstance(given, str) and (given or what.endswith("segment"))):
        return given
    raise ValueError(f"{what}: expected a name, in which * stands for any letters; given {quoted(given)}")


def _truth(given: Any, what: str) -> bool:
    if given is None or isinstance(given, bool):
        return bool(given)
    if isinstance(given, str) and given in _TRUTHS:
        return _TRUTHS[given]
    raise ValueError(f"{what}: expected true or false, given {quoted(given)}")


def _hours(given: Any, where: str) -> str | None:
    if given is None:
        return None
    try:
        return str(WeeklyWindow.parse(str(given)))
    except ValueError as error:
        raise ValueError(f"{where}: hours: {error}; given {quoted(given)}") from None
