"""The table of errors on the page for a reader's own model holds what the program says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from page_blocks import blocks_of

from pegel.cli.main import main

RIGHT = 'model: {name: loans, uri: model}\nbaseline: {source: "local://loans?version=1&split=train"}\n'
WRONG = f"{RIGHT}window: {{}}\n"


NOTEBOOK = """
import joblib, sys, types
from sklearn.preprocessing import FunctionTransformer
def doubled(rows): return 2 * rows
joblib.dump(FunctionTransformer(doubled), "notebook/model.joblib")
sys.modules["own"] = types.ModuleType("own")
doubled.__module__, sys.modules["own"].doubled = "own", doubled
joblib.dump(FunctionTransformer(doubled), "module/model.joblib")
"""


@pytest.fixture
def reader(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Train the page's model in a folder without a system, work there, and have tables that are not as they should."""
    (script,) = [block for block in blocks_of((root / "docs/your-model.md").read_text()) if block.info == "train.py"]
    subprocess.run([sys.executable, "-c", script.text], cwd=tmp_path, check=True)
    rows = pd.read_parquet(tmp_path / "train.parquet")
    rows.head(442).to_parquet(tmp_path / "few.parquet")
    rows.rename(columns={"income": "incomes"}).to_parquet(tmp_path / "renamed.parquet")
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    (tmp_path / "right.yaml").write_text(RIGHT, encoding="utf-8")
    for folder in ("notebook", "module"):
        (tmp_path / folder).mkdir()
    subprocess.run([sys.executable, "-c", NOTEBOOK], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PEGEL_HOME", raising=False)
    return tmp_path


def said(commands: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run commands; return all they print as one line."""
    for command in commands:
        with pytest.raises(SystemExit):
            main(command.split())
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).replace("`", "").split())


def sentences(page: str) -> Iterator[str]:
    """Yield what the table of errors says that the program says, in parts where something is left out."""
    for cell in re.findall(r"^\| `([^`]+)` \|", page.partition("## When it goes wrong")[2], flags=re.MULTILINE):
        yield from filter(None, (part.strip() for part in cell.split("...")))


def test_each_sentence_of_the_table_is_what_the_program_says(
    root: Path, reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a reader meets who does something else than the page says stands in its table, word for word."""
    told = said(
        [
            "register few.parquet --name few",
            "register train.parquet --name loans --prediction outcome",
            "register few.parquet --name loans --prediction outcome",
            "model init model --from renamed.parquet --prediction outcome",
            "model init model --from loans --prediction outcome",
            "model init model --from loans --prediction outcome",
            "model init notebook --from loans --prediction outcome",
            "model init module --from loans --prediction outcome",
            "validate wrong.yaml",
            "validate right.yaml",
            "apply right.yaml",
            "mail loans",
        ],
        capsys,
    )
    listed = list(sentences((root / "docs/your-model.md").read_text()))

    assert (True, []) == (len(listed) > 8, [sentence for sentence in listed if sentence not in told])
