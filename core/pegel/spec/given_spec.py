"""A spec as a person hands it in: a file, or what stands on standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pegel.errors import InvalidSpec
from pegel.spec.field_lines import field_lines, with_lines
from pegel.spec.monitor_spec import Model, MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.spec_parts import SpecParts
from pegel.spec.spec_text import LARGEST_BYTES, read_data, read_text, spec_text
from pegel.spec.suites import with_files


@dataclass(frozen=True, slots=True)
class GivenSpec:
    """What a spec's file says.

    `whole`: the spec; None if it is not valid. `parts`: its sections; of a spec that is not valid, those that can be
    read. `problems`: why it is not valid, a line each; empty if it is.
    """

    whole: MonitorSpec | None
    parts: SpecParts
    problems: list[str]
    text: str = ""
    """What it was read from."""

    def located(self, problems: Sequence[str]) -> list[str]:
        """Return problems found elsewhere, each begun by the line of the field that it begins with."""
        return with_lines(problems, field_lines(self.text)) if problems else []

    @property
    def stated_key(self) -> str:
        """Return which model version it is about, e.g. `delays/1`; empty where it does not say so."""
        # Of a model that cannot be read as a whole there are parts, under a name that stands for none.
        model = self.parts.model if self.parts.served_name is not None else None
        return "" if model is None else monitor_key(model.name, model.version)


def given_spec(file: Path) -> GivenSpec:
    """Return what a file says, its model's place in full. Raises InvalidSpec when it holds no mapping of fields.

    A path in `model.uri`, or of a suite of expectations, that does not begin with `/` starts at the file's folder,
    wherever the command is run: no other process knows it. A suite's file becomes part of the spec.
    """
    if str(file) == "-":
        text, folder = spec_text(sys.stdin.buffer.read(LARGEST_BYTES + 1), "standard input"), Path.cwd()
    else:
        text, folder = read_text(file), file.resolve().parent
    data = _with_suites(read_data(text), folder)
    try:
        spec = MonitorSpec.parse(data)
    except InvalidSpec as error:
        if not isinstance(data, dict):
            raise
        parts = SpecParts.readable(data)
        placed = None if parts.model is None else _placed(parts.model, folder)
        problems = with_lines(str(error).splitlines(), field_lines(text))
        return GivenSpec(None, replace(parts, model=placed), problems, text)
    placed = _placed(spec.model, folder)
    spec = MonitorSpec.parse(spec.to_json() | {"model": placed.model_dump(mode="json")})
    return GivenSpec(spec, SpecParts.of(spec), [], text)


def _with_suites(data: Any, folder: Path) -> Any:
    """Return a spec's data with what stands in the files of its suites of expectations."""
    watch = data.get("watch") if isinstance(data, dict) else None
    if not isinstance(watch, dict) or "expectations" not in watch:
        return data
    return {**data, "watch": {**watch, "expectations": with_files(watch["expectations"], folder)}}


def _placed(model: Model, folder: Path) -> Model:
    uri = model.uri
    if uri is None:
        return model
    if urlsplit(uri).scheme or Path(uri).is_absolute() or "\0" in uri:
        return model
    return model.model_copy(update={"uri": str((folder / uri).resolve())})
