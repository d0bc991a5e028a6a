"""What is measured: a schema of fields, and a batch of rows in columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """How a field is measured."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


TIME: Final = "time"
"""What a column of times is called where kinds and types of columns are written: no `Kind`, because none is watched."""


@final
class Role(str):
    """Where the rows of a field come from: `FEATURE` from requests, `PREDICTION` from responses, others from elsewhere.

    `ATTRIBUTION`: from what explains rows of requests, see `pegel.data.attribution_event`.

    The rows of one role are counted together, apart from those of all others; whoever counts rows of a further kind
    names a role for them. There is one object per name, so that roles can be compared with `is`, also after pickling.
    Raises ValueError for a name that is no identifier in lower case.
    """

    __slots__ = ()
    FEATURE: ClassVar[Role]
    PREDICTION: ClassVar[Role]
    ATTRIBUTION: ClassVar[Role]
    _by_name: ClassVar[dict[str, Role]] = {}

    def __new__(cls, name: str) -> Role:
        """Return the role of that name."""
        if not (name.isidentifier() and name.islower()):
            raise ValueError(f"expected a role named by an identifier in lower case, given {name!r}: no role was made.")
        return cls._by_name.setdefault(name, super().__new__(cls, name))

    def __reduce__(self) -> tuple[type[Role], tuple[str]]:
        """Pickle the name: what is read back is the one object of that name."""
        return Role, (str(self),)


Role.FEATURE = Role("feature")
Role.PREDICTION = Role("prediction")
Role.ATTRIBUTION = Role("attribution")


class Missing(IntEnum):
    """Why a numeric value is absent. `NaN` in the matrix with code PRESENT is a NaN that was sent as such."""

    PRESENT = 0
    NULL = 1
    UNPARSEABLE = 2


@dataclass(frozen=True, slots=True)
class Field:
    """One measured field. `unit` is free text for people (`"min"`, `"EUR"`) and part of the layout's identity."""

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """Fields in the order in which a v1 payload lists them: features first, then predictions, then further roles."""

    fields: tuple[Field, ...]

    def of_role(self, role: Role) -> tuple[Field, ...]:
        """Return the fields of one role, in order."""
        return tuple(field for field in self.fields if field.role is role)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Return the roles that fields have, each once, in the order of their first field."""
        return tuple(dict.fromkeys(field.role for field in self.fields))

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain JSON, the inverse of `from_json`."""
        return [{"name": f.name, "kind": f.kind.value, "role": str(f.role), "unit": f.unit} for f in self.fields]

    @classmethod
    def from_json(cls, items: Iterable[dict[str, Any]]) -> Schema:
        """Build a schema from what `to_json` wrote."""
        return cls(tuple(Field(i["name"], Kind(i["kind"]), Role(i["role"]), i.get("unit")) for i in items))


@dataclass(frozen=True, slots=True)
class Columns:
    """A batch of `n` rows for the fields of one role, in schema order.

    `numeric`: float64, shape (n, numeric fields). Missing and unparseable values are NaN.
    `missing`: uint8 codes of `Missing`, same shape, or None when every value is PRESENT.
    `categorical`: one object array of shape (n,) per categorical field, holding str or None (null).
    `unparseable`: per categorical field, a bool array of shape (n,) marking values that were neither string nor null
    (their entry in `categorical` is None), or None when there are none.
    """

    n: int
    numeric: NDArray[np.float64]
    missing: NDArray[np.uint8] | None
    categorical: tuple[NDArray[np.object_], ...]
    unparseable: tuple[NDArray[np.bool_] | None, ...]

    def take(self, rows: NDArray[Any]) -> Columns:
        """Return the chosen rows (a boolean mask or indices)."""
        numeric = self.numeric[rows]
        return Columns(
            n=int(numeric.shape[0]) if self.numeric.shape[1] else int(np.arange(self.n)[rows].size),
            numeric=numeric,
            missing=None if self.missing is None else self.missing[rows],
            categorical=tuple(column[rows] for column in self.categorical),
            unparseable=tuple(None if mask is None else mask[rows] for mask in self.unparseable),
        )
