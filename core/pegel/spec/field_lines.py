"""In which line of its text a field of a spec stands, so that a problem leads to its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import yaml


def field_lines(text: str) -> dict[str, int]:
    r"""Return the line of each field's name, by its dotted path; lists are no part of a path.

    Of a text that cannot be read to its end, those before. Empty where all stands in one line.

    >>> field_lines("model:\n  name: delays\nwatch: {margin: 2}")
    {'model': 1, 'model.name': 2, 'watch': 3, 'watch.margin': 3}
    """
    lines, path, open_ones, named = dict[str, int](), list[str](), list[bool](), False
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            is_key = bool(open_ones) and open_ones[-1] and not named
            if isinstance(event, yaml.ScalarEvent) and is_key:
                path.append(event.value)
                mark = event.start_mark
                lines.setdefault(".".join(path), 1 if mark is None else mark.line + 1)
                named = True
                continue
            if isinstance(event, yaml.CollectionStartEvent):
                open_ones.append(isinstance(event, yaml.MappingStartEvent))
                named = False
                continue
            if isinstance(event, yaml.CollectionEndEvent):
                open_ones.pop()
            if isinstance(event, yaml.ScalarEvent | yaml.CollectionEndEvent) and open_ones and open_ones[-1]:
                path.pop()
                named = False
    except (yaml.YAMLError, IndexError):
        pass  # why it cannot be read is told by whoever reads it
    return {} if set(lines.values()) <= {1} else lines


def with_lines(problems: Iterable[str], lines: Mapping[str, int]) -> list[str]:
    """Return problems, each begun by the line of the field that it begins with, or of the section around it.

    >>> with_lines(["model.uri: missing", "nothing"], {"model": 1, "model.name": 2})
    ['line 1: model.uri: missing', 'nothing']
    """
    return [f"line {line}: {problem}" if (line := _line(problem, lines)) else problem for problem in problems]


def _line(problem: str, lines: Mapping[str, int]) -> int | None:
    path, colon, _ = problem.partition(":")
    while colon and path:
        if path in lines:
            return lines[path]
        path = path.rpartition(".")[0]
    return None
