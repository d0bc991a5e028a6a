"""What a silence is about: any of model, version, segment, feature and kind of alert; what is left out is any.

A kind is one of what is wrong with a model, or with the watching of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.any_kind import AnyKind
from pegel.alerts.health_kind import HealthKind
from pegel.judge.findings import Finding
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown


def matches(pattern: str, text: str) -> bool:
    r"""Say whether a whole text is as a pattern says: `*` stands for any letters, none among them, `\*` for a star.

    Upper and lower case differ. It takes one pass over the text, whatever the pattern is.

    >>> matches("de*ys", "delays"), matches("amount", "Amount"), matches(r"a\*b", "a*b"), matches(r"a\*b", "axb")
    (True, False, True, False)
    """
    first, *rest = _pieces(pattern)
    if not rest:
        return text == first
    *middle, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def is_pattern(text: str) -> bool:
    """Say whether a star in it stands for any letters."""
    return len(_pieces(text)) > 1


def _pieces(pattern: str) -> list[str]:
    """Return what stands between the stars. A backslash before anything but a star is a letter as any other."""
    return [piece.replace("\0", "*") for piece in pattern.replace("\0", "\ufffd").replace("\\*", "\0").split("*")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """Which findings are meant: those that everything which is said here fits. None: it says nothing of that.

    `model`, `segment` and `feature` are patterns, see `matches`; the empty segment is that of all rows.
    """

    model: str | None = None
    version: int | None = None
    segment: str | None = None
    feature: str | None = None
    kind: AnyKind | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where it says nothing at all: whoever means everything says so with a star."""
        if (self.model, self.version, self.segment, self.feature, self.kind) == (None,) * 5:
            raise ValueError("expected at least one of model, version, segment, feature and kind; given none")

    def concerns(self, model: str, version: int) -> bool:
        """Say whether anything of a model version may be meant."""
        return _fits(self.model, model) and self.version in {None, version}

    def covers_health(self, kind: HealthKind, model: str, version: int) -> bool:
        """Say whether it is meant that something is wrong with the watching of a model version: that has no feature."""
        return (
            self.concerns(model, version) and (self.segment, self.feature) == (None,) * 2 and self.kind in {None, kind}
        )

    @property
    def is_whole(self) -> bool:
        """Say whether everything of a model is meant, not a segment, a feature or a kind of it."""
        return (self.segment, self.feature, self.kind) == (None,) * 3

    def covers(self, finding: Finding) -> bool:
        """Say whether a finding is meant. A single event is a part of the rows that is called as its feature is."""
        segment = "" if finding.segment == finding.feature else finding.segment
        return (
            self.concerns(finding.model, finding.version)
            and _fits(self.segment, segment)
            and _fits(self.feature, finding.feature)
            and self.kind in {None, AlertKind.of(finding)}
        )

    def __str__(self) -> str:
        """Return it in words: `delays/1`, `model delays/*, feature amount, kind drift`."""
        if self.model is not None and self.is_whole:
            return self._monitor
        said = {
            "model": None if self.model is None else self._monitor,
            "version": self.version if self.model is None else None,
            "feature": None if self.feature is None else _name(self.feature),
            "segment": None if self.segment is None else _name(self.segment),
            "kind": self.kind,
        }
        return ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)

    @property
    def _monitor(self) -> str:
        name = _name(self.model or "")
        return f"{name}/*" if self.version is None else monitor_key(name, self.version)


def _fits(pattern: str | None, text: str) -> bool:
    return pattern is None or matches(pattern, text)


def _name(text: str) -> str:
    """Return a name as part of a list: in quotation marks where it would not be seen, or be taken for two."""
    return quoted(text, NAME_LIMIT) if not text.strip() or "," in text else shown(text, NAME_LIMIT)
