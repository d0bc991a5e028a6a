"""`pegel model check FOLDER` and `pegel model init FOLDER`: a model's folder explains itself, or is made to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import InvalidSpec, NotFound
from pegel.notebook.named_table import NamedTable, file_named, registered_as, table_or_registered
from pegel.spec.outside_text import quoted, shown
from pegel.spec.spec_fields import LONGEST_NAME, safe_name
from pegel_serving.model_process import Findings, apart


class Act(StrEnum):
    """What is done with a folder."""

    CHECK = "check"
    INIT = "init"


Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Holds `model.joblib`; its code runs when it is read.")]
Rows = Annotated[Path | None, typer.Option(help="check: rows to ask the model about, in Parquet or CSV.")]
Data = Annotated[str | None, typer.Option(help="check: the same, by the name of registered training data.")]
Source = Annotated[
    str | None, typer.Option("--from", metavar="TABLE|NAME", help="init: a table's file, or registered training data.")
]
Predictions = Annotated[list[str] | None, typer.Option("--prediction", help="init: a field that the model answers.")]
Probabilities = Annotated[bool, typer.Option("--probabilities", help="init: answer those of the classes, too.")]
Name = Annotated[str | None, typer.Option(help="init: of the model; its folder's if it is not said.")]


def model(  # noqa: PLR0917  options are named on the command line
    act: Annotated[Act, typer.Argument(metavar="check|init")],
    folder: Folder,
    rows: Rows = None,
    data: Data = None,
    source: Source = None,
    prediction: Predictions = None,
    probabilities: Probabilities = False,
    name: Name = None,
    version: Annotated[int | None, typer.Option(min=1, help="init: of the model; 1 if it is not said.")] = None,
    home: HomeOption = None,
) -> None:
    """Try a model's folder on real rows (check), or write its metadata.json from a table (init).

    Exit code 1 where there is a problem.
    """
    features = settings_of(home).features
    if not folder.is_dir():
        given = f"given {shown(str(folder))}, which is none"
        raise NotFound(f"expected a folder that holds model.joblib, {given}. Nothing was done.")
    of_init_alone: dict[str, object] = {"--from": source, "--prediction": prediction, "--probabilities": probabilities}
    of_init_alone |= {"--name": name, "--version": version}
    if act is Act.CHECK:
        if of_init := _given(of_init_alone):
            raise InvalidSpec(f"check: expected --rows FILE or --data NAME; given {of_init}. Nothing was done.")
        if rows is not None and data is not None:
            raise InvalidSpec("check: expected --rows or --data; given both. Nothing was done.")
        table = registered_as(data, features) if data is not None else file_named(rows) if rows is not None else None
        _check(folder, table)
        return
    if source is None or not prediction or rows is not None or data is not None:
        given = _given({"--rows": rows, "--data": data} | of_init_alone) or "neither"
        raise InvalidSpec(
            f"init: expected --from TABLE or NAME, and --prediction NAME; given {given}. Nothing was done."
        )
    table = table_or_registered(source, features)
    wanted = {"predictions": prediction, "name": _name(name, folder), "version": version or 1}
    say("\n".join(apart(partial(_initialised, folder, table, probabilities=probabilities, **wanted), _tell).lines))


def _given(options: Mapping[str, object]) -> str:
    """Return which options have a value, for the end of a sentence."""
    return ", ".join(option for option, value in options.items() if value)


def _name(given: str | None, folder: Path) -> str:
    """Return what a model is called: as a person says, else as nearly as its folder as a spec takes names."""
    if given is not None:
        try:
            return safe_name(given)
        except ValueError as error:
            raise InvalidSpec(f"--name: given {quoted(given)}: {error}. Nothing was written.") from None
    plain = unicodedata.normalize("NFKD", folder.resolve().name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).lstrip("-0123456789")[:LONGEST_NAME].strip("-") or "model"


def _check(folder: Path, table: NamedTable | None) -> None:
    findings = apart(partial(_checked, folder, table), _tell)
    say("\n".join(findings.lines))
    if findings.problems:
        say("\n".join(f"problem: {problem}" for problem in findings.problems), err)
        raise typer.Exit(1)
    say("no problems" if table is not None else "it loads; --rows FILE or --data NAME asks it about real rows")


def _tell(word: str) -> None:
    say(word, err)


def _checked(folder: Path, table: NamedTable | None) -> Findings:
    from pegel_serving.model_check import check  # noqa: PLC0415  only the process that asks needs scikit-learn

    return check(folder, table)


def _initialised(folder: Path, table: NamedTable, **wanted: Any) -> Findings:
    from pegel_serving.model_init import NewMetadata, init  # noqa: PLC0415  as above

    return Findings(init(folder, table, NewMetadata(**wanted)))
