"""What the address of a page asks for, held against what it may: what is of no use is told, and left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pegel.spec.outside_text import quoted


@dataclass(slots=True)
class AskedValues:
    """The parameters of one address. `unusable`: of each that is of no use a sentence, in the order they were read."""

    unusable: list[str] = field(default_factory=list)

    def one_of(self, name: str, given: str, known: Iterable[str], *, instead: str, default: str = "") -> str:
        """Return what was given where it is known, `default` where nothing was; else `default`, and that it is not.

        `instead`: what is shown in that case.
        """
        names = list(known)
        if given in names:
            return given
        if given:
            self.refuse(f"{name}: expected {_listed(names)}; given {quoted(given)}.", instead)
        return default

    def refuse(self, sentence: str, instead: str) -> None:
        """Keep why something is of no use, and what is shown instead of what it asks for."""
        self.unusable.append(f"{sentence} Shown instead: {instead}.")


def _listed(names: list[str]) -> str:
    return " or ".join(names) if len(names) < 3 else f"one of {', '.join(names)}"  # noqa: PLR2004  two are a choice
