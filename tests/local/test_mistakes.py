"""What a newcomer's mistakes come to: a sentence, an exit code, and nothing that was not there before."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from blueprints import give_tables

from pegel.cli.main import main
from pegel.spec.settings import SETTINGS_FILE
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

FILES = {
    "t.csv": "a,b\n1,2\n3,4\n",
    "damaged.yaml": "model: {name: a\n b: [",
    "list.yaml": "- a\n",
    "wrong.yaml": "model: {name: A_B, uri: x}\nbaseline: {source: s}\nwindowing: {lenght: 3}\nalerts: {emails: [no]}\n",
    "parts.yaml": "model: {name: a, uri: x}\nbaseline: {source: s}\nwatch: {detectors: [medain]}\n",
    "world.yaml": "model: {name: a, uri: x}\nbaseline: {source: 'local://a?version=1&split=train'}\n",
}
"""What stands in the folder in which a mistake is made, beside an empty folder and a file that is no text."""


class Mistake(NamedTuple):
    """A command line, its exit code, and words of what is said. In the home `up` `delays/1` is watched."""

    arguments: str
    code: int
    words: str


MISTAKES = [
    Mistake("validate nowhere.yaml", 2, "nowhere.yaml cannot be read: No such file or directory. Nothing was changed."),
    Mistake("validate empty", 2, "empty is no file: expected one with a spec in YAML or JSON. Nothing was changed."),
    Mistake("validate noise.yaml", 2, "noise.yaml is not text in UTF-8: byte 2 is 0xff. Nothing was changed."),
    Mistake("validate damaged.yaml", 2, "this is not YAML: line 2: "),
    Mistake("validate list.yaml", 2, "a spec is a mapping of fields; given: a list. Nothing was changed."),
    Mistake("validate wrong.yaml", 2, "windowing.lenght: unknown field; did you mean `length`?"),
    Mistake("validate wrong.yaml", 2, "model.name: given 'A_B': must be lower case letters, digits and inner hyphens"),
    Mistake("validate wrong.yaml", 2, "alerts.emails.0: given 'no': expected one address such as oncall@example.org"),
    Mistake("validate parts.yaml", 2, "watch.detectors: given 'medain': no such detector is installed here"),
    Mistake("validate world.yaml --home up", 2, "expected a folder of this machine; there is none"),
    Mistake("validate world.yaml --home up", 2, "baseline.source: the feature store in "),
    Mistake("validate list.yaml --home t.csv", 2, "a spec is a mapping of fields"),
    Mistake(
        "validate", 2, "Missing argument 'FILE'. `pegel validate --help` shows what is expected. Nothing was done."
    ),
    Mistake("apply nowhere.yaml", 2, "nowhere.yaml cannot be read: No such file or directory. Nothing was changed."),
    Mistake("apply world.yaml", 1, "no local system is up in "),
    Mistake("apply world.yaml --home up", 2, "expected a folder of this machine; there is none"),
    Mistake("apply parts.yaml", 2, "watch.detectors: given 'medain': no such detector is installed here"),
    Mistake("apply world.yaml --wait true", 2, "--wait takes no value: given 'true'; write it alone, or leave it out."),
    Mistake("refresh delasy --home up", 2, "Nothing was changed. Did you mean `delays`?"),
    Mistake("refresh delays", 1, "expected a results database, given "),
    Mistake("offboard delays/2 --home up", 2, "given 'delays/2'; watched: delays/1. Nothing was changed."),
    Mistake("offboard delays", 1, "or start one with `pegel up`. Nothing was read or made."),
    Mistake("status", 1, "not up in "),
    Mistake("status --home t.csv", 1, "expected a folder as home, given the file "),
    Mistake("report -o x/y/z.html --home up", 1, "but there is no folder x/y. Nothing was written."),
    Mistake("report delays -o z.txt --home up", 1, "expected a file named *.html, given z.txt. Nothing was written."),
    Mistake("report delasy --home up", 2, "Nothing was written. Did you mean `delays`?"),
    Mistake("report", 1, "Nothing was read or made."),
    Mistake("explain 0123abcd --home up", 1, "0123abcd"),
    Mistake("explain 0123abcd", 1, "Nothing was read or made."),
    Mistake("mail", 1, "no mail in "),
    Mistake("ack 0123abcd --until yesterday", 2, "--until: given 'yesterday': expected e.g. 09:00, "),
    Mistake("ack 0123abcd --until 4h", 2, "--why: given nothing: expected a reason"),
    Mistake("ack 0123abcd --until 4h --why storm --home up", 1, "0123abcd"),
    Mistake("silence --model delasy --until 4h --why x --home up", 2, "Nothing was changed. Did you mean `delays`?"),
    Mistake("silence --model delays --until -1h --why x", 2, "--until: given '-1h', which has passed"),
    Mistake("silence --until 4h --why x", 2, "expected at least one of --model, --version, --segment"),
    Mistake("unsilence delays --home up", 2, "Invalid value for 'ID'"),
    Mistake("unsilence 7 --home up", 1, "no silence has the number 7: nothing was changed."),
    Mistake("alerts 0123abcd --home up", 1, "no alert starts with '0123abcd'"),
    Mistake("open", 1, "there is no page to open. Start one with `pegel up`"),
    Mistake("profile nowhere.parquet", 1, "expected a file, given nowhere.parquet, which is not there"),
    Mistake("profile t.csv -o x/b.json", 1, "but there is no folder x. Nothing was written."),
    Mistake("profile empty", 1, "given empty, which has none: nothing was read."),
    Mistake("check t.csv -b nowhere.json", 3, "expected a baseline, given nowhere.json, which cannot be read"),
    Mistake("check t.csv -b t.csv", 3, "expected a baseline as `pegel profile` writes it, given t.csv"),
    Mistake("check t.csv -b t.csv --save x/r.html", 3, "but there is no folder x. Nothing was written."),
    Mistake("check t.csv", 3, "expected DATA and --baseline, or --model and --from; given neither"),
    Mistake("register nowhere.csv --name a", 1, "expected a file, given nowhere.csv, which is not there"),
    Mistake("register t.csv --name a/b", 2, "name: expected letters, digits, "),
    Mistake(
        "register t.csv --name a --unit =x", 2, "expected COLUMN=UNIT, as in delay=min; given =x. Nothing was read."
    ),
    Mistake("register t.csv --name a --prediction ''", 1, "expected the columns '', given a table without them"),
    Mistake("up --home t.csv/home", 1, "expected a home to write to, given "),
    Mistake("register t.csv --name a --prediction nix", 1, "expected the columns nix, given a table without them"),
    Mistake("traffic nowhere.csv --to a", 1, "nothing was watched from this home. Name another with --home,"),
    Mistake("data show a", 1, "expected the name of training data, given a; registered: none. Nothing was done."),
    Mistake(
        "data rm a --home up", 1, "expected the name of training data, given a; registered: none. Nothing was done."
    ),
    Mistake("model check nowhere", 1, "expected a folder that holds model.joblib, given nowhere, which is none."),
    Mistake(
        "model check empty",
        1,
        "there is no empty/metadata.json: `pegel model init empty --from TABLE ",
    ),
    Mistake("model init empty --from t.csv --prediction a", 1, "empty/model.joblib must be a fitted pipeline"),
    Mistake("statsu", 2, "No such command 'statsu'"),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A results database in which one model is watched."""
    file = tmp_path_factory.mktemp("database") / "pegel.db"
    engine = connect(f"sqlite:///{file}")
    give_tables(engine)
    Registry(engine).put(sample_spec("delays"))
    engine.dispose()
    return file.read_bytes()


@pytest.fixture
def folder(tmp_path: Path, database: bytes) -> Path:
    """A folder with files that are wrong in some way, and a home that has been up."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "noise.yaml").write_bytes(b"\x00\xff\xfe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "pegel.db").write_bytes(database)
    (tmp_path / "up" / SETTINGS_FILE).write_text(json.dumps({"page_url": "http://127.0.0.1:1/pegel"}))
    return tmp_path


def content(folder: Path) -> dict[str, bytes | None]:
    """Return every file with its bytes, a database with its rows, and every folder."""
    # What stands in the log of a database, and not in its file yet, is read as its rows.
    paths = [path for path in folder.rglob("*") if path.name not in {"pegel.db-shm", "pegel.db-wal"}]
    return {str(path.relative_to(folder)): _content(path) if path.is_file() else None for path in paths}


def _content(file: Path) -> bytes:
    if file.suffix != ".db":
        return file.read_bytes()
    with contextlib.closing(sqlite3.connect(file)) as database:
        return "\n".join(database.iterdump()).encode()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.arguments.replace(" ", "_"))
def test_a_mistake_is_told_in_a_sentence_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    """Each has its exit code and its words, no traceback, and the folder is byte for byte as it was."""
    for name in ("PEGEL_HOME", "PEGEL_AIRFLOW_USER", "PEGEL_AIRFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    before = content(folder)
    with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
        main(mistake.arguments.split())
    said = capsys.readouterr()

    assert (mistake.code, before) == (ended.value.code, content(folder))
    assert mistake.words in " ".join((said.err + said.out).split())
    assert "Traceback" not in said.err


def test_a_home_that_cannot_be_made_is_not_said_to_be_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be written, starting a system says so and nothing else."""
    with pytest.raises(SystemExit) as ended:
        main(["up", "--home", str(folder / "t.csv" / "home")])
    said = capsys.readouterr()

    assert (1, "") == (ended.value.code, said.out)
    assert said.err.startswith("expected a home to write to, given ")


def piped(folder: Path, spec: bytes) -> subprocess.CompletedProcess[bytes]:
    """Validate what comes from another process."""
    command = [sys.executable, "-m", "pegel.cli.main", "validate", "-"]
    return subprocess.run(command, input=spec, capture_output=True, cwd=folder, check=False)


def test_a_spec_is_read_from_standard_input(folder: Path) -> None:
    """A model's place that begins nowhere starts at the working folder then; what is no text is refused."""
    good, bad = piped(folder, FILES["world.yaml"].encode()), piped(folder, b"\xff")

    assert (0, True) == (good.returncode, f"from {folder / 'x'}" in good.stdout.decode())
    assert (2, b"standard input is not text in UTF-8: byte 1 is 0xff. Nothing was changed.\n") == (
        bad.returncode,
        bad.stderr,
    )


def test_a_model_s_place_starts_at_the_spec_s_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever a command is run, `model.uri: x` is the folder beside the file."""
    with contextlib.chdir(folder / "empty"), pytest.raises(SystemExit) as ended:
        main(["validate", "../world.yaml"])

    assert (0, True) == (ended.value.code, f"from {folder / 'x'}" in capsys.readouterr().out)
