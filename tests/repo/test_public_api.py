"""The public names: all there, all importable, and all on their page."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path

import pytest

import pegel
from pegel import errors, notebook, testing
from pegel.cli.command_line import COMMANDS
from pegel.detect.detector_registry import DETECTORS
from pegel.online.stores import ONLINE_STORES
from pegel.stats import statistic_registry


def exporting(root: Path) -> list[str]:
    """Return every module of core that says what it exports."""
    modules = []
    for path in sorted((root / "core" / "pegel").rglob("*.py")):
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__" for node in tree.body):
            parts = path.relative_to(root / "core").with_suffix("").parts
            modules.append(".".join(part for part in parts if part != "__init__"))
    return modules


def test_every_exported_name_can_be_imported(root: Path) -> None:
    """No module lists a name that it does not hold; ruff keeps the lists in order."""
    missing = {
        f"{name}.{exported}"
        for name in exporting(root)
        for exported in import_module(name).__all__
        if not hasattr(import_module(name), exported)
    }

    assert set() == missing
    assert {"pegel", "pegel.errors", "pegel.testing"} <= set(exporting(root))


def test_a_star_import_gives_the_exported_names() -> None:
    """`from pegel import *` and its two companions work, lazily imported names included."""
    for module in (pegel, errors, testing):
        names: dict[str, object] = {}
        exec(f"from {module.__name__} import *", names)  # noqa: S102 - the one way to write a star inside a function

        assert set(module.__all__) == set(names) - {"__builtins__"}


def test_the_lists_are_complete() -> None:
    """Every error is exported, the top has the names of the notebook door, and testing has what it imports."""
    public = {name for name, _ in getmembers(errors, isclass) if issubclass(getattr(errors, name), Exception)}
    fakes = {name for name in vars(testing) if re.match("[A-Z]", name)}

    assert public == set(errors.__all__)
    assert set(notebook.__all__) == set(pegel.__all__)
    assert fakes == set(testing.__all__)


@pytest.mark.parametrize("module", ["pegel", "pegel.errors", "pegel.testing"])
def test_the_page_lists_the_public_names(root: Path, module: str) -> None:
    """The section of a module on docs/api.md has a row for each of its names, and for no other."""
    page = (root / "docs" / "api.md").read_text()
    section = page.partition(f"## `{module}`\n")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", section, flags=re.MULTILINE)
    listed = {name.removeprefix("pegel.") for cell in first_cells for name in re.findall(r"`([\w.]+)`", cell)}

    assert set(import_module(module).__all__) == listed


def test_the_page_lists_the_entry_point_groups(root: Path) -> None:
    """Each group by which an installed package can add something is on docs/api.md."""
    page = (root / "docs" / "api.md").read_text()
    groups = {COMMANDS.group, ONLINE_STORES.group, DETECTORS.group, statistic_registry.GROUP}

    assert groups == set(re.findall(r"^\| `(pegel\.\w+)` \| a (?:class|function)", page, flags=re.MULTILINE))


def test_every_part_of_ours_can_be_loaded() -> None:
    """Each command, statistic and detector that a registry names is there."""
    parts = [COMMANDS.all(), ONLINE_STORES.all(), statistic_registry.statistics(), DETECTORS.all()]

    assert [True] * 4 == [len(some) >= least for some, least in zip(parts, (10, 2, 8, 2), strict=True)]
