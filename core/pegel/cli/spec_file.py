"""A spec as a command is given it: a file, or what stands on standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_text import LARGEST_BYTES, spec_text

SpecArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A spec in YAML or JSON; - reads it from standard input.")
]


def spec_in(file: Path) -> MonitorSpec:
    """Return the spec in a file, its model's place in full. Raises InvalidSpec, also when it cannot be read.

    A path in `model.uri` that does not begin with `/` starts at the file's folder, wherever the command is run: no
    other process knows it.
    """
    if str(file) == "-":
        spec = MonitorSpec.from_yaml(spec_text(sys.stdin.buffer.read(LARGEST_BYTES + 1), "standard input"))
        return _placed(spec, Path.cwd())
    return _placed(MonitorSpec.from_file(file), file.resolve().parent)


def _placed(spec: MonitorSpec, folder: Path) -> MonitorSpec:
    uri = spec.model.uri
    if uri is None:
        return spec
    try:
        scheme = urlsplit(uri).scheme
    except ValueError as error:
        raise InvalidSpec(f"model.uri: no address: {error}. Nothing was changed.") from error
    if scheme or Path(uri).is_absolute() or "\0" in uri:
        return spec
    data = spec.to_json()
    return MonitorSpec.parse(data | {"model": data["model"] | {"uri": str((folder / uri).resolve())}})
