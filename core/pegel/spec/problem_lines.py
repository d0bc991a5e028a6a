"""In which line of a spec's text a problem stands."""

from __future__ import annotations

import re

import yaml

_SAID = re.compile(r"(?:this is not YAML: )?line ([0-9]+)\b")


def line_of(problem: str, text: str) -> int | None:
    r"""Return the line that a problem of a spec's text is about, the first being 1; None where it is about no line.

    Args:
        problem: A line of what `read_data` or `MonitorSpec.parse` says: it begins with a line, or with a field's path.
        text: The text that was read. Of a field that is missing it is the line of the section that should have it.

    >>> line_of("windowing.lenght: unknown field", "model: {}\nwindowing:\n  lenght: 5m\n")
    3
    """
    said = _SAID.match(problem)
    if said is not None:
        return int(said[1])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    return _deepest(node, problem.partition(": ")[0])


def _deepest(node: yaml.Node | None, path: str) -> int | None:
    """Follow a path of names and places with dots between them, as far as it leads. Names may have dots."""
    line = None
    while path and isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        if isinstance(node, yaml.MappingNode):
            steps = [(str(key.value), key, value) for key, value in node.value]
        else:
            steps = [(str(place), value, value) for place, value in enumerate(node.value)]
        fitting = [step for step in steps if path == step[0] or path.startswith(f"{step[0]}.")]
        if not fitting:
            break
        name, at, node = max(fitting, key=lambda step: len(step[0]))
        line, path = at.start_mark.line + 1, path[len(name) + 1 :]
    return line
