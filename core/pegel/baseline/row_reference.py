"""What training says of how rows are sent: in which steps numbers are measured, what goes together, what crowds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Role
from pegel.stats.decimal_grids import off_grid
from pegel.stats.fingerprints.answer_classes import AnswerClasses
from pegel.stats.fingerprints.burst_floor import BurstFloor
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.fingerprint_tables import FingerprintTable, FingerprintTables, coordinates_of
from pegel.stats.fingerprints.kept_answers import KeptAnswers
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.fingerprints.row_codes import RowCodes
from pegel.stats.fingerprints.row_hashes import Hashes, key_of, row_hashes
from pegel.stats.joint_distance import JointDistance, complete_scores
from pegel.stats.layout import Layout
from pegel.stats.row_behaviour import RowBehaviour
from pegel.stats.summary import Summary


@dataclass(frozen=True, eq=False)
class JointCut:
    """A row's numbers are an unusual combination beyond `cut`, as `exceeding` of `placed` rows of training are."""

    distance: JointDistance
    cut: int
    exceeding: int
    placed: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        counts = {"cut": self.cut, "exceeding": self.exceeding, "placed": self.placed}
        return {"distance": self.distance.to_json()} | counts

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(JointDistance.from_json(data["distance"]), data["cut"], data["exceeding"], data["placed"])


@dataclass(frozen=True, eq=False)
class CrowdReference:
    """The crowds of training.

    `left_out`: fields that follow time, and so do not count. `sizes`: distinct rows by cell; None where rows are only
    counted. `floor`: how large sessions are; None where that was not assessed, and `why` then says why.
    """

    tables: tuple[FingerprintTable, ...]
    left_out: tuple[str, ...]
    sizes: CrowdSizes | None
    floor: BurstFloor | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "tables": [table.to_json() for table in self.tables],
            "left_out": list(self.left_out),
            "sizes": None if self.sizes is None else self.sizes.to_json(),
            "floor": None if self.floor is None else self.floor.to_json(),
            "why": self.why,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            tuple(FingerprintTable.from_json(table) for table in data["tables"]),
            tuple(data["left_out"]),
            None if data["sizes"] is None else CrowdSizes.from_json(data["sizes"]),
            None if data["floor"] is None else BurstFloor.from_json(data["floor"]),
            data["why"],
        )


@dataclass(frozen=True, eq=False)
class RowReference:
    """Everything that rows are compared with to see how they are sent; each part is None where nobody asks for it.

    `grids`: digits behind the point by name, of the numeric features that are measured in steps.
    """

    grids: Mapping[str, int] | None = None
    joint: JointCut | None = None
    crowds: CrowdReference | None = None

    def for_counting(self) -> RowReference:
        """Return it without what is needed to judge alone."""
        return self if self.crowds is None else replace(self, crowds=replace(self.crowds, sizes=None))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "grids": None if self.grids is None else dict(self.grids),
            "joint": None if self.joint is None else self.joint.to_json(),
            "crowds": None if self.crowds is None else self.crowds.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            data["grids"],
            None if data["joint"] is None else JointCut.from_json(data["joint"]),
            None if data["crowds"] is None else CrowdReference.from_json(data["crowds"]),
        )


@dataclass(frozen=True, slots=True)
class Senders:
    """Who sent some rows; all fields have one length. Identities of events, rows in them, hashes of clients, ids."""

    events: Hashes
    places: NDArray[np.uint32]
    clients: Hashes
    ids: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class RowCounter:
    """Counts how rows of requests are sent, by the reference of one baseline."""

    layout: Layout
    reference: RowReference
    trained: Summary

    def count(self, columns: Columns, senders: Senders | None = None) -> RowBehaviour:
        """Return the counts of rows of features; without `senders` nobody knows who sent them."""
        numeric = self.layout.numeric(Role.FEATURE)
        beside = np.zeros(len(numeric), dtype=np.int64)
        for j, (_, feature) in enumerate(numeric):
            digits = (self.reference.grids or {}).get(feature.field.name)
            if digits is not None:
                beside[j] = np.count_nonzero(off_grid(columns.numeric[:, j], digits))
        joint, rows = self.reference.joint, KeptRows.none()
        unusual = placed = 0
        if columns.n and (joint is not None or self._tables is not None):
            codes = self._codes.of_rows(columns)
            if joint is not None:
                scores = complete_scores(self._codes, codes)
                placed, unusual = len(scores), int(np.count_nonzero(joint.distance.of_rows(scores) > joint.cut))
            if self._tables is not None:
                cells = self._tables.cells(codes[self._chosen])
                known = {} if senders is None else {name: getattr(senders, name) for name in Senders.__slots__}
                rows = KeptRows.of(row_hashes(columns, self._key), cells, **known)
        return RowBehaviour(beside, unusual, placed, rows)

    def count_answers(self, columns: Columns, senders: Senders, private: Collection[str] = ()) -> RowBehaviour | None:
        """Return the classes of rows of answers.

        None where nobody looks for crowds, answers have no classes, or their field is `private`: a crowd is few rows,
        whose events are told.
        """
        if self._classes is None or self._tables is None or self._classes.field in private:
            return None
        answers = KeptAnswers.of(senders.events, senders.places, self._classes.of_rows(columns))
        nothing = np.zeros(len(self.layout.numeric(Role.FEATURE)), dtype=np.int64)
        return RowBehaviour(nothing, 0, 0, KeptRows.none(), answers)

    @cached_property
    def _classes(self) -> AnswerClasses | None:
        return AnswerClasses.of(self.layout)

    @cached_property
    def _codes(self) -> RowCodes:
        return RowCodes.of(self.layout)

    @cached_property
    def _key(self) -> int:
        return key_of(self.layout)

    @cached_property
    def _chosen(self) -> list[int]:
        crowds = self.reference.crowds
        left_out = frozenset() if crowds is None else frozenset(crowds.left_out)
        return [at for at, one in enumerate(self._codes.features) if one.field.name not in left_out]

    @cached_property
    def _tables(self) -> FingerprintTables | None:
        if self.reference.crowds is None:
            return None
        trained = self.trained.features
        chosen = [self._codes.features[at] for at in self._chosen]
        places = tuple(coordinates_of(one, trained[one.field.name].cells) for one in chosen)
        return FingerprintTables(self.reference.crowds.tables, places)
