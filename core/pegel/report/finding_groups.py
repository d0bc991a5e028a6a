"""Findings by the feature that they are about, the clearest first, so that none stands in the way of another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pegel.judge.findings import FROM_BEST_TO_WORST, Finding

MOST_GROUPS: Final = 25
"""Features that are listed."""
MOST_FURTHER: Final = 12
"""Further findings of one feature that are listed, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """What was found about one feature, whole or in segments. `worst`: the clearest; `count`: how many there are."""

    feature: str
    worst: Finding
    further: list[Finding]
    """The newest others, newest first."""
    count: int

    @property
    def is_cut(self) -> bool:
        """Say whether there are others that are not listed."""
        return self.count > 1 + len(self.further)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroups:
    """The features with findings, the worst first. `more`: so many further features are not listed."""

    groups: list[FindingGroup]
    more: int = 0
    looked_at: int | None = None
    """Among so many of the newest findings these are; None where these are all."""

    @classmethod
    def of(cls, findings: Sequence[Finding], *, most: int | None = None) -> FindingGroups:
        """Group findings that are in order, newest first; `most`: so many at most were read."""
        by_feature = dict[str, list[Finding]]()
        for finding in findings:
            by_feature.setdefault(finding.feature, []).append(finding)
        groups = sorted((_group(feature, own) for feature, own in by_feature.items()), key=lambda one: _rank(one.worst))
        return cls(
            groups=groups[:MOST_GROUPS],
            more=max(0, len(groups) - MOST_GROUPS),
            looked_at=most if most is not None and len(findings) >= most else None,
        )


def _group(feature: str, findings: Sequence[Finding]) -> FindingGroup:
    worst = min(findings, key=_rank)
    further = [one for one in findings if one is not worst]
    return FindingGroup(feature=feature, worst=worst, further=further[:MOST_FURTHER], count=len(findings))


def _rank(finding: Finding) -> tuple[int, float, float]:
    """Return the place of a finding: by its verdict, then how sure it is, then how large, as features are ordered."""
    return -FROM_BEST_TO_WORST.index(finding.verdict), finding.p_value, -abs(finding.effect)
