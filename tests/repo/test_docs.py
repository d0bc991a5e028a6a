"""The documentation names everything that a person can name."""

import re
from pathlib import Path

import pytest

from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec, Section
from pegel.spec.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def documentation() -> str:
    """Return README and all pages as one text."""
    return "\n".join(
        path.read_text() for path in [ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))]
    )


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


def test_every_workflow_is_documented(documentation: str) -> None:
    """Each DAG appears in the documentation by its id."""
    dags = [path.stem for path in (ROOT / "dags").glob("*.py")]

    assert [] == [dag for dag in dags if f"`{dag}`" not in documentation]
    assert len(dags) >= 5


def test_every_setting_is_documented(documentation: str) -> None:
    """Each environment variable appears in the documentation by its full name."""
    variables = [f"PEGEL_{name.upper()}" for name in Settings.model_fields]

    assert [] == [variable for variable in variables if f"`{variable}`" not in documentation]


def test_every_spec_field_is_documented(documentation: str) -> None:
    """Each field of a MonitorSpec appears in the documentation by its dotted path."""
    assert [] == [path for path in spec_fields(MonitorSpec) if f"`{path}`" not in documentation]


def test_every_topic_is_documented(documentation: str) -> None:
    """Each Kafka topic appears in the documentation as a pattern."""
    assert [] == [topic for topic in names.topics("<namespace>") if f"`{topic}`" not in documentation]


def test_every_command_is_documented(documentation: str) -> None:
    """Each `pegel` command appears in the documentation."""
    from pegel.cli.main import COMMANDS, HIDDEN

    assert [] == [name for name in COMMANDS.names() if name not in HIDDEN and f"pegel {name}" not in documentation]
    assert {"up", "down", "status", "validate", "apply", "report"} <= set(COMMANDS.names())


def test_links_between_pages_hold(documentation: str) -> None:
    """Each relative link of a page leads to a file."""
    pages = [ROOT / "README.md", ROOT / "AGENTS.md", *(ROOT / "docs").rglob("*.md")]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
    ]

    assert [] == [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()]


def test_the_orders_for_contributors_fit_on_one_page() -> None:
    """AGENTS.md has at most sixty lines."""
    assert len((ROOT / "AGENTS.md").read_text().splitlines()) <= 60


def test_the_first_screen_of_the_readme_holds_the_two_commands() -> None:
    """A reader sees both commands without scrolling."""
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:45])

    assert "make demo" in screen
    assert "make test" in screen
