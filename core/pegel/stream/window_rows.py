"""Samples of the rows of open windows, in the driver's memory alone, and what is to be looked at once they are final.

Nothing of it is stored: after a restart the rows of open windows are not at hand, which is told as such.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pegel.data.instants import from_us
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow
from pegel.stream.row_sample import RowSample
from pegel.stream.task_output import SampledPane

MOST_KEPT_BYTES = 64 * 1024 * 1024
"""Memory of the samples of all open windows of a group together."""
MOST_LET_GO = 10_000
"""Panes of which it is known that they were let go; of older ones it is told that rows are not at hand."""
NO_ROOM = "its rows were let go: the samples of all open windows together took too much memory"
NOT_AT_HAND = "its rows are not at hand: nobody asked for them, or its driver was started anew, while it was open"


@dataclass(frozen=True, slots=True)
class FinalWindow:
    """A final window whose rows are to be looked at. `sample`: None where there is none; `why` says then why."""

    row: WindowRow
    spec: MonitorSpec
    sample: RowSample | None
    why: str = ""


@dataclass(slots=True)
class WindowRows:
    """The samples of panes that are not yet of final windows alone."""

    most_bytes: int = MOST_KEPT_BYTES
    kept: dict[SampledPane, RowSample] = field(default_factory=dict)
    let_go: set[SampledPane] = field(default_factory=set)
    """Panes of which no sample is kept any more, because there was no room."""
    size_bytes: int = 0

    def take(self, samples: Mapping[SampledPane, RowSample]) -> None:
        """Add rows of some panes. Where there is no room, the oldest pane of whoever has most is let go."""
        for pane, sample in samples.items():
            if pane in self.let_go:
                continue
            self.size_bytes -= self.kept[pane].size_bytes if pane in self.kept else 0
            if pane in self.kept:
                self.kept[pane].merge(sample)
            else:
                self.kept[pane] = sample
            self.size_bytes += self.kept[pane].size_bytes
            while self.size_bytes > self.most_bytes:
                self._let_go()

    def final(
        self,
        rows: Iterable[WindowRow],
        specs: Mapping[str, MonitorSpec],
        asking: Collection[str],
        lost: Iterable[tuple[str, datetime]] = (),
    ) -> list[FinalWindow]:
        """Return what is to be looked at of the final windows among `rows`; forget the panes that nobody needs more.

        `asking`: keys of the monitors that ask for rows. `lost`: final windows by key and begin that could not be
        judged, of which there is no row.
        """
        windows = []
        for row in sorted((row for row in rows if row.final and not row.segment), key=lambda row: row.span.start):
            spec = specs.get(row.key)
            if spec is not None and row.key in asking and row.baseline_id is not None and row.summary:
                windows.append(self._of(row, spec))
            # The newest window of a pane begins with it.
            self._forget(row.key, row.span.start)
        for key, start in lost:
            self._forget(key, start)
        for key in {key for key, _, _ in (*self.kept, *self.let_go)} - specs.keys():
            self._forget(key, None)
        return windows

    def _of(self, row: WindowRow, spec: MonitorSpec) -> FinalWindow:
        own = [pane for pane in (*self.kept, *self.let_go) if _is_of(pane, row)]
        if any(pane in self.let_go for pane in own):
            return FinalWindow(row, spec, None, NO_ROOM)
        if not own:
            return FinalWindow(row, spec, None, NOT_AT_HAND)
        first, *others = (self.kept[pane] for pane in own)
        # A later window may need the same panes as they are.
        whole = replace(first)
        for other in others:
            whole.merge(other)
        return FinalWindow(row, spec, whole)

    def _forget(self, key: str, until: datetime | None) -> None:
        """Forget the panes of a monitor that begin at `until` or before; None: all of them."""
        gone = [
            pane
            for pane in (*self.kept, *self.let_go)
            if pane[0] == key and (until is None or from_us(pane[1]) <= until)
        ]
        for pane in gone:
            self.let_go.discard(pane)
            if pane in self.kept:
                self.size_bytes -= self.kept.pop(pane).size_bytes

    def _let_go(self) -> None:
        """Let go of the oldest pane of the monitor whose samples take most, so that nobody lacks room for its sake."""
        sizes: Counter[str] = Counter()
        for (key, _, _), sample in self.kept.items():
            sizes[key] += sample.size_bytes
        ((largest, _),) = sizes.most_common(1)
        oldest = min((pane for pane in self.kept if pane[0] == largest), key=_begin)
        self.size_bytes -= self.kept.pop(oldest).size_bytes
        self.let_go.add(oldest)
        if len(self.let_go) > MOST_LET_GO:
            self.let_go.remove(min(self.let_go, key=_begin))


def _begin(pane: SampledPane) -> int:
    return pane[1]


def _is_of(pane: SampledPane, row: WindowRow) -> bool:
    key, start_us, baseline_id = pane
    return key == row.key and baseline_id == row.baseline_id and row.span.start <= from_us(start_us) < row.span.end
