"""`pegel labels send TABLE --model delays --label late --event-id id`: send true outcomes to the inference logger."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import opened
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook import label_sending
from pegel.notebook.label_sending import LabelColumnNames
from pegel.report.refused_labels import refused_of
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings
from pegel.store.label_store import LabelStore
from pegel.store.meant_model import watched_model


class LabelsVerb(StrEnum):
    """What is to be done."""

    SEND = "send"


Act = Annotated[LabelsVerb, typer.Argument(help="send: each row of a table as a label.")]
Data = Annotated[
    list[str], typer.Argument(metavar="DATA...", help="Parquet or CSV: files, folders, or patterns like 'days/*.csv'.")
]
ModelName = Annotated[str, typer.Option("--model", help="Whose predictions the labels are of: NAME or NAME/VERSION.")]
ModelVersion = Annotated[int | None, typer.Option("--version", min=1, help="Of the model; 1 without.")]
LabelColumn = Annotated[str, typer.Option("--label", help="The column with what really was.")]
EventId = Annotated[str | None, typer.Option("--event-id", help="The column with the id of the event.")]
RowColumn = Annotated[str | None, typer.Option("--row", help="The column with the number of the row; without, row 0.")]
Keys = Annotated[list[str] | None, typer.Option("--key", help="Instead of an id: a column of the entity's key.")]
Time = Annotated[str | None, typer.Option("--time", help="With --key: the column with the time of the prediction.")]
KnownAt = Annotated[str | None, typer.Option("--known-at", help="The column with the time since when it is known.")]
Space = Annotated[str | None, typer.Option("--namespace", help="Of the model; `default` without.")]
To = Annotated[str | None, typer.Option("--to", help="The logger's address; that of the home without.")]


def labels(  # noqa: PLR0917  options are named on the command line
    verb: Act,
    data: Data,
    model: ModelName,
    label: LabelColumn,
    version: ModelVersion = None,
    event_id: EventId = None,
    row: RowColumn = None,
    key: Keys = None,
    time: Time = None,
    known_at: KnownAt = None,
    namespace: Space = None,
    to: To = None,
    home: HomeOption = None,
) -> None:
    """Send true outcomes to the inference logger; sent again, they count as copies."""
    del verb  # there is but one
    columns = LabelColumnNames(
        label=label, event_id=event_id, row=row, keys=tuple(key or ()), time=time, known_at=known_at
    )
    settings = settings_of(home)
    refused: list[str] = []
    if to is None:
        model, version, refused = _watched(settings, model, version, columns)
    else:
        model, version = _named(model, version)
    base = (to or settings.logger_url).rstrip("/")
    address = f"{base}/labels/{namespace}" if namespace else f"{base}/labels"
    sent = label_sending.send(data, address, columns, model=model, version=version or 1)
    for line in [str(sent), *refused]:
        say(line)
    if sent.refused:
        others = "the others are on their way" if sent.taken else "none was taken"
        raise PermanentError(f"{sent.refused.total():,} labels were refused; {others}.")


def _named(model: str, version: int | None) -> tuple[str, int | None]:
    """Return name and version of a model that nobody here knows. Raises InvalidSpec where two versions are named."""
    name, sign, number = model.partition("/")
    if not sign:
        return model, version
    if not (number.isascii() and number.isdigit()) or version not in {None, int(number)}:
        beside = "" if version is None else f" and --version {version}"
        raise InvalidSpec(f"--model: expected NAME or NAME/VERSION, given {quoted(model)}{beside}. Nothing was sent.")
    return name, int(number)


def _watched(
    settings: Settings, model: str, version: int | None, columns: LabelColumnNames
) -> tuple[str, int, list[str]]:
    """Return which watched model of this home is meant, and what of earlier labels was refused after it was taken.

    Raises InvalidSpec, with the nearest name, where it is not watched, takes no labels, or has other keys.
    """
    with opened(settings) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was sent.")
        told = [] if entry.spec is None else refused_of(LabelStore(engine), entry.spec)
    key = monitor_key(entry.model, entry.version)
    if entry.spec is not None and not entry.spec.labels.by_topic:
        raise InvalidSpec(
            f"{key} takes no labels that are sent: its spec has no `labels.source: topic`. Nothing was sent."
        )
    if entry.spec is not None:
        _refuse_other_keys(entry.spec, columns)
    return entry.model, entry.version, [f"before, of {one.name}: {one.words}" for one in told]


def _refuse_other_keys(spec: MonitorSpec, columns: LabelColumnNames) -> None:
    """Raise InvalidSpec where the logger would take labels whose keys no row of the model has."""
    if not columns.keys or {*columns.keys} == {*spec.label_keys}:
        return
    wanted = f"the keys {', '.join(spec.label_keys)}" if spec.label_keys else "ids of events, and no keys"
    guess = did_you_mean(columns.keys, spec.label_keys, lead=" ")
    given = ", ".join(map(quoted, columns.keys))
    raise InvalidSpec(f"--key: labels of {spec.key} have {wanted}; given {given}. Nothing was sent.{guess}")
