"""Which time an address asks for: `last`, or `from` and `to`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import Query

from pegel_airflow.page.asked_values import AskedValues

if TYPE_CHECKING:
    from pegel.report.page_time import PageTime


@dataclass(frozen=True, slots=True)
class AskedTime:
    """The parameters as they came, empty where none did."""

    last: str
    since: str
    until: str

    @classmethod
    def of(
        cls,
        last: str = "",
        since: Annotated[str, Query(alias="from")] = "",
        until: Annotated[str, Query(alias="to")] = "",
    ) -> Self:
        """Take them out of a request."""
        return cls(last, since, until)

    def time(self, now: datetime, asked: AskedValues) -> tuple[PageTime | None, dict[str, str]]:
        """Return the time and the parameters for links; None and none where no time is asked for.

        The same where it is no time, and `asked` is told why.
        """
        from pegel.report.page_time import PageTime

        try:
            time = PageTime.asked(now, last=self.last, since=self.since, until=self.until)
        except ValueError as error:
            asked.refuse(str(error), "the newest windows")
            return None, {}
        return time, {"last": self.last, "from": self.since, "to": self.until}
