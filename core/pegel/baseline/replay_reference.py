"""What an endpoint answered when its version was new, for whoever asks later whether it is the same version still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FEWEST_DIFFERING: Final = 3
"""Different rows whose answers are others before that is another model; one damaged record is no deployment."""


@dataclass(frozen=True, slots=True)
class ReplayReference:
    """How many of the answers differed at onboarding, when the model certainly was the registered one.

    `replayed`: how many were looked at; 0: nobody looked. `fewest`: different rows whose answers have to differ before
    that is another model.
    """

    differing: int = 0
    replayed: int = 0
    fewest: int = FEWEST_DIFFERING

    @property
    def is_exact(self) -> bool:
        """Say whether answers can be reproduced exactly, as far as is known."""
        return not self.differing
