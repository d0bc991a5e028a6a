"""`pegel traffic [TABLE] --to MODEL`: rows of a table to an endpoint, in an open or a closed loop, as is or changed."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import INTERRUPTED, err, say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.progress import bar
from pegel.data.columns import Kind
from pegel.errors import InvalidSpec
from pegel.notebook import file_search
from pegel.notebook.named_table import table_or_registered
from pegel.notebook.table_reading import opened
from pegel.spec.durations import parse_duration
from pegel.spec.output_file import refuse_overwriting
from pegel.spec.outside_text import quoted
from pegel.spec.plain_numbers import how_many
from pegel_local.machine.interrupts import until_interrupted
from pegel_local.traffic import loops
from pegel_local.traffic.answer_log import AnswerLog
from pegel_local.traffic.changes import changes_of, share_of
from pegel_local.traffic.client_headers import headers_of
from pegel_local.traffic.closing_summary import summary
from pegel_local.traffic.loops import ClosedLoop, Loop, OpenLoop
from pegel_local.traffic.on_purpose import OnPurpose
from pegel_local.traffic.receiver import Protocol, Receiver, receiver_of
from pegel_local.traffic.requests import Request, body_in
from pegel_local.traffic.table_to_send import TableToSend
from pegel_local.traffic.timed_answers import AnswerCounts

TableArgument = Annotated[
    str | None,
    typer.Argument(metavar="[TABLE]", help="Parquet or CSV, or the name of registered data; else the model's own."),
]
To = Annotated[
    str, typer.Option("--to", metavar="MODEL|URL", help="A watched model, or an address that takes requests.")
]
Rate = Annotated[float | None, typer.Option(help="Open loop: requests a second, whatever the answers; 10 at first.")]
Connections = Annotated[
    int | None, typer.Option(min=1, max=10_000, help="Closed loop: so many ask, each again when it is answered.")
]
Rows = Annotated[int | None, typer.Option(min=1, help="How many; all of the table if it is not said.")]
For = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="How long rows are sent, e.g. 2m; the table begins again.")
]
Batch = Annotated[int, typer.Option(min=1, max=10_000, help="Rows in each request.")]
Skip = Annotated[int, typer.Option(min=0, help="Rows of the table to leave out at first.")]
ProtocolOption = Annotated[Protocol | None, typer.Option(help="Of an address that does not tell it.")]
Columns = Annotated[list[str] | None, typer.Option("--column", help="Send these columns; else those the model takes.")]
Shift = Annotated[list[str] | None, typer.Option(help="COLUMN=+1sd (standard deviations) or COLUMN=-20 (units).")]
Scale = Annotated[list[str] | None, typer.Option(help="COLUMN=1.1: multiply.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="COLUMN=VALUE: the same value in each row.")]
Missing = Annotated[list[str] | None, typer.Option(help="COLUMN without a value.")]
Share = Annotated[str, typer.Option(help="Part of the rows that are so changed, by chance: 30%.")]
Outliers = Annotated[str, typer.Option(help="Part of the rows with one number far from all others: 5%.")]
Duplicates = Annotated[str, typer.Option(help="Part of the requests that repeat the one before, with its id: 5%.")]
After = Annotated[str | None, typer.Option(metavar="TIME", help="Change nothing before so long after the start.")]
AsList = Annotated[bool, typer.Option("--as-list", help="v1: rows as lists, in the order of the columns.")]
Header = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="A header of each request, as X-Client-Id=shop.")
]
Log = Annotated[Path | None, typer.Option(help="Write a line of JSON for each answer to this file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what came of it for machines.")]
_COUNTABLE = 2**53
"""Requests, at most: whole numbers are exact up to there, and no machine sends more."""


def traffic(  # noqa: PLR0917  options are named on the command line
    to: To,
    table: TableArgument = None,
    rate: Rate = None,
    connections: Connections = None,
    rows: Rows = None,
    lasting: For = None,
    batch: Batch = 1,
    skip: Skip = 0,
    protocol: ProtocolOption = None,
    column: Columns = None,
    shift: Shift = None,
    scale: Scale = None,
    values: Set = None,
    missing: Missing = None,
    share: Share = "100%",
    outliers: Outliers = "0%",
    duplicates: Duplicates = "0%",
    after: After = None,
    as_list: AsList = False,
    header: Header = None,
    log: Log = None,
    as_json: AsJson = False,
    home: HomeOption = None,
) -> None:
    """Send rows of a table to an endpoint, changed or as they are, and count and time the answers.

    Exit code 1 if nothing was answered, or --log lacks an answer.
    """
    on_purpose = OnPurpose(
        changes_of(shift or (), scale or (), values or (), missing or (), share),
        share_of("--outliers", outliers),
        share_of("--duplicates", duplicates, most=0.5),
        _seconds("--after", after) or 0.0,
    )
    headers = headers_of(header or ())
    seconds, loop = _seconds("--for", lasting), _loop(rate, connections)
    settings = settings_of(home)
    receiver = receiver_of(to, protocol, settings)
    named = table_or_registered(_table(table, receiver), settings.features)
    if log is not None:
        refuse_overwriting(log, (file.path for file in file_search.find(named.path) or ()), "--log")
    text = [name for name, kind in receiver.kinds.items() if kind is Kind.CATEGORICAL]
    counts = AnswerCounts()
    with opened(named.path, text=text) as read:
        sending = TableToSend.of(read, receiver, column or ())
        count = _count(rows, seconds, loop, read.rows, batch)
        body = body_in(receiver.protocol, sending.numeric, as_list=as_list)
        requests = on_purpose.requests(sending, body, loop, batch=batch, skip=skip)
        with AnswerLog(log) as written:
            interrupted = _send(
                receiver,
                islice(requests, count),
                loop,
                headers=headers,
                count=count,
                seconds=seconds,
                log=written,
                counts=counts,
            )
    say(json.dumps(counts.to_json()) if as_json else summary(counts, receiver.address, loop))
    for kind, sentence in {} if as_json else counts.said.items():
        say(f"{kind}: {sentence}", err)
    if written.lacks:
        say(written.shortfall(), err)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if not counts.answered or written.lacks:
        raise typer.Exit(1)


def _seconds(option: str, length: str | None) -> float | None:
    """Return a length of time in seconds, None if none was named. Raises InvalidSpec."""
    if length is None:
        return None
    try:
        read = parse_duration(length)
    except ValueError:
        read = None
    if read is None or read <= timedelta(0):
        raise InvalidSpec(f"{option}: expected a time such as 90s, 2m or 1h, given {quoted(length)}. Nothing was sent.")
    return read.total_seconds()


def _loop(rate: float | None, connections: int | None) -> Loop:
    """Return the loop that is asked for. Raises InvalidSpec for both, and for a rate that is none."""
    if rate is not None and connections is not None:
        raise InvalidSpec(
            "expected --rate (requests a second, whatever the answers) or --connections (each asks again when it is "
            "answered), given both. Nothing was sent."
        )
    if connections is not None:
        return ClosedLoop(connections)
    asked = 10.0 if rate is None else rate
    if not (math.isfinite(asked) and asked > 0):
        raise InvalidSpec(f"--rate: expected more than 0 a second, given {quoted(asked)}. Nothing was sent.")
    return OpenLoop(asked)


def _table(table: str | None, receiver: Receiver) -> str:
    """Return the table that is meant: the training data of a watched model where none is named. Raises InvalidSpec."""
    if table is None and not receiver.source:
        raise InvalidSpec(
            "expected a table whose rows are sent, given none; only of a watched model is it known what it was trained "
            "on. Nothing was sent."
        )
    return table or receiver.source


def _count(rows: int | None, seconds: float | None, loop: Loop, held: int, batch: int) -> int | None:
    """Return how many requests are sent: whatever is reached first, and the table once if nothing is said.

    None if only the time ends a closed loop.
    """
    wanted = [_requests(rows, batch)] if rows is not None else []
    if seconds is not None and isinstance(loop, OpenLoop):
        wanted.append(max(1, round(min(seconds * loop.rate, _COUNTABLE))))
    if not wanted and seconds is None:
        wanted.append(_requests(held, batch))
    return min(wanted, default=None)


def _requests(rows: int, batch: int) -> int:
    """Return how many requests so many rows are; of more than can be counted, as many as can."""
    return min(-(-rows // batch), _COUNTABLE)


def _send(
    receiver: Receiver,
    requests: Iterator[Request],
    loop: Loop,
    *,
    headers: Mapping[str, str],
    count: int | None,
    seconds: float | None,
    log: AnswerLog,
    counts: AnswerCounts,
) -> bool:
    """Send, with a bar where a person looks; say whether it was interrupted. `counts` holds what came of it."""
    if seconds is not None:
        most = "" if count is None else f"{how_many(count, 'request')} at most, "
        say(f"sending for {seconds:g} s, {most}then waiting for answers, {loops.WITHIN_S:g} s at most", err)
    with bar("traffic") as tell:

        def progress(sent: int, since_s: float) -> None:
            if tell is not None:
                tell(max(sent / count if count else 0.0, since_s / seconds if seconds else 0.0))

        sending = loops.send(
            receiver.address,
            requests,
            loop,
            counts,
            seconds=seconds or math.inf,
            progress=progress,
            settled=log.write,
            headers=headers,
        )
        try:
            asyncio.run(until_interrupted(sending))
        except asyncio.CancelledError:
            return True
    if count is not None and isinstance(loop, OpenLoop):
        counts.unsent = count - counts.sent
    return False
