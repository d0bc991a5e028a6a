"""What may stand in a committed file."""

import re
import subprocess
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
MACHINE_PATHS = ("/wor" + "k/", "/ho" + "me/", "/Use" + "rs/", "/roo" + "t/")


def committed() -> list[Path]:
    """Return the files git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()})


def text(path: Path) -> str:
    """Return a file's text; binary files read as empty."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("words", [REGISTRIES, MACHINE_PATHS], ids=["registries", "machine paths"])
def test_no_addresses_and_no_machine_paths(words: tuple[str, ...]) -> None:
    """No committed file names a package registry or a path of one machine."""
    found = [f"{path.relative_to(ROOT)}: {word}" for path in committed() for word in words if word in text(path)]

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


def test_jars_are_pinned_by_digest() -> None:
    """Every jar is named by coordinate and SHA-256."""
    lines = [
        line for line in (ROOT / "requirements" / "jars.lock").read_text().splitlines() if line and line[0] not in "#["
    ]

    assert [] == [line for line in lines if not re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+ [0-9a-f]{64}", line)]
    assert len(lines) > 40


def test_top_folders_hold_no_package() -> None:
    """No top folder is importable by its own name; each is only the root of its room."""
    tops = ["core", "local", "plugins", "dags", "spark", "serving", "k8s", "tests", "benchmarks", "docs"]

    assert [] == [top for top in tops if (ROOT / top / "__init__.py").exists()]


def test_every_python_file_opens_with_a_docstring() -> None:
    """Each module says in its first line what it is."""
    modules = [path for path in committed() if path.suffix == ".py" and text(path).strip()]
    bare = [str(p.relative_to(ROOT)) for p in modules if not re.match(r'(#!.*\n)?r?"""', text(p))]

    assert [] == bare
