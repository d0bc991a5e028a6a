"""Build the site of the documentation: `build_site.py SPHINX-BUILD OUT [PAGES]`, or `make docs`.

The pages are those of the tree as they stand, in the order of docs/README.md; those of the reference are written by the
code that they are about. `PAGES`, a folder, takes their place. Exit code 1, with a sentence for each, if a link or an
anchor leads nowhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from command_reference import commands_page
from results_reference import metrics_page, topics_page, views_page
from spec_reference import settings_page, spec_page

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CONTENTS = ROOT / "docs" / "README.md"
REFERENCE = "Reference"
"""The heading of the contents below which the pages come that are written here."""
_LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)#\s]+)")
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)#\s]+)\)", flags=re.MULTILINE)


def reference() -> Mapping[str, tuple[str, str]]:
    """Return the pages that the code writes: their place below docs/, title in the contents, and text."""
    return {
        "reference/spec": ("Fields of the spec", spec_page()),
        "reference/commands": ("Commands", commands_page()),
        "reference/settings": ("Settings", settings_page()),
        "reference/topics": ("Topics", topics_page()),
        "reference/views": ("Views and tables", views_page(ROOT / "docs" / "sql.md")),
        "reference/metrics": ("Metrics", metrics_page()),
    }


def pages() -> list[Path]:
    """Return the pages of the tree that are on the site."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def gather(source: Path) -> None:
    """Put pages, the files that they link to or show, and the reference into `source`."""
    for page in pages():
        for place in (page, *_beside(page)):
            target = source / place.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, target)
    written = reference()
    for name, (_, text) in written.items():
        target = source / "docs" / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    titles = {name: title for name, (title, _) in written.items()}
    (source / "index.md").write_text(_index(CONTENTS.read_text(encoding="utf-8"), titles), encoding="utf-8")
    # The contents are the first page of the site, not another one beside it.
    (source / "docs" / "README.md").unlink()
    _link_folders(source, {(CONTENTS.parent / place).resolve() for _, place in _ENTRY.findall(CONTENTS.read_text())})
    for page in source.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_LINK.sub(partial(_not_twice, page=page, source=source), text), encoding="utf-8")


def _link_folders(source: Path, listed: Collection[Path]) -> None:
    """Put each page that the contents do not list below the README.md of its folder, or of the folder above.

    One of docs/ itself has to be listed: Sphinx says so.
    """
    for page in pages():
        above = page.parent.parent if page.name == "README.md" else page.parent
        if page in listed or above == CONTENTS.parent or page == CONTENTS:
            continue
        entry = page.relative_to(above).with_suffix("")
        with (source / above.relative_to(ROOT) / "README.md").open("a", encoding="utf-8") as folder:
            folder.write(f"\n```{{toctree}}\n:hidden:\n\n{entry}\n```\n")


def _not_twice(link: re.Match[str], page: Path, source: Path) -> str:
    """Return a link as it is, but for one to the contents: that page is the first of the site."""
    if (page.parent / link[2]).resolve() != source / "docs" / "README.md":
        return link[0]
    return f"{link[1]}{'../' * (len(page.relative_to(source).parts) - 1)}index.md"


def _beside(page: Path) -> Iterator[Path]:
    """Yield the files that a page links to and that are no pages; what is not there is told by Sphinx."""
    for _, link in _LINK.findall(page.read_text(encoding="utf-8")):
        place = (page.parent / link).resolve()
        if place.is_file() and place.suffix != ".md" and place.is_relative_to(ROOT):
            yield place


def _index(contents: str, written: Mapping[str, str]) -> str:
    """Return the first page: the contents with links from the top, and the same as the navigation of every page."""
    moved = _LINK.sub(lambda link: link[1] + str(_from_top(link[2])), contents)
    trees = []
    parts = re.split(r"^## (.+)$", moved, flags=re.MULTILINE)
    for caption, text in zip(parts[1::2], parts[2::2], strict=True):
        entries = list(_ENTRY.findall(text))
        if caption == REFERENCE:
            entries = [(title, f"docs/{name}.md") for name, title in written.items()] + entries
        lines = "\n".join(f"{title} <{place.removesuffix('.md')}>" for title, place in entries)
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n")
    listed = "".join(f"- [{title}](docs/{name}.md)\n" for name, title in written.items())
    return moved.replace(f"## {REFERENCE}\n\n", f"## {REFERENCE}\n\n{listed}") + "\n" + "\n".join(trees)


def _from_top(link: str) -> Path:
    return (CONTENTS.parent / link).resolve().relative_to(ROOT)


def main(sphinx: str, out: str, given: str | None = None) -> int:
    """Build the site into `out`, from a folder of pages if one is given; return the exit code of Sphinx."""
    source = Path(given or f"{out}-source").resolve()
    for folder in (Path(f"{out}-source"), Path(out)):
        shutil.rmtree(folder, ignore_errors=True)
    if given is None:
        gather(source)
    strict = ["-q", "-W", "--keep-going", "-n", "-E", "-j", "auto"]
    command = [sphinx, *strict, "-c", str(HERE), "-d", f"{out}-doctrees", "-b", "html", str(source), out]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
