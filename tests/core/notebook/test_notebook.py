"""The notebook door: tables in, reports out."""

from __future__ import annotations

import datetime as dt
import decimal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import pegel
from pegel.baseline import baseline_html
from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec, LayoutMismatch, PermanentError
from pegel.judge.findings import Verdict

pytestmark = pytest.mark.environments("pyarrow", "pandas")


def table(n: int, seed: int, *, shift: float = 0.0, wn: float = 0.22) -> pa.Table:
    """Draw flights: delay in minutes, carrier, and whether a model called them late."""
    rng = np.random.default_rng(seed)
    carriers = np.array(["WN", "AA", "DL"])[rng.choice(3, n, p=[wn, 0.5, 0.5 - wn])]
    return pa.table(
        {
            "delay": rng.normal(5 + 20 * shift, 20, n),
            "carrier": carriers,
            "late": rng.random(n) < 0.3,
        }
    )


@pytest.fixture(scope="module")
def flights() -> Baseline:
    """The baseline of 20,000 flights."""
    return pegel.profile(table(20_000, 1), predictions=["late"], units={"delay": "min"}, name="flights")


def test_clean_and_changed(flights: Baseline) -> None:
    """A table like the baseline is ok with exit code 0, a changed one is drift with 1, a small one neither, with 2."""
    clean, changed = pegel.check(table(3_000, 2), flights), pegel.check(table(3_000, 3, shift=0.5), flights)
    small = pegel.check(table(30, 4), flights)

    assert [(Verdict.OK, 0), (Verdict.DRIFT, 1), (Verdict.INSUFFICIENT, 2)] == [
        (report.verdict, report.exit_code) for report in (clean, changed, small)
    ]
    assert "delay" == changed.features[0].feature


def test_terminal(flights: Baseline) -> None:
    """The text says verdict, sizes and budget first, then what changed, and what was not judged and why."""
    text = str(pegel.check(table(8_412, 3, shift=0.31), flights)).splitlines()

    assert text[0] == (
        "drift in 1 of 3 features · 8,412 rows against 20,000 · one false alarm per week of 168 such checks "
        "(windows_per_week)"
    )
    assert ["feature", "what changed", "how much"] == [text[2][2:9], text[2][11:23], text[2][25:33]]
    assert text[3].startswith("  delay    shifted up    0.3")
    assert "min)" in text[3]
    few = str(pegel.check(table(40, 1), flights))
    assert "  not judged: delay, carrier, late (fewer than 50 values in the window)" in few


def test_file(flights: Baseline, tmp_path: Path) -> None:
    """The saved page is one file with a picture per field, and asks nothing of the network."""
    report = pegel.check(table(3_000, 3, wn=0.4), flights)
    page = report.save(tmp_path / "report.html").read_text(encoding="utf-8")

    assert 3 == page.count("<svg")
    assert "WN 22 % → 4" in page
    assert "http" not in page
    assert 3 == report._repr_html_().count("<svg")


@pytest.mark.parametrize(
    "form", ["parquet", "csv", "csv.gz", "folder", "pattern", "paths", "pandas", "polars", "mapping", "batches"]
)
def test_every_form_of_table_is_the_same(flights: Baseline, tmp_path: Path, form: str) -> None:
    """Files, frames, mappings and chunked tables of the same rows give the same baseline."""
    rows = table(20_000, 1)
    path = tmp_path / f"flights.{form}"
    data: Any = path
    match form:
        case "parquet":
            pa.parquet.write_table(rows, path, row_group_size=3_000)
        case "csv" | "csv.gz":
            with pa.output_stream(path) as out:
                pa.csv.write_csv(rows, out)
        case "folder" | "pattern" | "paths":
            parts = [tmp_path / "days" / f"{day}.parquet" for day in range(3)]
            parts[0].parent.mkdir()
            for day, part in enumerate(parts):
                pa.parquet.write_table(rows[day * 7_000 : (day + 1) * 7_000], part)
            data = {"folder": parts[0].parent, "pattern": str(tmp_path / "*" / "*.parquet"), "paths": parts}[form]
        case "pandas":
            data = rows.to_pandas()
        case "polars":
            data = pl.from_arrow(rows)
        case "mapping":
            data = {name: rows.column(name).to_pylist() for name in rows.column_names}
        case _:
            data = pa.concat_tables([rows[:7], rows[7:]])

    assert flights.id == pegel.profile(data, predictions=["late"], units={"delay": "min"}, name="flights").id


class Interchange:
    """A table that offers nothing but the dataframe interchange protocol."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __dataframe__(self, *, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        """Return the table as the protocol has it."""
        return self._table.__dataframe__(nan_as_null=nan_as_null, allow_copy=allow_copy)


def test_a_baseline_renders_as_a_small_table() -> None:
    """Fields with kind, role, unit and number of values; whatever stands in a name is text, and long tables are cut."""
    rows = 50
    table: dict[str, Any] = {"<script>x</script>": [1.5, None] * (rows // 2), "word": ["a"] * rows}
    table |= {f"c{n}": [float(n)] * rows for n in range(baseline_html.MOST_FIELDS)}
    html = pegel.profile(table, predictions=["word"], units={"c0": "m<b>"}, name="<i>")._repr_html_()

    assert "<td>&lt;script&gt;x&lt;/script&gt;</td><td>numeric</td><td>feature</td><td></td><td>25</td>" in html
    assert "<td>c0</td><td>numeric</td><td>feature</td><td>m&lt;b&gt;</td><td>50</td>" in html
    assert "Baseline of &lt;i&gt; v1" in html
    assert "50 rows" in html
    assert "and 2 more" in html


def test_the_interchange_protocol(flights: Baseline) -> None:
    """Any table with the dataframe interchange protocol is read, whatever library made it."""
    assert Verdict.OK is pegel.check(Interchange(table(3_000, 2)), flights).verdict


def test_files_that_differ(tmp_path: Path) -> None:
    """Files of one table may differ in the order and the width of their columns, not in their names."""
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]
    pa.parquet.write_table(pa.table({"x": [1, 2], "c": ["a", "b"]}), paths[0])
    pa.parquet.write_table(pa.table({"c": ["a"], "x": [1.5]}), paths[1])
    pa.parquet.write_table(pa.table({"x": [1]}), paths[2])
    both = pegel.profile(paths[:2])

    assert (3, 1.5) == (both.rows, both.summary.features["x"].moments.mean)
    with pytest.raises(PermanentError, match=r"0\.parquet and .*2\.parquet, which differ in c: nothing was read"):
        pegel.profile(paths)


def test_nothing_is_nothing_beside_broken_numbers_in_csv(tmp_path: Path) -> None:
    """`NA` in a numeric field of a CSV file is null, whether all others are numbers or one is broken."""
    baseline = pegel.profile({"x": [1.0, 2.0, None, None] * 500})
    for name, last in (("clean", "1"), ("broken", "1o")):
        (tmp_path / f"{name}.csv").write_text("x\n" + "1\n2\nNA\nn/a\n" * 50 + last + "\n")
    clean, broken = (pegel.check(tmp_path / f"{name}.csv", baseline).summary for name in ("clean", "broken"))

    assert (100, 0) == (clean.features["x"].n_null, clean.features["x"].n_unparseable)
    assert (100, 1) == (broken.features["x"].n_null, broken.features["x"].n_unparseable)


def test_categories_in_csv_are_as_written(tmp_path: Path) -> None:
    """Codes named as categories keep their zeros, and so does a table checked against them; an empty field is null."""
    path = tmp_path / "codes.csv"
    path.write_text("code,x\n007,1\n7,2\nNA,3\n,4\n", encoding="utf-8")
    baseline = pegel.profile(path, categorical=["code"])
    code = pegel.check(path, baseline).summary.features["code"]

    assert ["007", "7", "NA"] == sorted(baseline.to_json()["content"]["layout"]["features"][0]["categories"])
    assert ([1, 1, 1], 3, 1) == (code.cells[:3].tolist(), code.counted, code.n_null)


def test_progress_is_told(tmp_path: Path) -> None:
    """Shares of the work that is done are told: never falling, and 1 at the end."""
    path = tmp_path / "flights.csv"
    pa.csv.write_csv(table(30_000, 1), path)
    profiled: list[float] = []
    checked: list[float] = []
    pegel.check(path, pegel.profile(path, progress=profiled.append), progress=checked.append)

    assert (profiled, checked) == (sorted(profiled), sorted(checked))
    assert (1.0, 1.0) == (profiled[-1], checked[-1])


def test_columns_are_found_by_name(flights: Baseline) -> None:
    """Columns may stand in any order; further ones are left alone and named."""
    rows = table(3_000, 2)
    shuffled = rows.select(["late", "carrier", "delay"]).append_column("x", pa.array(range(3_000)))
    report = pegel.check(shuffled, flights)

    assert (Verdict.OK, ("x",)) == (report.verdict, report.extra)
    assert "not in the baseline, left alone: x" in str(report)


def test_missing_columns_are_refused(flights: Baseline) -> None:
    """A table without a column of the baseline is refused by name."""
    with pytest.raises(LayoutMismatch, match=r"given a table without carrier, late: nothing was judged"):
        pegel.check(table(100, 1).select(["delay"]), flights)


def test_rows_in_order_of_time() -> None:
    """Told that rows are in order, a baseline replays its windows: days that differ are then no drift."""
    rng = np.random.default_rng(0)
    days = {"x": (rng.normal(size=(101, 1)) + rng.normal(size=(101, 200))).ravel()}
    training, today = {"x": days["x"][:-200]}, {"x": days["x"][-200:] - days["x"][-200:].mean() + 1.5}
    plain, replayed = pegel.profile(training), pegel.profile(training, window_rows=200)

    assert (Verdict.DRIFT, Verdict.OK) == (pegel.check(today, plain).verdict, pegel.check(today, replayed).verdict)
    assert replayed.noise.dispersion["x"].factor("location", 200) > 50


@pytest.mark.parametrize("given", ["weekly", "1 per fortnight", "1 per", "one per week", "-1 per week", "0 per week"])
def test_budgets_that_make_no_sense(flights: Baseline, given: str) -> None:
    """A budget that is not a number per period is refused, with the periods there are."""
    with pytest.raises(InvalidSpec, match="Nothing was judged"):
        pegel.check(table(100, 1), flights, false_alarms=given)


@pytest.mark.parametrize("given", [0, -3, float("nan"), 1e-300, 1e300, pytest.param(10**400, id="huge")])
def test_numbers_of_windows_that_make_no_sense(flights: Baseline, given: float) -> None:
    """No windows per week, fewer, or more than there is time for, are refused."""
    with pytest.raises(InvalidSpec, match=r"windows_per_week: expected .* Nothing was"):
        pegel.check(table(100, 1), flights, windows_per_week=given)


def test_text_where_numbers_were(flights: Baseline) -> None:
    """A numeric column that arrives as text is parsed; what is no number is counted as unparseable and found."""
    texts = [*map(str, range(-40, 40)), "n/a", "n/a", None] * 20
    n = len(texts)
    rows = {"delay": texts, "carrier": ["WN"] * n, "late": [True] * n}
    delay = pegel.check(rows, flights).summary.features["delay"]

    assert (20, 40, n - 60) == (delay.n_null, delay.n_unparseable, delay.counted)


def test_what_is_not_measured_is_named() -> None:
    """Times and lists are left out with a warning that says why."""
    rows = {"x": [1.0, 2.0], "when": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2, "many": [[1], [2]]}
    with pytest.warns(UserWarning, match=r"when \(times .*; many \(list"):
        found = pegel.profile(rows)

    assert ["x"] == [field.name for field in found.layout.schema.fields]


def test_numbers_of_every_kind() -> None:
    """Decimals, integers beyond 2**53 and truth values are measured; a mix of types is text."""
    rows = {
        "price": [decimal.Decimal("1.10"), decimal.Decimal("2.20"), None],
        "key": [2**53 + 1, 2**60, -(2**62)],
        "flag": [True, False, True],
        "mix": [1, "a", None],
    }
    found = pegel.profile(rows).summary.features

    assert (1.1, 2.2, 1) == (found["price"].min, found["price"].max, found["price"].n_null)
    assert (-(2.0**62), 2.0**60) == (found["key"].min, found["key"].max)
    assert ([2, 1], 3) == (found["flag"].cells[:2].tolist(), found["flag"].counted)
    assert (2, 1) == (found["mix"].counted, found["mix"].n_null)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": []}, "given 0 rows"),
        ("nowhere.parquet", "expected a file, given nowhere.parquet"),
        (42, "given int"),
    ],
)
def test_nothing_to_learn_from(data: Any, message: str) -> None:
    """No rows, no file and no table are refused in words."""
    with pytest.raises(PermanentError, match=message):
        pegel.profile(data)


def test_a_file_that_is_not_a_table(tmp_path: Path) -> None:
    """A file that is not Parquet though it says so is refused with its name."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"not at all")

    with pytest.raises(PermanentError, match=r"x\.parquet: .*Nothing was read"):
        pegel.profile(path)


def test_importing_pegel_is_light() -> None:
    """Importing the package brings in neither Arrow nor plots; the public names are complete and sorted."""
    code = (
        "import pegel, sys; heavy = {'pyarrow', 'matplotlib', 'numpy'} & set(sys.modules); "
        "print(heavy, pegel.__all__, 'check' in dir(pegel))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    names = ["CheckReport", "History", "Registration", "check", "history", "profile", "register"]
    assert f"set() {names} True" == found.strip()


def test_a_table_in_a_file_is_checked_without_pandas(tmp_path: Path) -> None:
    """What comes as Parquet never loads pandas: it takes a third of the memory of a small check, and of its time."""
    rows = pa.table({"amount": [1.5, 2.5] * 600, "shop": ["a", "b"] * 600})
    pa.parquet.write_table(rows, tmp_path / "x.parquet")
    code = (
        "import pegel, sys; table = sys.argv[1]; print(pegel.check(table, pegel.profile(table)).verdict); "
        "print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.parquet")]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert found.splitlines()[-1] == "False"


def test_every_public_name_is_there() -> None:
    """Each name that the package and its notebook door promise is that of one class or function, the same by both."""
    assert [pegel.__all__] == [pegel.notebook.__all__]
    assert all(getattr(pegel, name) is getattr(pegel.notebook, name) for name in pegel.__all__)
    assert pegel.__all__ == [getattr(pegel, name).__name__ for name in pegel.__all__]
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        getattr(pegel, "guess")  # noqa: B009  the type checker knows that it is not there
