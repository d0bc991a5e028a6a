"""The baselines by which tasks count, as they are sent to the processes that do."""

from __future__ import annotations

from dataclasses import dataclass

from pegel.errors import NotFound
from pegel.stream.counting_plan import LoadedBaseline, load_baseline


@dataclass(frozen=True, slots=True)
class BaselineDocuments:
    """The documents that tasks need, by baseline id, and why some could not be had."""

    documents: dict[str, bytes]
    unreadable: dict[str, str]

    def load(self, name: str) -> LoadedBaseline:
        """Return a baseline made ready. Raises NotFound when its document could not be had."""
        if name not in self.documents:
            raise NotFound(self.unreadable.get(name, f"no document of {name}"))
        return load_baseline(name, self.documents[name])
