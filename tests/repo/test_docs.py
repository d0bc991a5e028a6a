"""The documentation names everything that a person can name."""

import json
import re
import subprocess
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pegel.data.columns import Role
from pegel.spec import names
from pegel.spec.cluster_settings import PREFIX, ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.section import Section
from pegel.spec.settings import Settings
from pegel_local.demo.closing_words import EXAMPLE
from pegel_serving.flights import SCHEMA
from pegel_serving.request_rows import from_v1

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {"pegel.commands", "pegel.online_stores", "pegel.statistics", "pegel.detectors", "pegel.db"}
"""Entry-point groups and the name of a file, which look like modules."""
MISSING = object()


@pytest.fixture(scope="module")
def documentation() -> str:
    """Return README and all pages as one text."""
    return "\n".join(path.read_text() for path in pages())


def pages() -> list[Path]:
    """Return every page that people read: those at the top and those below docs/ and examples/."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def targets() -> list[str]:
    """Return the make targets that `make help` lists."""
    return re.findall(r"^([a-z][a-z0-9-]*):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def spec_fields(section: type[Section], prefix: str = "") -> list[str]:
    """Return every field of a spec as a dotted path."""
    paths = []
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            paths += spec_fields(inner, f"{prefix}{name}.")
        else:
            paths.append(f"{prefix}{name}")
    return paths


def test_every_make_target_is_documented(documentation: str) -> None:
    """Each make target appears in the documentation with its command."""
    assert [] == [target for target in targets() if f"make {target}" not in documentation]
    assert len(targets()) > 10


def test_help_lists_every_make_target() -> None:
    """`make help` names each target that the Makefile describes, also those with a digit in their name."""
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert targets() == re.findall(r"^  make (\S+)", done.stdout, flags=re.MULTILINE)


def test_the_request_of_the_readme_is_one_of_the_demonstration() -> None:
    """README and the demonstration's last words show the same request, and the demonstration's model reads it."""
    request = EXAMPLE.format(address="ADDRESS", endpoint="delays-v1")
    body = re.search(r"-d '(.*)'", request)

    assert request in (ROOT / "README.md").read_text()
    assert body is not None
    assert from_v1(json.loads(body[1]), SCHEMA.of_role(Role.FEATURE)).tolist() == [["WN", -3.0, 12.0, 447.0, 2.0]]


def test_every_workflow_is_documented(documentation: str) -> None:
    """Each DAG appears in the documentation by its id."""
    dags = [path.stem for path in (ROOT / "dags").glob("*.py")]

    assert [] == [dag for dag in dags if f"`{dag}`" not in documentation]
    assert len(dags) >= 5


def test_every_setting_is_documented(documentation: str) -> None:
    """Each environment variable appears in the documentation by its full name."""
    variables = [f"PEGEL_{name.upper()}" for name in Settings.model_fields]
    variables += [f"{PREFIX}{name.upper()}" for name in ClusterSettings.model_fields]

    assert [] == [variable for variable in variables if f"`{variable}`" not in documentation]


def test_every_spec_field_is_documented(documentation: str) -> None:
    """Each field of a MonitorSpec appears in the documentation by its dotted path."""
    assert [] == [path for path in spec_fields(MonitorSpec) if f"`{path}`" not in documentation]


def test_every_topic_is_documented(documentation: str) -> None:
    """Each Kafka topic appears in the documentation as a pattern."""
    assert [] == [topic for topic in names.topics("<namespace>") if f"`{topic}`" not in documentation]


def test_every_command_is_documented(documentation: str) -> None:
    """Each `pegel` command appears in the documentation."""
    from pegel.cli.command_line import COMMANDS, HIDDEN

    assert [] == [name for name in COMMANDS.names() if name not in HIDDEN and f"pegel {name}" not in documentation]
    assert {"up", "down", "status", "validate", "apply", "report"} <= set(COMMANDS.names())


def test_every_option_of_traffic_is_documented(documentation: str) -> None:
    """What `pegel traffic --help` lists is in the documentation, and so is each kind of answer that it counts."""
    from typer.main import get_command

    from pegel.cli.command_line import build
    from pegel_local.traffic import timed_answers as answers

    options = get_command(build(["traffic"])).commands["traffic"].params  # type: ignore[attr-defined]
    written = [name for option in options for name in option.opts if name.startswith("--")]
    kinds = [answers.NOT_REACHED, answers.NOT_IN_TIME, answers.CUT_OFF, answers.NO_PREDICTION, answers.TOO_LONG]

    assert [] == [name for name in written if f"`{name}" not in documentation]
    assert [] == [kind for kind in kinds if f"`{kind}`" not in documentation]
    assert {"--rate", "--connections", "--to", "--log"} <= set(written)


def test_links_between_pages_hold() -> None:
    """Each relative link of a page leads to a file."""
    links = [
        (page, link)
        for page in pages()
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
    ]

    assert [] == [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()]


def test_paths_in_backticks_exist(committed: list[Path]) -> None:
    """Each path that a page writes in backticks is a file or folder of this tree, from the top or below a room.

    A pattern with `*` or `<name>` matches at least one. What is made by a run (`.venvs/`, `build/` ...) is not meant.
    """
    files = {str(path.relative_to(ROOT)) for path in committed}
    known = files | {str(folder) for file in files for folder in Path(file).parents}
    lost = {
        f"{page.relative_to(ROOT)}: {word}"
        for page in pages()
        for span in re.findall(r"`([^`\n]+)`", page.read_text())
        for word in span.split()
        if is_path(word) and not any(is_place(word, path) for path in known)
    }

    assert set() == lost


def is_path(word: str) -> bool:
    """Say whether a word in backticks means a place of this tree: a file by its ending, or a folder of the top."""
    if re.search(r"[(){}=:$,\"'&@]", word) or word.startswith((".", "build/", "dist/", "/", "-")):
        return False
    tops = {path.name for path in ROOT.iterdir()}
    if "/" in word.rstrip("/"):
        return word.partition("/")[0] in tops or bool(re.fullmatch(r"[\w/*<>-]+\.(py|md|toml|sh|yaml|in|lock)", word))
    return word.endswith("/") and word.rstrip("/") in tops


def is_place(word: str, path: str) -> bool:
    """Say whether a word of a page means a path: the whole of it, or its end."""
    pattern = re.sub(r"<[^>]*>", "*", word.rstrip("/"))
    return fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}")


def test_dotted_names_exist(committed: list[Path]) -> None:
    """Each `pegel.module.name` in backticks, on a page or in the code, is a module or what one holds."""
    lost = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in committed
        if path.suffix in {".py", ".md"} and path != Path(__file__)
        for name in re.findall(r"`(pegel(?:\.[A-Za-z_]\w*)+)(?:\(\))?`", path.read_text())
        if name not in GROUPS and not is_there(name)
    }

    assert set() == lost


def is_there(name: str) -> bool:
    """Say whether a dotted name below `pegel` leads to a module, or to something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, MISSING)
        return found is not MISSING
    return False


def test_the_orders_for_contributors_fit_on_one_page() -> None:
    """AGENTS.md has at most sixty lines."""
    assert len((ROOT / "AGENTS.md").read_text().splitlines()) <= 60


def test_the_first_screen_of_the_readme_holds_the_two_commands() -> None:
    """A reader sees both commands without scrolling."""
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:45])

    assert "make demo" in screen
    assert "make test" in screen
