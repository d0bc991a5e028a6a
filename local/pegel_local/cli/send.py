"""`pegel send TABLE --to MODEL`: rows of a table to an endpoint at a rate, with changes put in on purpose."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Annotated, Any

import typer

from pegel.cli.console import INTERRUPTED, err, say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.progress import bar
from pegel.data import example_request
from pegel.data.columns import Kind
from pegel.errors import InvalidSpec
from pegel.notebook.named_table import table_or_registered
from pegel.notebook.table_reading import opened
from pegel.spec.durations import parse_duration
from pegel.spec.outside_text import quoted
from pegel.spec.plain_numbers import how_many
from pegel_local.machine.interrupts import until_interrupted
from pegel_local.sending import open_loop
from pegel_local.sending.changes import Changes, Row, changes_of
from pegel_local.sending.open_loop import AnswerCounts, Request
from pegel_local.sending.receiver import Protocol, Receiver, receiver_of
from pegel_local.sending.table_to_send import TableToSend

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="Parquet or CSV, or the name of registered data.")]
To = Annotated[
    str, typer.Option("--to", metavar="MODEL|URL", help="A watched model, or an address that takes requests.")
]
Rate = Annotated[float, typer.Option(help="Rows a second, one in each request.")]
Rows = Annotated[int | None, typer.Option(min=1, help="How many; all of the table if it is not said.")]
For = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="How long rows are sent, e.g. 2m; the table begins again.")
]
ProtocolOption = Annotated[Protocol | None, typer.Option(help="Of an address that does not tell it.")]
Columns = Annotated[list[str] | None, typer.Option("--column", help="Send these columns; else those the model takes.")]
Shift = Annotated[list[str] | None, typer.Option(help="COLUMN=+1sd (standard deviations) or COLUMN=-20 (units).")]
Scale = Annotated[list[str] | None, typer.Option(help="COLUMN=1.1: multiply.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="COLUMN=VALUE: the same value in each row.")]
Missing = Annotated[list[str] | None, typer.Option(help="COLUMN without a value.")]
Share = Annotated[float, typer.Option(help="Part of the rows that are changed, by chance: 0.3.")]
AsList = Annotated[bool, typer.Option("--as-list", help="v1: rows as lists, in the order of the columns.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what came of it for machines.")]
MOST_BEHIND_S = 1.0
"""Beyond that the rate was not the one that was asked for."""


def send(  # noqa: PLR0917  options are named on the command line
    table: TableArgument,
    to: To,
    rate: Rate = 10.0,
    rows: Rows = None,
    lasting: For = None,
    protocol: ProtocolOption = None,
    column: Columns = None,
    shift: Shift = None,
    scale: Scale = None,
    values: Set = None,
    missing: Missing = None,
    share: Share = 1.0,
    as_list: AsList = False,
    as_json: AsJson = False,
    home: HomeOption = None,
) -> None:
    """Send rows of a table to an endpoint at a rate, changed or as they are, and count the answers.

    Exit code 1 if nothing was answered.
    """
    changes = changes_of(shift or (), scale or (), values or (), missing or (), share)
    seconds = _seconds(lasting)
    if not (math.isfinite(rate) and rate > 0):
        raise InvalidSpec(f"--rate: expected more than 0 a second, given {quoted(rate)}. Nothing was sent.")
    settings = settings_of(home)
    in_form = _as_list if as_list else example_request.body
    named = table_or_registered(table, settings.features)
    receiver = receiver_of(to, protocol, settings)
    text = [name for name, kind in receiver.kinds.items() if kind is Kind.CATEGORICAL]
    counts = AnswerCounts()
    with opened(named.path, text=text) as read:
        sending = TableToSend.of(read, receiver, column or ())
        changes.refuse_unfit(sending.columns, sending.numeric)
        count = _count(rows, seconds, rate, read.rows)
        deviations = sending.deviations(changes.by_deviations)
        requests = _requests(sending, changes, partial(in_form, receiver.protocol), deviations)
        interrupted = _send(receiver, islice(requests, count), rate, count, seconds, counts)
    say(json.dumps(counts.to_json()) if as_json else summary(counts, receiver))
    for status, sentence in counts.said.items():
        say(f"{status}: {sentence}", err)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if not counts.answered:
        raise typer.Exit(1)


def _seconds(lasting: str | None) -> float | None:
    """Return a length of time in seconds, None if none was named. Raises InvalidSpec."""
    if lasting is None:
        return None
    length = parse_duration(lasting)
    if length is None or length <= timedelta(0):
        raise InvalidSpec(f"--for: expected a time such as 90s, 2m or 1h, given {quoted(lasting)}. Nothing was sent.")
    return length.total_seconds()


def _count(rows: int | None, seconds: float | None, rate: float, held: int) -> int:
    """Return how many rows are sent: whatever is reached first, and the table once if nothing is said."""
    wanted = [rows] if rows is not None else []
    wanted += [max(1, round(seconds * rate))] if seconds is not None else []
    return min(wanted, default=held)


def _requests(
    sending: TableToSend,
    changes: Changes,
    body: Callable[[example_request.Row], dict[str, Any]],
    deviations: Mapping[str, float],
) -> Iterator[Request]:
    for row, changed in changes.applied(sending.rows(), sending.numeric, deviations):
        yield Request(json.dumps(body(_fields(row, sending))).encode(), changed)


def _as_list(protocol: str, row: example_request.Row) -> dict[str, Any]:
    """Return a request as servers take it that do not know the names of columns. Raises InvalidSpec for protocol v2."""
    if protocol != "v1":
        raise InvalidSpec("--as-list: expected an address of protocol v1, given one of v2. Nothing was sent.")
    return {"instances": [[field["value"] for field in row]]}


def _fields(row: Row, sending: TableToSend) -> example_request.Row:
    kinds = {True: Kind.NUMERIC.value, False: Kind.CATEGORICAL.value}
    return [{"name": name, "kind": kinds[name in sending.numeric], "value": value} for name, value in row.items()]


def _send(  # noqa: PLR0917
    receiver: Receiver,
    requests: Iterator[Request],
    rate: float,
    count: int,
    seconds: float | None,
    counts: AnswerCounts,
) -> bool:
    """Send, with a bar where a person looks; say whether it was interrupted. `counts` holds what came of it."""
    if seconds is not None:
        say(
            f"sending for {seconds:g} s, {how_many(count, 'row')} at most, then waiting for answers, "
            f"{open_loop.WITHIN_S:g} s at most",
            err,
        )
    with bar("send") as tell:
        on_sent = (lambda sent: tell(sent / count)) if tell is not None else (lambda _sent: None)
        sending = open_loop.send(
            receiver.address, requests, rate=rate, counts=counts, progress=on_sent, seconds=seconds or math.inf
        )
        try:
            asyncio.run(until_interrupted(sending))
        except asyncio.CancelledError:
            return True
    counts.unsent = count - counts.sent
    return False


def summary(counts: AnswerCounts, receiver: Receiver) -> str:
    """Return what came of it, for people."""
    seen = [f"{counts.answered:,} answered", f"{counts.refused:,} refused", f"{counts.failed:,} failed"]
    seen += [f"{counts.under_way:,} not waited for"] if counts.under_way else []
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(counts.statuses.items()))
    rate = "" if counts.rate is None else f" ({counts.rate:.1f} a second)"
    changed = f", {counts.changed:,} of them changed" if counts.changed else ""
    times = ", ".join(f"{name} {value:g} ms" for name, value in counts.percentiles_ms().items())
    sent = f"{how_many(counts.sent, 'row')} sent to {receiver.address}"
    lines = [
        f"{sent} in {counts.sending_s:.1f} s{rate}{changed}",
        f"{', '.join(seen)}{f' ({statuses})' if statuses else ''}",
    ]
    lines += [f"answered in {times}"] if times else []
    if counts.unsent:
        lines.append(f"{how_many(counts.unsent, 'row')} of those that were due not sent: the time was over before")
    if counts.behind_s > MOST_BEHIND_S:
        lines.append(f"rows were sent up to {counts.behind_s:.1f} s late: server or sender cannot keep up with it")
    return "\n".join(lines)
