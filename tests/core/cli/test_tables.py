"""`pegel profile` and `pegel check` in a shell: files in, a verdict as exit code out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from rich.console import Console

from pegel.cli.main import main
from pegel.cli.progress import bar

pytestmark = pytest.mark.environments("pyarrow")


def run(*arguments: str | Path) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def write(path: Path, n: int, seed: int, shift: float = 0.0) -> Path:
    """Write rows of a number and a category."""
    rng = np.random.default_rng(seed)
    rows = pa.table({"delay": rng.normal(5 + shift, 20, n), "carrier": rng.choice(["AA", "WN"], n)})
    (pa.csv.write_csv if path.suffix == ".csv" else pa.parquet.write_table)(rows, path)
    return path


@pytest.fixture
def baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A baseline of 5,000 rows, written by the command."""
    made = tmp_path / "baseline.json"
    training = write(tmp_path / "training.parquet", 5_000, 1)

    assert 0 == run("profile", training, "-o", made, "--unit", "delay=min", "--name", "flights")
    assert "5,000 rows, 2 columns, sha256:" in capsys.readouterr().out
    return made


@pytest.mark.parametrize(("n", "shift", "code"), [(1_000, 0.0, 0), (1_000, 20.0, 1), (20, 0.0, 2)])
def test_the_verdict_is_the_exit_code(tmp_path: Path, baseline: Path, n: int, shift: float, code: int) -> None:
    """0 says ok, 1 says findings, 2 says that there is too little to say."""
    assert code == run("check", write(tmp_path / "today.csv", n, 2, shift), "--baseline", baseline)


def test_several_files(tmp_path: Path, baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several files are one table."""
    days = [write(tmp_path / f"{day}.csv", 500, day) for day in range(3)]

    assert 0 == run("check", *days, "-b", baseline)
    assert "1,500 rows against 5,000" in capsys.readouterr().out


def test_the_report_in_three_forms(tmp_path: Path, baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads text, another one a page, a machine JSON."""
    today = write(tmp_path / "today.csv", 1_000, 2, 20.0)
    run("check", today, "-b", baseline, "--save", tmp_path / "report.html")
    text = capsys.readouterr().out
    run("check", today, "-b", baseline, "--json")
    found = json.loads(capsys.readouterr().out)

    assert text.startswith("drift in 1 of 2 features · 1,000 rows against 5,000 · one false alarm per week")
    assert 2 == (tmp_path / "report.html").read_text(encoding="utf-8").count("<svg")
    assert ("drift", 1, "delay") == (found["verdict"], found["exit_code"], found["features"][0]["feature"])


def test_settings(tmp_path: Path, baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The budget for false alarms and the margin are the user's."""
    today = write(tmp_path / "today.csv", 1_000, 2, 8.0)

    assert 0 == run("check", today, "-b", baseline, "--margin", "0.9")
    assert 1 == run("check", today, "-b", baseline, "--false-alarms", "2 per day", "--windows-per-week", "7")
    assert "2 false alarms per day" in capsys.readouterr().out


def test_what_cannot_be_checked_is_no_verdict(
    tmp_path: Path, baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the user got wrong ends with 3 and one sentence: no shell takes it for a verdict."""
    today = write(tmp_path / "today.csv", 100, 2)
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[]", encoding="utf-8")
    other = write(tmp_path / "other.parquet", 10, 1)
    pa.parquet.write_table(pa.table({"delay": [1.0]}), other)
    calls: list[tuple[list[str | Path], str]] = [
        ([tmp_path / "nowhere.csv", "-b", baseline], "which is not there: nothing was read"),
        ([today, "-b", tmp_path / "nowhere.json"], "cannot be read"),
        ([today, "-b", wrong], "which is something else"),
        ([other, "-b", baseline], "a table without carrier: nothing was judged"),
        ([today, "-b", baseline, "--unit", "delay=h"], "expected delay in min, as in the baseline, given h"),
        ([today, "-b", baseline, "--unit", "delay"], "expected COLUMN=UNIT"),
        ([today, "-b", baseline, "--false-alarms", "weekly"], "Nothing was judged"),
        ([today, "-b", baseline, "--margin", "5"], "watch.margin: given 5.0"),
        ([today, "-b", baseline, "--save", tmp_path / "x.pdf"], "expected a file named *.html, given"),
        ([today, "-b", baseline, "--save", tmp_path / "new" / "x.html"], "but there is no folder"),
        ([today, "-b", baseline, "--bogus"], "No such option"),
        ([today], "--baseline"),
    ]
    for arguments, sentence in calls:
        assert 3 == run("check", *arguments)
        said = capsys.readouterr().err
        assert sentence in " ".join(said.split())
        assert "Traceback" not in said
    assert not [*tmp_path.glob("new"), *tmp_path.glob("*.pdf")]


def test_what_cannot_be_profiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A profile that is impossible ends with 1, a wrong option with 2; no file is written."""
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n", encoding="utf-8")
    made = tmp_path / "baseline.json"

    assert [1, 1, 1, 2, 2] == [
        run("profile", tmp_path / "nowhere.csv", "-o", made),
        run("profile", path, "-o", tmp_path / "new" / "baseline.json"),
        run("profile", path, "--categorical", "b", "-o", made),
        run("profile", path, "--unit", "min", "-o", made),
        run("profile", path, "--bogus"),
    ]
    assert [path] == [*tmp_path.iterdir()]
    assert "Traceback" not in capsys.readouterr().err


def test_what_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns that are not measured are named on standard error; the profile is made."""
    path = tmp_path / "x.csv"
    path.write_text("a,when\n1,2026-01-01\n2,2026-01-02\n", encoding="utf-8")

    assert 0 == run("profile", path, "-o", tmp_path / "baseline.json")
    assert "not measured: when (times always differ" in " ".join(capsys.readouterr().err.split())


def test_the_bar_is_for_people() -> None:
    """A bar is drawn on a terminal; where nobody looks there is none, and nothing is written."""
    seen, unseen = io.StringIO(), io.StringIO()
    with bar("check", Console(file=seen, force_terminal=True)) as tell:
        assert tell is not None
        tell(1.0)
    with bar("check", Console(file=unseen)) as nobody:
        assert nobody is None

    assert "check" in seen.getvalue()
    assert "" == unseen.getvalue()


@pytest.mark.parametrize("command", ["profile", "check"])
@pytest.mark.parametrize("alias", ["link", "hard link"])
def test_what_is_written_is_never_what_is_read(
    tmp_path: Path, baseline: Path, capsys: pytest.CaptureFixture[str], command: str, alias: str
) -> None:
    """A table and a baseline are as they were, by whatever name they are called as the file to be written."""
    table = write(tmp_path / "today.csv", 100, 2)
    read = table if command == "profile" else baseline
    before, output = read.read_bytes(), tmp_path / "output.html"
    (output.symlink_to if alias == "link" else output.hardlink_to)(read)
    options = ("-o", output) if command == "profile" else ("-b", baseline, "--save", output)
    code = run(command, table, *options)

    assert ({"profile": 2, "check": 3}[command], before) == (code, read.read_bytes())
    assert "expected a file that is not read, given " in capsys.readouterr().err
