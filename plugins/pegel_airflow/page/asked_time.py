"""Which time an address asks for: `last`, or `from` and `to`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import Query
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from pegel.report.page_time import PageTime

UNUSABLE = 400
From = Annotated[str, Query(alias="from")]
To = Annotated[str, Query(alias="to")]


@dataclass(frozen=True, slots=True)
class AskedTime:
    """The parameters as they came, empty where none did."""

    parameters: dict[str, str]

    @classmethod
    def of(
        cls,
        last: str = "",
        since: Annotated[str, Query(alias="from")] = "",
        until: Annotated[str, Query(alias="to")] = "",
    ) -> Self:
        """Take them out of a request."""
        return cls({"last": last, "from": since, "to": until})

    def time(self, now: datetime) -> PageTime | None:
        """Return the time, None where none is asked for. Raises HTTPException: 400, with a sentence."""
        from pegel.report.page_time import PageTime

        last, since, until = self.parameters.values()
        try:
            return PageTime.asked(now, last=last, since=since, until=until)
        except ValueError as error:
            raise HTTPException(UNUSABLE, str(error)) from error
