"""A long span as it is stored: the row of a window, and what it was put together from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pegel.data.spans import Span
from pegel.spec.rhythms import Rhythm
from pegel.stream.result_rows import WindowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class LongSpanRow:
    """One hour, day or week of one monitor, or that part of it which one baseline judges.

    Key: model, version, segment, rhythm, span, baseline, revision, origin. All parts of a span are written together,
    under one revision; a reader sees those of the highest, of two with the same those of the batch job.

    `row`: what the stored row of a window says, for the rows of this part; its `span` is that of the rhythm, whole.
    `part`: from the begin of the first window that was counted to the end of the last; the whole span where one
    baseline judges all of it. `windows`: how many were counted; `recounted`: those of them that were counted again from
    the archive, because rows came late. `late_known`: how many events of its time had come late; `late_missing`: those
    of them that are in no count. `inputs`: a digest of the windows that it was made of: another one, or more events
    that came late, and the span has to be made anew. `notes`: what people should know of all that.
    """

    rhythm: Rhythm
    row: WindowRow
    part: Span
    windows: int
    inputs: str
    recounted: int = 0
    late_known: int = 0
    late_missing: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def span(self) -> Span:
        """Return the whole span."""
        return self.row.span

    @property
    def revision(self) -> int:
        """Return how often the span was put together."""
        return self.row.revision
