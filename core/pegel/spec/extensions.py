"""Parts by name: those of this package, and those that installed packages add by entry points.

Nothing is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pegel.errors import NotFound, SetupError


@dataclass(frozen=True)
class Extensions:
    """Everything of one kind.

    `kind`: what it is called in messages. `group`: the entry points' group. `built_in`: place by name, as
    `package.module:Class`; this is the one line by which a part of this package becomes known.
    """

    kind: str
    group: str
    built_in: Mapping[str, str]

    def names(self) -> list[str]:
        """Return every name, in order. Raises SetupError when two parts have the same one."""
        return sorted(self._points())

    def all(self) -> dict[str, Any]:
        """Return every part by name, in the order of names. Raises SetupError when two have the same name."""
        return {name: point.load() for name, point in sorted(self._points().items())}

    def one(self, name: str) -> Any:
        """Return the part of that name, and import no other. Raises NotFound with the names that exist."""
        if name in self.built_in:
            return EntryPoint(name, self.built_in[name], self.group).load()
        points = self._points()
        if name not in points:
            raise NotFound(
                f"expected a {self.kind} of {', '.join(sorted(points))}; given {name!r}: nothing answers to it."
            )
        return points[name].load()

    def _points(self) -> dict[str, EntryPoint]:
        points = {name: EntryPoint(name, place, self.group) for name, place in self.built_in.items()}
        for point in entry_points(group=self.group):
            if point.name in points:
                raise SetupError(
                    f"expected one {self.kind} named {point.name!r}, given {points[point.name].value} and "
                    f"{point.value}: rename the one or uninstall it; no {self.kind} was loaded."
                )
            points[point.name] = point
        return points
