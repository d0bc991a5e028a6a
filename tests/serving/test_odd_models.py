"""Models that answer nonsense, end their process or never return are told so, and end nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import odd_models
import pytest
from model_runs import run
from waiting import wait_until

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import PermanentError, SetupError
from pegel.notebook.named_table import NamedTable, file_named
from pegel_serving.fitted_model import FittedModel, load_estimator
from pegel_serving.metadata import METADATA_FILE, MODEL_FILE, Metadata
from pegel_serving.model_check import check
from pegel_serving.model_process import apart

LEFT_TO_THE_MODEL = pytest.mark.timeout(240)
"""A process that starts beside other tests on two cores may take a while."""


@pytest.fixture
def table(tmp_path: Path) -> NamedTable:
    """Five loans, late and paid."""
    path = tmp_path / "loans.csv"
    path.write_text("amount,outcome\n1,late\n2,paid\n3,paid\n4,paid\n5,late\n")
    return file_named(path)


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, float("nan"), 10**400, -float("inf")])
def test_answers_that_are_null_where_the_table_has_a_value_are_a_problem(
    tmp_path: Path, table: NamedTable, value: Any
) -> None:
    """What is counted as null by the monitor is called so."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers(value))
    assert ["outcome is answered null in 5 of 5 rows"] == check(folder, table).problems


@pytest.mark.parametrize(
    ("value", "text"), [("", "''"), (True, "'true'"), (1.0, "'1'"), ("\ud800", r"'\ud800'"), ("Late", "'Late'")]
)
def test_classes_that_no_row_of_the_table_has_are_a_problem(
    tmp_path: Path, table: NamedTable, value: Any, text: str
) -> None:
    """They are written as the monitor counts them, beside those of the table."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers(value))
    expected = f"outcome is answered {text} in 5 of 5 rows; the table holds 'late', 'paid'"
    assert [expected] == check(folder, table).problems


def test_a_class_that_only_later_rows_have_is_known(tmp_path: Path) -> None:
    """All rows of the table are looked through before a class is called unknown; nulls of the table are no class."""
    path = tmp_path / "loans.csv"
    path.write_text("amount,outcome\n" + "1,late\n" * 250 + "2,\n3,paid\n")
    folder = odd_models.write(tmp_path / "model", odd_models.Answers("paid"))
    findings = check(folder, file_named(path))

    assert [] == findings.problems
    assert "         outcome is what the table holds in 0 of 200 rows" == findings.lines[-1]


def test_numbers_are_compared_by_how_far_they_are(tmp_path: Path) -> None:
    """A model that was fitted on other rows is seldom equal: the median of the differences says whether it is near."""
    path = tmp_path / "loans.csv"
    path.write_text("amount,hours\n1,2.5\n2,1.6\n3,2\n4,\n")
    folder = odd_models.write(tmp_path / "model", odd_models.Answers(2.0))
    metadata = (folder / METADATA_FILE).read_text()
    (folder / METADATA_FILE).write_text(metadata.replace("outcome", "hours").replace("categorical", "numeric"))
    findings = check(folder, file_named(path))

    said = (
        "hours is what the table holds in 1 of 4 rows, and differs from what the table holds by 0.4 in the median of 3"
    )
    assert [] == findings.problems
    assert said in findings.lines[-1]


@pytest.mark.parametrize(
    ("value", "named"), [(b"late", "bytes"), (1j, "complex"), ({"outcome": "late"}, "dict"), ([1, 2], "list")]
)
def test_answers_that_no_protocol_can_write_are_a_sentence(
    tmp_path: Path, table: NamedTable, value: Any, named: str
) -> None:
    """The type is named, with what is expected."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers(value))
    expected = (
        f"5 of 5 rows are not answered: the model answers outcome with values of the type {named}; expected numbers, "
        "texts or truth values"
    )
    assert [expected] == check(folder, table).problems


def test_a_model_that_answers_rows_in_one_number_alone_is_a_problem(tmp_path: Path, table: NamedTable) -> None:
    """Requests hold one row or many; one that answers a row alone fails on all others, and the other way round."""
    once = odd_models.write(tmp_path / "once", odd_models.AnswersOnce("late"))
    squeezes = odd_models.write(tmp_path / "squeezes", odd_models.Squeezes("late"))
    says = "metadata.json says one value for each of outcome"

    together = "the model answers each of these rows alone, but not 5 rows in one request: the model answers 5 rows"
    alone = "the model answers 5 rows together, but not 1 row in one request: the model answers 1 row"

    assert [f"{together} with an array of shape [1]; {says}"] == check(once, table).problems
    assert [f"{alone} with an array of shape []; {says}"] == check(squeezes, table).problems


def test_rows_that_are_not_answered_alone_hide_no_failure_of_the_others_together(
    tmp_path: Path, table: NamedTable
) -> None:
    """Those that are answered alone are asked together once more: one bad row explains no failure without it."""
    table.path.write_text(table.path.read_text() + "oops,late\n")
    folder = odd_models.write(tmp_path / "model", odd_models.AnswersOnce("late"))
    metadata = (folder / METADATA_FILE).read_text().replace("numeric", "categorical")
    (folder / METADATA_FILE).write_text(metadata.replace("{", '{"types": {"amount": "number"},', 1))
    problems = check(folder, table).problems

    assert ["the model answers each of these rows alone, but not 5 rows in one request"] == [
        problem.partition(":")[0] for problem in problems if "in one request" in problem
    ]


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (odd_models.Silent(), "the model cannot predict on these values: Silent"),
        (ValueError(""), "the model cannot predict on these values: ValueError"),
        (MemoryError(), "the model failed: MemoryError"),
        (SystemExit(0), "the model failed: SystemExit: 0"),
        (KeyboardInterrupt(), "the model failed: KeyboardInterrupt"),
    ],
)
def test_errors_that_say_nothing_are_named_by_their_type(
    tmp_path: Path, table: NamedTable, raised: BaseException, says: str
) -> None:
    """Nor does one end whoever asks, or fail when it is asked for its message."""
    folder = odd_models.write(tmp_path / "model", odd_models.Raises(raised))
    assert [f"5 of 5 rows are not answered: {says}"] == check(folder, table).problems


def test_of_very_many_reasons_the_first_are_told(tmp_path: Path, table: NamedTable) -> None:
    """An error that names its value is another for every row."""
    folder = odd_models.write(tmp_path / "model", odd_models.Raises("by row"))
    problems = check(folder, table).problems

    assert [f"no idea of {row}" for row in (1, 2, 3)] == [
        problem.partition("ValueError: ")[2] for problem in problems[:3]
    ]
    assert ["2 of 5 rows are not answered for 2 other reasons"] == problems[3:]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[" * 100_000, "given: lists or objects within too many others. "),
        ("[]", "given: something else than an object. "),
        ("null", "given: something else than an object. "),
        ("", "given: an empty file. "),
        ("{'name': 1}", "given: what is no JSON (line 1, column 2). "),
        ('{"name": "m", "version": 1}', "given: nothing under 'schema'. "),
        ('{"name": "m", "schema": [], "version": Infinity}', "version must be a whole number of 1 or more"),
        ('{"name": "m", "schema": [], "version": "1"}', "version must be a whole number of 1 or more"),
        ('{"name": " ", "schema": [], "version": 1}', "name ' ' must be lower case letters"),
        ('{"name": "", "schema": [], "version": 1}', "name '' is empty"),
        ('{"name": "\\u00dcn\\u00ef/..", "schema": [], "version": 1}', "name 'Ünï/..' must be lower case letters"),
        ('{"name": 7, "schema": [], "version": 1}', "name must be a text"),
        ('{"name": "m", "version": 1, "schema": [], "version": 2}', "version stands there twice"),
    ],
)
def test_metadata_that_nothing_can_be_made_of_is_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    """Whatever JSON holds."""
    (tmp_path / METADATA_FILE).write_text(content)
    with pytest.raises(SetupError) as refused:
        Metadata.read(tmp_path)

    assert says in str(refused.value)


@pytest.mark.parametrize("name", [MODEL_FILE, METADATA_FILE])
def test_a_named_pipe_is_no_file_of_a_model(tmp_path: Path, name: str) -> None:
    """Nobody waits for what is never written into it."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers("late"))
    (folder / name).unlink()
    os.mkfifo(folder / name)

    with pytest.raises(SetupError, match=f"{name} must be a file; given: something else"):
        FittedModel.load(folder)


@pytest.mark.parametrize("name", [MODEL_FILE, METADATA_FILE])
@pytest.mark.parametrize("target", ["nowhere", "itself"])
def test_a_link_that_leads_nowhere_is_called_so(tmp_path: Path, name: str, target: str) -> None:
    """The library says that there is no file, where everybody sees one."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers("late"))
    (folder / name).unlink()
    (folder / name).symlink_to(name if target == "itself" else target)

    with pytest.raises(SetupError, match=f"{name} must be a file; given: a link that leads nowhere"):
        FittedModel.load(folder)


def test_a_model_file_of_zeros_is_called_damaged(tmp_path: Path) -> None:
    """As a disk leaves it that lost power: no number of Python's own is shown for a reason."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers("late"))
    (folder / MODEL_FILE).write_bytes(bytes(1_000))

    with pytest.raises(SetupError, match="cannot be loaded here: the file is damaged, or none of joblib"):
        FittedModel.load(folder)


def test_a_model_file_that_is_empty_or_cut_off_is_called_so(tmp_path: Path) -> None:
    """The library says nothing of it."""
    folder = odd_models.write(tmp_path / "model", odd_models.Answers("late"))
    whole = (folder / MODEL_FILE).read_bytes()
    for size in (0, 2, len(whole) // 2, len(whole) - 1):
        (folder / MODEL_FILE).write_bytes(whole[:size])
        with pytest.raises(SetupError, match="cut off"):
            FittedModel.load(folder)


NOTEBOOK = """
import sys
import cloudpickle, joblib
sys.path.insert(0, "{place}")
import own
def doubled(rows): return [2 * row for row in rows]
class Doubling:
    def __init__(self, function): self.function = function
    def predict(self, rows): return self.function(rows)
for name, save, model in (
    ("notebook/model.joblib", joblib.dump, Doubling(doubled)),
    ("module/model.joblib", joblib.dump, own.Model()),
    ("kept/model.joblib", cloudpickle.dump, Doubling(doubled)),
    ("kept_module/model.joblib", cloudpickle.dump, own.Model()),
):
    if name.startswith("kept_module"):
        cloudpickle.register_pickle_by_value(own)
    with open(f"{place}/{{name}}", "wb") as file:
        save(model, file)
"""


def test_code_of_a_notebook_is_kept_by_what_the_message_says(tmp_path: Path) -> None:
    """A model with a function of its notebook, or of a module beside it, is refused with a remedy, and this works."""
    for name in ("notebook", "module", "kept", "kept_module"):
        (tmp_path / name).mkdir()
    (tmp_path / "own.py").write_text("class Model:\n    def predict(self, rows): return [2 * row for row in rows]\n")
    subprocess.run([sys.executable, "-c", NOTEBOOK.format(place=tmp_path)], check=True)
    notebook, module = (_refusal(tmp_path / name) for name in ("notebook", "module"))

    assert "save it there with `cloudpickle.dump(model, file)` in place of `joblib.dump`" in notebook
    assert "by `cloudpickle.register_pickle_by_value(module)` and `cloudpickle.dump(model, file)`" in module
    assert notebook.partition("; ")[2] == _served(tmp_path / "notebook").partition("; ")[2]
    assert [[6], [6]] == [load_estimator(tmp_path / name).predict([3]) for name in ("kept", "kept_module")]


def _served(folder: Path) -> str:
    """Return what a model server says that is started for a folder."""
    Metadata("m", 1, Schema((Field("a", Kind.NUMERIC), Field("b", Kind.NUMERIC, Role.PREDICTION)))).write(folder)
    command = [sys.executable, "-m", "pegel_serving.server", "--model-dir", str(folder), "--name", "m", "--port", "0"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()


def _refusal(folder: Path) -> str:
    with pytest.raises(SetupError) as refusal:
        load_estimator(folder)
    return str(refusal.value)


def test_a_model_that_exits_when_it_is_loaded_is_a_sentence(tmp_path: Path) -> None:
    """Its exit code is not ours."""
    folder = odd_models.write(tmp_path / "model", odd_models.AtLoad((sys.exit, (0,))))
    with pytest.raises(SetupError, match=r"model.joblib cannot be loaded here: SystemExit: 0\. Nothing is served"):
        FittedModel.load(folder)


# --- processes --------------------------------------------------------------------------------------------------------


@LEFT_TO_THE_MODEL
def test_a_model_that_ends_its_process_is_told_with_how_it_ended(tmp_path: Path, table: NamedTable) -> None:
    """The exit code of the command is that of a problem, whatever the model's is."""
    for code in (0, 5):
        folder = odd_models.write(tmp_path / f"ends{code}", odd_models.Ends(code))
        ended, said = run("check", folder, "--rows", table.path)

        assert 1 == ended
        assert f"with exit code {code}; the last it printed: the licence server said no. It would end its" in said


@LEFT_TO_THE_MODEL
def test_no_copy_of_a_readers_table_outlives_a_model_that_ends_its_process(tmp_path: Path, table: NamedTable) -> None:
    """A text file is copied while it is read; nobody is left to remove that copy but who waits for the process."""
    folder = odd_models.write(tmp_path / "model", odd_models.Ends(0))
    (temporary := tmp_path / "temporary").mkdir()
    pegel = Path(sys.executable).with_name("pegel")
    command = [str(part) for part in (pegel, "model", "check", folder, "--rows", table.path)]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert "with exit code 0; the last it printed: the licence server said no" in ended.stderr
    assert [] == sorted(temporary.rglob("*"))


@LEFT_TO_THE_MODEL
def test_a_check_that_is_asked_to_end_leaves_nothing_behind(tmp_path: Path, table: NamedTable) -> None:
    """The model's process and all temporary files go with it, as they do after Ctrl-C."""
    folder = odd_models.write(tmp_path / "model", odd_models.AtLoad((odd_models.sleeps, ())))
    (temporary := tmp_path / "temporary").mkdir()
    pegel = Path(sys.executable).with_name("pegel")
    command = [str(part) for part in (pegel, "model", "check", folder, "--rows", table.path)]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as checking:
        assert wait_until(lambda: any(temporary.glob("pegel-model-*/printed.txt")), within_s=30)
        checking.terminate()
        checking.communicate(timeout=20)

    assert 128 + signal.SIGTERM == checking.returncode
    assert wait_until(lambda: not any(temporary.iterdir()))


@LEFT_TO_THE_MODEL
def test_a_model_that_is_killed_is_told_with_its_signal(tmp_path: Path, table: NamedTable) -> None:
    """Init writes nothing then."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    folder = odd_models.write(tmp_path / "model", odd_models.AtLoad((exec, (code,))))
    (folder / METADATA_FILE).unlink()
    ended, said = run("init", folder, "--from", table.path, "--prediction", "outcome")

    assert 1 == ended
    assert f"with the signal {signal.SIGKILL.name} (memory may have run out). It would" in said
    assert not (folder / METADATA_FILE).exists()


@LEFT_TO_THE_MODEL
def test_of_what_a_model_prints_the_first_lines_are_shown(tmp_path: Path, table: NamedTable) -> None:
    """How much it was is said; a model that prints is no problem."""
    folder = odd_models.write(tmp_path / "model", odd_models.Loud("late"))
    code, said = run("check", folder, "--rows", table.path)

    assert 0 == code, said
    assert "printed  5,600,042 bytes, which begin with" in said
    assert 5 >= said.count("so many words") > 0
    assert said.endswith("no problems\n")


@LEFT_TO_THE_MODEL
def test_a_model_that_never_returns_is_ended_at_the_limit() -> None:
    """Until then there is a word about it now and then."""
    words: list[str] = []
    with pytest.raises(PermanentError, match=r"expected a model that loads and answers within 0\.5 s"):
        apart(partial(odd_models.sleeps), words.append, limit_s=0.5, word_s=0.1)  # type: ignore[arg-type]

    assert words
    assert words[0].startswith("the model has been loading or answering for 0 s (limit: 0.5 s)")
