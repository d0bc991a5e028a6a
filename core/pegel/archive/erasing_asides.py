"""What was sent as labels and is none may quote a subject's values in the reason why: found, and taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.folders import NOT_LABELS
from pegel.archive.replaced_file import TEMPORARY, UnreadFile, read_file, replace_file
from pegel.archive.subject import Subject


@dataclass(frozen=True, slots=True)
class ErasingAsides:
    """The entries below a root that are no labels, of all models."""

    address: ArchiveAddress
    subject: Subject

    def find(self, unread: list[str] | None = None) -> dict[str, int]:
        """Return how many entries are about the subject, by their file. `unread`: takes files that cannot be read."""
        counts: dict[str, int] = {}
        for path in self.address.files_below(f"{self.address.root}/{NOT_LABELS}"):
            if path.endswith(".parquet"):
                try:
                    counts[path] = int(self._mask(self._read(path)).sum())
                except (UnreadFile, KeyError):
                    if unread is not None:
                        unread.append(path)
        return {path: count for path, count in counts.items() if count}

    def erase(self) -> None:
        """Take them out, as they are now, and what an erasure that was killed left behind."""
        unread: list[str] = []
        found = self.find(unread)
        for path in unread:
            if path.rpartition("/")[2].startswith(TEMPORARY):
                self.address.files.delete_file(path)
        for path in found:
            rows = self._read(path)
            replace_file(self.address, path, rows.filter(pa.array(~self._mask(rows))))

    def _read(self, path: str) -> pa.Table:
        return read_file(self.address, path)

    def _mask(self, rows: pa.Table) -> NDArray[np.bool_]:
        reasons = rows.column("why").to_pylist()
        return np.array([self.subject.is_in((why or "").encode(errors="surrogatepass")) for why in reasons], np.bool_)
