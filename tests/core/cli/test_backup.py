"""A copy of the results database while a driver writes, and the way back: the stream catches up, nothing is doubled."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from blueprints import give_tables
from full_disks import small_disk
from sqlalchemy import Engine
from waiting import wait_until

from pegel.cli.main import main
from pegel.errors import Superseded
from pegel.store.database import connect
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, PanePart, ReadRange
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_ledger, sample_span

pytestmark = pytest.mark.environments("sqlalchemy")
TOPIC = "pegel.default.inference"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A home's database, which stays open as that of a driver does."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    yield engine
    engine.dispose()


def run(home: Path, *arguments: object) -> object:
    """Run a command in a home; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments), "--home", str(home)])
    return ended.value.code


def batch(number: int) -> Commit:
    """Return what a driver writes of the ten records of a batch, with a pane that stays open."""
    read = ReadRange(topic=TOPIC, partition=0, start=10 * number, end=10 * number + 10, records=10, topic_id="t1")
    part = PanePart(model="delays", version=1, pane=sample_span(1).start, data=b"%d" % number, whole=False)
    return Commit(read=[read], ledger=[sample_ledger()], pane_parts=[part])


def commit(engine: Engine, claim: Claim, *numbers: int) -> None:
    """Write batches."""
    for number in numbers:
        StreamStore(engine).commit(claim, batch(number), START)


def stored(engine: Engine, claim: Claim) -> tuple[int, list[bytes], int]:
    """Return up to where was read, what is open, and what the ledger has judged."""
    restored = StreamStore(engine).restore(claim)
    with engine.connect() as connection:
        judged = connection.exec_driver_sql("SELECT sum(judged) FROM ledger").scalar_one()
    return restored.offsets[TOPIC, 0].end, [part.data for part in restored.pane_parts], int(judged)


def test_the_stream_catches_up_from_an_older_state(engine: Engine, tmp_path: Path) -> None:
    """Restored under a driver that runs: that one writes nothing more, and the next reads again what was lost.

    In the end offsets, open panes and ledger are those of a system that was never restored.
    """
    old = StreamStore(engine).claim("default", 1, START)
    commit(engine, old, 0, 1)
    saved = run(tmp_path, "backup", tmp_path / "copy.db")
    commit(engine, old, 2, 3)
    whole = stored(engine, old)
    put_back = run(tmp_path, "restore", tmp_path / "copy.db", "--yes")
    with pytest.raises(Superseded):
        commit(engine, old, 4)
    new = StreamStore(engine).claim("default", 2, START)
    as_copied = stored(engine, new)
    commit(engine, new, 2, 3)

    assert ([0, 0], (20, [b"0", b"1"])) == ([saved, put_back], as_copied[:2])
    assert whole == stored(engine, new)


def test_a_copy_is_whole_while_a_driver_writes(engine: Engine, tmp_path: Path) -> None:
    """Whatever batch it was made at, its offsets and what came of them agree, and the driver lost none."""
    claim, ended = StreamStore(engine).claim("default", 1, START), threading.Event()
    commit(engine, claim, 0)
    written = [0]

    def write() -> None:
        while not ended.is_set():
            written[0] += 1
            commit(engine, claim, written[0])

    driver = threading.Thread(target=write, daemon=True)
    driver.start()
    codes = [run(tmp_path, "backup", tmp_path / f"{number}.db") for number in range(3)]
    ended.set()
    driver.join()
    for number in range(3):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as copy:
            (end,) = copy.execute('SELECT "end" FROM offsets').fetchone()
            (judged,) = copy.execute("SELECT sum(judged) FROM ledger").fetchone()

        assert end // 10 * sample_ledger().judged == judged
    assert ([0, 0, 0], 10 * (written[0] + 1)) == (codes, stored(engine, claim)[0])


def test_nothing_is_overwritten_or_restored_by_mistake(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy that is there, a restoration that nobody confirmed, what is no database: one sentence, and no change."""
    claim = StreamStore(engine).claim("default", 1, START)
    commit(engine, claim, 0)
    (tmp_path / "text.db").write_text("no database" * 100, encoding="utf-8")
    codes = [
        run(tmp_path, "backup", tmp_path / "copy.db"),
        run(tmp_path, "backup", tmp_path / "copy.db"),
        run(tmp_path, "backup", tmp_path / "nowhere" / "copy.db"),
        run(tmp_path, "restore", tmp_path / "copy.db"),
        run(tmp_path, "restore", tmp_path / "nowhere.db", "--yes"),
        run(tmp_path, "restore", tmp_path / "pegel.db", "--yes"),
        run(tmp_path, "restore", tmp_path / "text.db", "--yes"),
    ]

    assert [0, 2, 2, 2, 2, 2, 1] == codes
    assert (10, 6) == (stored(engine, claim)[0], len(capsys.readouterr().err.splitlines()))


@pytest.mark.parametrize("page_size", [2048, 4096])
def test_a_database_without_tables_of_pegel_replaces_none(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], page_size: int
) -> None:
    """A file of no bytes, and another program's database, whatever its pages are: what is stored stays."""
    claim = StreamStore(engine).claim("default", 1, START)
    commit(engine, claim, 0)
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "others.db")) as others:
        others.execute(f"PRAGMA page_size = {page_size}")
        others.execute("CREATE TABLE orders (id)")
    codes = [run(tmp_path, "restore", tmp_path / name, "--yes") for name in ("empty.db", "others.db")]

    assert ([1, 1], 10) == (codes, stored(engine, claim)[0])
    assert 2 == capsys.readouterr().err.count("which has no tables of Pegel. Nothing was restored.")


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9997])
def test_a_copy_that_was_cut_off_replaces_nothing(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: float
) -> None:
    """Of the last page alone, too, which SQLite would take for zeros."""
    claim = StreamStore(engine).claim("default", 1, START)
    run(tmp_path, "backup", tmp_path / "copy.db")
    commit(engine, claim, 0)
    whole = (tmp_path / "copy.db").read_bytes()
    (tmp_path / "copy.db").write_bytes(whole[: int(kept * len(whole))])
    code = run(tmp_path, "restore", tmp_path / "copy.db", "--yes")

    assert (1, 10) == (code, stored(engine, claim)[0])
    assert f"which was cut off: {int(kept * len(whole)):,} bytes of {len(whole):,}" in capsys.readouterr().err


def test_a_full_disk_keeps_no_half_copy(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing stands under the name, nor beside it, and once there is room the same command makes the copy."""
    StreamStore(engine).claim("default", 1, START)
    with small_disk(tmp_path / "disk", size=1 << 20) as disk:
        disk.fill()
        codes = [run(tmp_path, "backup", disk.folder / "copy.db")]
        left = [path.name for path in disk.folder.iterdir()]
        disk.free()
        codes.append(run(tmp_path, "backup", disk.folder / "copy.db"))

    assert ([1, 0], ["ballast"]) == (codes, left)
    assert "there is no room: the disk of " in capsys.readouterr().err


def test_a_folder_that_may_not_be_written_is_named(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a copy nor a restoration begins on a disk that is read-only, and both say so in a sentence."""
    StreamStore(engine).claim("default", 1, START)
    run(tmp_path, "backup", tmp_path / "copy.db")
    with small_disk(tmp_path / "disk", size=1 << 20) as disk:
        shutil.copyfile(tmp_path / "copy.db", disk.folder / "pegel.db")
        disk.turn(read_only=True)
        codes = [
            run(tmp_path, "backup", disk.folder / "copy.db"),
            run(disk.folder, "restore", tmp_path / "copy.db", "--yes"),
        ]
    said = f"given {tmp_path / 'disk'}, which takes no file: Read-only file system. Nothing was"

    assert [1, 1] == codes
    assert [f"expected a folder that may be written, {said} {done}." for done in ("copied", "restored")] == (
        capsys.readouterr().err.splitlines()
    )


@pytest.mark.parametrize("room", [0.5, 1.5])
def test_a_restoration_without_room_leaves_what_is_stored(engine: Engine, tmp_path: Path, room: float) -> None:
    """Whether the disk is full before the database is touched or on the way: what was there is there, whole."""
    run(tmp_path, "backup", tmp_path / "copy.db")
    size = (tmp_path / "copy.db").stat().st_size
    with small_disk(tmp_path / "disk", size=int((1 + room) * size) // 4096 * 4096) as disk:
        shutil.copyfile(tmp_path / "copy.db", disk.folder / "pegel.db")
        there = connect(f"sqlite:///{disk.folder / 'pegel.db'}")
        claim = StreamStore(there).claim("default", 1, START)
        code = run(disk.folder, "restore", tmp_path / "copy.db", "--yes")
        commit(there, claim, 0)
        found = stored(there, claim)[0]
        there.dispose()
        left = sorted(path.name for path in disk.folder.iterdir())

    assert (1, 10, ["pegel.db"]) == (code, found, left)


def test_a_backup_that_is_killed_leaves_nothing_under_the_name(engine: Engine, tmp_path: Path) -> None:
    """It is made beside and takes its name when it is whole; the next one takes the name all the same."""
    engine.dispose()
    command = [sys.executable, "-m", "pegel.cli.main", "backup", str(tmp_path / "copy.db"), "--home", str(tmp_path)]
    with closing(sqlite3.connect(tmp_path / "pegel.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("DELETE FROM claims")
        with subprocess.Popen(command) as process:
            begun = wait_until(lambda: any(tmp_path.glob(".new-*/copy.db")))
            process.kill()
        left = (tmp_path / "copy.db").exists()
        holder.execute("COMMIT")

    assert (True, False, 0) == (begun, left, run(tmp_path, "backup", tmp_path / "copy.db"))


def test_a_lost_database_is_put_back_where_it_was(engine: Engine, tmp_path: Path) -> None:
    """Without `pegel up` first, which would begin an empty one; a folder that is not there is a mistyped home."""
    claim = StreamStore(engine).claim("default", 1, START)
    commit(engine, claim, 0)
    run(tmp_path, "backup", tmp_path / "copy.db")
    engine.dispose()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"pegel.db{suffix}").unlink(missing_ok=True)
    codes = [run(home, "restore", tmp_path / "copy.db") for home in (tmp_path / "nowhere", tmp_path)]

    assert ([2, 0], False) == (codes, (tmp_path / "nowhere").exists())
    assert 10 == stored(engine, StreamStore(engine).claim("default", 2, START))[0]


def test_a_server_has_programs_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of PostgreSQL the sentence names what copies it and what puts it back."""
    monkeypatch.setenv("PEGEL_DATABASE_URL", "postgresql+psycopg://pegel:secret@db/pegel")
    codes = [run(tmp_path, "backup", tmp_path / "a"), run(tmp_path, "restore", tmp_path / "a", "--yes")]
    said = capsys.readouterr().err

    assert ([1, 1], True, True, False) == (codes, "pg_dump" in said, "pg_restore" in said, "secret" in said)
