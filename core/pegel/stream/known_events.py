"""A growing set of events that is searched in a time that hardly grows with it.

Runs of sorted identities, each more than twice as long as the next, as in a log-structured merge tree: every identity
is merged a few times in its life, and a search looks into a few runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pegel.stream.partial import Ids, no_ids


@dataclass(slots=True)
class KnownEvents:
    """Identities of events. `runs`: sorted, the longest first."""

    runs: list[Ids] = field(default_factory=list)

    def add(self, ids: Ids) -> None:
        """Add some identities."""
        run = np.sort(ids)
        while self.runs and self.runs[-1].size <= 2 * run.size:
            # Merging two sorted runs is what this kind of sorting is quick at.
            run = np.sort(np.concatenate([self.runs.pop(), run]), kind="stable")
        if run.size:
            self.runs.append(run)

    def among(self, ids: Ids) -> Ids:
        """Return those of some identities that are known, sorted and each once."""
        sought = np.unique(ids)
        known = [no_ids()]
        for run in self.runs:
            places = np.minimum(np.searchsorted(run, sought), run.size - 1)
            known.append(sought[run[places] == sought])
        return np.unique(np.concatenate(known))
