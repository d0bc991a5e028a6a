"""Each block of code on a page is held by a test, or stands here with the reason why none can run it."""

from __future__ import annotations

import re
from pathlib import Path

from page_blocks import Block, blocks_of

ROOT = Path(__file__).resolve().parents[2]
FOLLOWED = {
    "docs/cookbook.md": "tests/cookbook/test_cookbook.py",
    "docs/extending.md": "tests/core/stats/test_statistics_extending.py",
    "docs/your-model.md": "tests/pages/test_your_model.py",
    "examples/credit/README.md": "tests/credit/test_example_credit.py",
    **{
        f"examples/{name}/README.md": "tests/pages/test_example_models.py"
        for name in ("deliveries", "houses", "tickets", "turbines")
    },
}
"""Pages that a test follows from top to bottom."""
BY_LANGUAGE = {"yaml": "tests/repo/test_shown_specs.py", "json": "tests/repo/test_shown_specs.py"}
"""Tests that look at every block of a language."""
COMMANDS = "tests/repo/test_shown_commands.py"
"""The test by which each line that begins with `pegel` is one that the command line understands."""
OURS = re.compile(r"pegel [^|]*$")
"""A line that is such a command and no other."""
RUN = {
    ("README.md", "make test"): "tests/repo/test_docs.py",
    ("README.md", "curl -s ADDRESS"): "tests/repo/test_docs.py",
    ("README.md", "make wheels"): "tests/repo/test_wheels.py",
    ("README.md", "pegel.check(today, baseline)"): "tests/repo/test_shown_python.py",
    ("README.md", "pegel check today.csv"): "tests/repo/test_shown_python.py",
    ("docs/archive.md", "open_archive(Settings()"): "tests/repo/test_shown_python.py",
    ("docs/batch.md", "dagRuns"): "tests/airflow/test_shown_requests.py",
    ("docs/feature-store.md", "[shop]"): "tests/core/featurestore/test_known_database.py",
    ("docs/history.md", "past.features.to_pandas()"): "tests/repo/test_shown_python.py",
    ("docs/labels.md", "curl"): "tests/serving/test_labels_page.py",
    ("docs/spec.md", "pegel.register(frame"): "tests/repo/test_shown_python.py",
    ("docs/spec.md", "joblib.dump(pipeline"): "tests/repo/test_shown_python.py",
    ("docs/sql.md", "from v_feature_window"): "tests/core/store/test_sql_page.py",
    ("docs/sql.md", "create role"): "tests/core/store/test_sql_page.py",
}
"""The test that runs a block, found by a part of it, or holds it against what is run."""
UNRUN = {
    ("docs/cluster.md", "kind create cluster"): "needs a cluster; the values files are those of tests/k8s",
    ("docs/cluster.md", "docker build"): "needs Docker; the targets are those of tests/repo/test_images.py",
    ("docs/cluster.md", "kubectl apply --server-side -k"): "needs a cluster; tests/k8s applies the overlays",
    ("docs/cluster.md", "generic pegel-database"): "needs a cluster, and secrets of its own",
    ("docs/cluster.md", "generic pegel-models"): "needs a cluster, and secrets of its own",
    ("docs/cluster.md", "helm install airflow"): "needs a cluster",
    ("docs/cluster.md", "aws s3 cp"): "needs a cluster and a bucket",
    ("docs/cluster.md", "kubectl -n default port-forward"): "needs a cluster",
    ("docs/cluster.md", "generic pegel-hopsworks"): "needs a cluster and Hopsworks",
    ("docs/explanations.md", "python -m pegel_serving.attribution"): "says how the options are written",
    ("docs/feature-store.md", "create_train_test_split"): "needs Hopsworks",
    ("docs/feature-store.md", "create_model("): "needs Hopsworks",
    ("docs/feature-store.md", "PEGEL_TEST_HOPSWORKS="): "needs Hopsworks; it runs a test, which skips without",
    (
        "docs/monitoring.md",
        "prometheus.yml",
    ): "runs until it is ended; tests/core/exporter starts both with these files",
    ("docs/monitoring.md", "OTEL_EXPORTER_OTLP_ENDPOINT"): "needs a collector of traces, and the reader's own rows",
    ("docs/monitoring.md", "apt-get install"): "installs programs of the system",
    ("docs/commands.md", "| jq"): "does not end; tests/local/test_jq_lines.py runs each line",
    ("examples/README.md", "pegel up"): "the tests of each example begin so, with a home of their own",
}
"""Why a block is run by no test."""


def shown() -> list[tuple[str, Block]]:
    """Return every block of every page, with its page."""
    pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
    return [
        (str(page.relative_to(ROOT)), block)
        for page in pages
        for block in blocks_of(page.read_text(encoding="utf-8"))
        # What is drawn, or printed: a page that is followed compares it with what was.
        if block.language != "text"
    ]


def holder(page: str, block: Block) -> str | None:
    """Return the test that holds a block; None if none does."""
    named = [test for (of, part), test in RUN.items() if of == page and part in block.text]
    if named or page in FOLLOWED or block.language in BY_LANGUAGE:
        return [*named, FOLLOWED.get(page) or BY_LANGUAGE.get(block.language)][0]
    lines = block.text.replace("\\\n", " ").splitlines()
    return COMMANDS if block.language == "sh" and all(map(OURS.match, lines)) else None


def reasons(page: str, block: Block) -> list[str]:
    """Return why a block is not run, as it stands above."""
    return [reason for (of, part), reason in UNRUN.items() if of == page and part in block.text]


def test_each_block_is_held_or_has_its_reason() -> None:
    """Never both: a reason that no longer holds is not left to stand."""
    lost = [
        f"{page}:{block.line}"
        for page, block in shown()
        if (holder(page, block) is None) != (len(reasons(page, block)) == 1)
    ]

    assert [] == lost
    assert len(shown()) > 100


def test_no_more_is_named_than_there_is() -> None:
    """Each part that is named above stands in one block of its page."""
    named = [*RUN, *UNRUN]
    found = [[block for of, block in shown() if of == page and part in block.text] for page, part in named]

    assert [] == [place for place, blocks in zip(named, found, strict=True) if len(blocks) != 1]


def test_who_holds_a_block_reads_its_page() -> None:
    """The test is there, and names the page that it is said to hold, or reads all pages."""
    held = {(page, test) for page, block in shown() if (test := holder(page, block)) is not None}
    texts = {test: (ROOT / test).read_text(encoding="utf-8") for _, test in held}
    lost = [
        f"{page}: {test}"
        for page, test in held
        # The test of the examples finds their pages by the names of their folders.
        if not any(part in texts[test] for part in (Path(page).name, f'"{Path(page).parent.name}"', 'glob("*.md")'))
    ]

    assert [] == lost


def test_every_block_says_its_language() -> None:
    """Else nobody could say whether it is a command, and a drawing would hide one."""
    pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
    lost = [
        f"{page.relative_to(ROOT)}: {fence}"
        for page in pages
        for fence in re.findall(r"^ *```.*$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[::2]
        if not re.fullmatch(r" *```\w+.*", fence)
    ]

    assert [] == lost


def test_what_is_printed_is_no_command() -> None:
    """No block that says `text` begins with one."""
    pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
    lost = [
        f"{page.relative_to(ROOT)}:{block.line}"
        for page in pages
        for block in blocks_of(page.read_text(encoding="utf-8"))
        if block.language == "text" and re.search(r"^(\$ |pegel [a-z]+ -|make |pip |python )", block.text, re.MULTILINE)
    ]

    assert [] == lost
