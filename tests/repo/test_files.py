"""What may stand in a committed file."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file does not find itself.
REGISTRIES = (
    "python" + "hosted",
    "py" + "pi.org",
    "repo" + "1.maven",
    "repo.maven" + ".apache",
    "npm" + "js.",
    "proxy." + "golang",
)
DISTRIBUTIONS = {
    "core": "pegel",
    "local": "pegel_local",
    "plugins": "pegel_airflow",
    "spark": "pegel_spark",
    "serving": "pegel_serving",
}
MACHINE_PATHS = ("/wor" + "k/", "/ho" + "me/", "/Use" + "rs/", "/roo" + "t/")


def text(path: Path) -> str:
    """Return a file's text; binary files read as empty."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("words", [REGISTRIES, MACHINE_PATHS], ids=["registries", "machine paths"])
def test_no_addresses_and_no_machine_paths(words: tuple[str, ...], committed: list[Path]) -> None:
    """No committed file names a package registry or a path of one machine."""
    found = [f"{path.relative_to(ROOT)}: {word}" for path in committed for word in words if word in text(path)]

    assert [] == found


def test_locked_requirements_carry_hashes() -> None:
    """Every requirement of every environment is pinned to one version with its hashes."""
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text())
        loose = [
            block.split()[0]
            for block in blocks
            if block.strip() and ("==" not in block or "--hash=sha256:" not in block)
        ]

        assert [] == loose, lock.name


@pytest.mark.parametrize(("lock", "least"), [("jars.lock", 40), ("store-jars.lock", 30)])
def test_jars_are_pinned_by_digest(lock: str, least: int) -> None:
    """Every jar is named by coordinate and SHA-256."""
    lines = [line for line in (ROOT / "requirements" / lock).read_text().splitlines() if line and line[0] not in "#["]

    assert [] == [line for line in lines if not re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+ [0-9a-f]{64}", line)]
    assert len(lines) > least


def test_top_folders_hold_no_package() -> None:
    """No top folder is importable by its own name; each is only the root of its room."""
    tops = ["core", "local", "plugins", "dags", "spark", "serving", "k8s", "tests", "benchmarks", "docs", "examples"]

    assert [] == [top for top in tops if (ROOT / top / "__init__.py").exists()]


def test_every_python_file_opens_with_a_docstring(committed: list[Path]) -> None:
    """Each module says in its first line what it is."""
    modules = [path for path in committed if path.suffix == ".py" and text(path).strip()]
    bare = [str(p.relative_to(ROOT)) for p in modules if not re.match(r'(#!.*\n)?r?"""', text(p))]

    assert [] == bare


def test_no_stray_files(committed: list[Path]) -> None:
    """An empty file is a package's marker; nothing that a run leaves behind is tracked."""
    empty = [path for path in committed if not path.stat().st_size and path.name not in {"__init__.py", "py.typed"}]
    wanted = {ROOT / "requirements" / name for name in ("jars.lock", "store-jars.lock")}
    left = [path for path in committed if path.suffix in {".lock", ".log", ".pid", ".db"} and path not in wanted]

    assert [] == empty
    assert [] == left


def test_every_distribution_says_its_licence() -> None:
    """Each of the five is Apache-2.0 by its SPDX expression, carries the one notice, and marks its types as public."""
    notice = (ROOT / "LICENSE").read_text()
    for folder, package in DISTRIBUTIONS.items():
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]

        assert ("Apache-2.0", ["LICENSE"]) == (project.get("license"), project.get("license-files")), folder
        assert notice == (ROOT / folder / "LICENSE").read_text(), folder
        assert (ROOT / folder / package / "py.typed").exists(), folder
