"""The site of the documentation is whole: no link leads nowhere, nothing is fetched, the reference lacks nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.main import get_command

from pegel.cli.command_line import build
from pegel.spec import names
from pegel.spec.cluster_settings import PREFIX, ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.section import Section
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.result_views import view_table, views

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
"""What a browser fetches without being asked, by tag."""
NO_FETCH = {"canonical", "next", "prev", "search", "index"}
"""Links of a head that name another page."""


def built(out: Path, pages: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Build a site as `make docs` does: of the tree, or of a folder of pages."""
    command: list[str | Path] = [
        sys.executable,
        ROOT / "docs" / "site" / "build_site.py",
        ROOT / ".venvs" / "tools" / "bin" / "sphinx-build",
        out,
    ]
    return subprocess.run(
        [*command, *([pages] if pages else [])], capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built once."""
    out = tmp_path_factory.mktemp("docs") / "site"
    done = built(out)

    assert (0, "") == (done.returncode, done.stderr)
    return out


class Assets(HTMLParser):
    """What a page fetches."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of what a tag fetches."""
        given = dict(attrs)
        if tag in FETCHED and given.get("rel") not in NO_FETCH and (place := given.get(FETCHED[tag])):
            self.found.append(place)


def said(site: Path, page: str) -> set[str]:
    """Return what a page of the reference has in code."""
    text = (site / "docs" / "reference" / f"{page}.html").read_text(encoding="utf-8")
    codes = re.findall(r"<code[^>]*>(.*?)</code>", text, flags=re.DOTALL)
    return {re.sub(r"<[^>]+>", "", code).replace("&lt;", "<").replace("&gt;", ">") for code in codes}


def fields(section: type[Section], path: str = "") -> list[str]:
    """Return every field of a spec by its dotted path."""
    found = []
    for name, field in section.model_fields.items():
        inner = field.annotation
        is_section = isinstance(inner, type) and issubclass(inner, Section)
        found += fields(inner, f"{path}{name}.") if is_section else [f"{path}{name}"]  # type: ignore[arg-type]
    return found


def test_every_page_is_on_the_site(site: Path, committed: list[Path]) -> None:
    """Each Markdown page of the top, of docs/ and of examples/ is a page of the site; the contents are its first."""
    pages = [path.relative_to(ROOT) for path in committed if path.suffix == ".md"]
    wanted = [page for page in pages if len(page.parts) == 1 or page.parts[0] in {"docs", "examples"}]
    lost = [page for page in wanted if not (site / page.with_suffix(".html")).exists()]

    assert [Path("docs/README.md")] == lost
    assert (site / "index.html").exists()


def test_no_page_fetches_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and pictures are files of the site itself, all of them there."""
    lost, seen = [], 0
    for page in site.rglob("*.html"):
        assets = Assets()
        assets.feed(page.read_text(encoding="utf-8"))
        seen += len(assets.found)
        files = [place.partition("?")[0] for place in assets.found if not place.startswith(("data:", "#"))]
        lost += [f"{page.name}: {place}" for place in files if not (page.parent / place).resolve().is_file()]

    assert [] == lost
    assert seen > 100


def test_no_style_and_no_script_fetches_from_elsewhere(site: Path) -> None:
    """No style imports or shows what another host has, and no script asks one."""
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    scripts = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.js"))

    assert [] == re.findall(r"(?:@import\s+|url\()[\"']?(?:https?:)?//[^)\"']*", styles)
    assert [] == re.findall(r"(?:fetch|import|open)\([\"'](?:https?:)?//[^\"']*", scripts)


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        pytest.param("other.md", "", marks=pytest.mark.long),
        ("none.md", "none.md"),
        ("other.md#nowhere", "nowhere"),
        pytest.param("#nowhere", "nowhere", marks=pytest.mark.long),
        ("other.md#a-part", ""),
    ],
)
def test_a_link_that_leads_nowhere_is_an_error(link: str, problem: str, tmp_path: Path) -> None:
    """Of a page, of an anchor on it, and of one on the page itself; the message names it."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text(f"# One\n\n[there]({link})\n\n```{{toctree}}\nother\n```\n")
    (pages / "other.md").write_text("# Other\n\n## A part\n")
    done = built(tmp_path / "site", pages)

    assert bool(problem) == bool(done.returncode), done.stderr
    assert problem in done.stderr


def test_the_reference_has_every_field_of_the_spec(site: Path) -> None:
    """Each with its dotted path."""
    assert set() == set(fields(MonitorSpec)) - said(site, "spec")


def test_the_reference_has_every_setting(site: Path) -> None:
    """Each by the full name of its variable."""
    wanted = {f"PEGEL_{name.upper()}" for name in Settings.model_fields}
    wanted |= {f"{PREFIX}{name.upper()}" for name in ClusterSettings.model_fields}

    assert set() == wanted - said(site, "settings")


def test_the_reference_has_every_command_and_option(site: Path) -> None:
    """Each command that `pegel --help` lists, with each of its options."""
    told = said(site, "commands")
    whole = get_command(build([])).commands  # type: ignore[attr-defined]
    listed = {name: command for name, command in whole.items() if not command.hidden}
    wanted = {
        (name, option)
        for name, command in listed.items()
        for each in command.params
        for option in each.opts
        if option[0] == "-"
    }
    page = (site / "docs" / "reference" / "commands.html").read_text(encoding="utf-8")

    assert [] == [name for name in listed if f"<h2>pegel {name}<" not in page]
    assert set() == {option for _, option in wanted} - {word.strip(",") for text in told for word in text.split()} - {
        "--help"
    }
    assert len(wanted) > 100


def test_the_reference_has_every_view_and_topic(site: Path) -> None:
    """Views with their columns, tables, and topics of a namespace."""
    page = (site / "docs" / "reference" / "views.html").read_text(encoding="utf-8")
    columns = {(name, column.name) for name in views("sqlite") for column in view_table(name, "sqlite").c}

    assert [] == [f"{view}.{name}" for view, name in columns if f"<p>{name}</p>" not in page]
    assert {table.name for table in tables.metadata.sorted_tables} <= said(site, "views")
    assert set(names.topics("<namespace>")) == {word for word in said(site, "topics") if word.startswith("pegel.<")}


def test_the_metrics_are_those_of_the_page_about_them(site: Path) -> None:
    """What the exporter says of itself and what docs/monitoring.md says are the same metrics."""
    told = {word for word in said(site, "metrics") if word.startswith("pegel_")}
    rows = re.findall(r"^\| (`pegel_.*?) \|", (ROOT / "docs" / "monitoring.md").read_text(), flags=re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == told
