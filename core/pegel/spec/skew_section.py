"""Which table says what an online store should have served, and how much of it may be otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from pegel.errors import InvalidSpec
from pegel.spec.durations import Delay
from pegel.spec.section import Section
from pegel.spec.spec_fields import FieldName, Reference, Share
from pegel.spec.table_reference import TableRef


def _table(text: str) -> str:
    try:
        ref = TableRef.parse(text)
    except InvalidSpec as error:
        raise ValueError(str(error).partition("baseline.source: ")[2]) from None
    if ref.predictions or ref.without or ref.categories:
        raise ValueError("expected the table alone: which columns are features, `online.features` says")
    return text


OfflineTable = Annotated[Reference, AfterValidator(_table)]


class SkewSection(Section):
    """What was served is held against the table that the online store is filled from, as it was then.

    Without a `table` nothing is compared, and nothing else may be stated.
    """

    table: OfflineTable | None = None
    """Rows of features with the columns `online.keys` and `online.features`, named as a table of training data is."""
    time: FieldName | None = None
    """Its column with the time from which on a row is so."""
    behind: Delay = timedelta(hours=1)
    """How much later than its table the store may be filled."""
    tolerated: Share = 0.01
    """Served values of a feature that may be another than the table's."""

    @property
    def is_used(self) -> bool:
        """Say whether anything is compared."""
        return self.table is not None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.table is None and self.time is not None:
            raise ValueError("time is a column of a table; state the `table`, as in parquet:/folder")
        if self.table is not None and self.time is None:
            raise ValueError("state the column of the table with the `time` from which on a row is so")
        return self
