"""`pegel data list`, `show NAME` and `rm NAME`: the training data that is registered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import opened
from pegel.errors import InvalidSpec, PegelError, PermanentError, SetupError, Unavailable
from pegel.featurestore import LocalFeatureStore, SourceRef
from pegel.notebook.named_table import unknown
from pegel.notebook.naming import listed, place
from pegel.notebook.registered import Registered
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings
from pegel.store.database_file import refuse_missing
from pegel.store.registry import Entry, Registry

HEAD = ("reference", "rows", "fields", "times")


class Verb(StrEnum):
    """What is to be done."""

    LIST = "list"
    SHOW = "show"
    RM = "rm"


Act = Annotated[Verb, typer.Argument(help="list all, show one, or remove one (rm).")]
Named = Annotated[
    str | None, typer.Argument(metavar="NAME", help="For show and rm: a name, or a reference as `list` shows it.")
]
Version = Annotated[int | None, typer.Option(min=1, help="Needed if there are several.")]
Split = Annotated[str | None, typer.Option(help="Needed if there are several.")]


def data(  # noqa: PLR0917  options are named on the command line
    verb: Act,
    name: Named = None,
    version: Version = None,
    split: Split = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List, show or remove registered training data; what a monitor uses is not removed."""
    settings = settings_of(home)
    store = LocalFeatureStore(settings.features)
    if as_json and verb is not Verb.LIST:
        raise InvalidSpec(f"--json: expected it with list, given {verb}. Nothing was changed.")
    if verb is Verb.LIST:
        if name is not None:
            raise InvalidSpec(f"expected no name to list, given {listed([name])}: `pegel data show` tells of one.")
        _list(store, settings, as_json=as_json)
    elif name is None:
        raise InvalidSpec(f"expected a NAME to {verb}; `pegel data list` has them. Nothing was changed.")
    elif verb is Verb.SHOW:
        for ref in _meant(store, name, version, split):
            say(f"{ref}\n{Registered.read(store, ref)}")
    else:
        _remove(store, settings, _meant(store, name, version, split))


def _list(store: LocalFeatureStore, settings: Settings, *, as_json: bool) -> None:
    references = store.references()
    told, unread = list[Registered](), list[str]()
    for ref in references:
        try:
            told.append(Registered.read(store, ref))
        except PegelError as error:
            unread.append(f"{ref}  cannot be read: {error}")
    if as_json:
        tell_json("data", [one.to_json() for one in told], unread, on_one_line=False)
        return
    tell_table(HEAD, [one.cells for one in told])
    for line in unread:
        say(line)
    if not references:
        say(f"no training data in {place(settings.features)}; `pegel register` adds some")


def _meant(store: LocalFeatureStore, name: str, version: int | None, split: str | None) -> list[SourceRef]:
    """Return what a name means, one or more. Raises NotFound for none."""
    known = store.references()
    if "://" in name:
        meant = [ref for ref in known if ref == SourceRef.parse(name)]
    else:
        meant = [ref for ref in known if ref.name == name]
    meant = [ref for ref in meant if version in {None, ref.version} and split in {None, ref.split}]
    if not meant:
        options = {"version": version, "split": None if split is None else quoted(split)}
        raise unknown(name, known, "".join(f" --{each} {asked}" for each, asked in options.items() if asked))
    return meant


def _remove(store: LocalFeatureStore, settings: Settings, meant: list[SourceRef]) -> None:
    if len(meant) > 1:
        raise InvalidSpec(
            f"expected one to remove, given a name of several: {listed([str(ref) for ref in meant])}. Choose by "
            "--version and --split. Nothing was removed."
        )
    (ref,) = meant
    try:
        refuse_missing(settings.database)
    except SetupError:
        say("could not ask whether a monitor uses it: there is no results database", err)
    else:
        _refuse_used(settings, ref)
    store.remove(ref)
    say(f"{ref}: removed")


def _refuse_used(settings: Settings, ref: SourceRef) -> None:
    """Raise PermanentError while a monitor uses training data, or may use it; Unavailable if that cannot be asked."""
    try:
        with opened(settings) as engine:
            entries = [entry for entry in Registry(engine).entries() if _may_use(entry, ref)]
    except Unavailable as error:
        raise Unavailable(f"{error} Whether a monitor uses {ref} could not be asked: nothing was removed.") from error
    if entries:
        using = [monitor_key(entry.model, entry.version) for entry in entries]
        raise PermanentError(
            f"expected training data that no monitor uses, given {ref}, which {listed(using)} may read again. "
            "Nothing was removed. Offboard what uses it first, or give it another baseline.source."
        )


def _may_use(entry: Entry, ref: SourceRef) -> bool:
    """Say whether a monitor has this source; one whose spec cannot be read may."""
    if entry.spec is None:
        return True
    try:
        return SourceRef.parse(entry.spec.baseline.source) == ref
    except InvalidSpec:
        return False  # of another feature store, with references of its own
