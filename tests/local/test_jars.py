"""Java archives are installed whole and verified, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pegel.errors import SetupError
from pegel_local.jars.install_jars import install, is_installed
from pegel_local.jars.jars_lock import Jar, read_lock, verify
from pegel_local.jars.store_jars import add

FakeJava = Callable[..., Path]
CONTENT = b"bytes of an archive"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest())
DELIVER = """
target = pathlib.Path(arguments[arguments.index("-retrieve") + 1]).parent
(target / "thing-1.0.jar").write_bytes({content!r})
"""


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Name the arguments of `install` that are the same in each test."""
    return {"ivy": tmp_path / "ivy.jar", "cache": tmp_path / "cache"}


def test_a_lock_names_its_groups() -> None:
    """Comments and empty lines are skipped; each archive belongs to the group above it."""
    text = f"# why\n\n[broker]\norg.example:thing:1.0 {JAR.sha256}\n[spark]\n"

    assert {"broker": (JAR,), "spark": ()} == read_lock(text)


@pytest.mark.parametrize("line", ["org.example:thing abc", "org.example:thing:1.0 abc", "nonsense"])
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    """A damaged lock stops the set-up with the line's number."""
    with pytest.raises(SetupError, match="line 2"):
        read_lock(f"[broker]\n{line}\n")


def test_a_delivered_archive_is_installed_once(java: FakeJava, folders: dict[str, Path], tmp_path: Path) -> None:
    """The first call fetches, the second finds everything in place."""
    java("17.0.1", DELIVER.format(content=CONTENT))
    folder = tmp_path / "jars"

    first = install("broker", (JAR,), folder, **folders)
    second = install("broker", (JAR,), folder, **folders)

    assert (True, False) == (first, second)
    assert (folder / "thing-1.0.jar").read_bytes() == CONTENT


def test_other_bytes_are_refused_and_forgotten(java: FakeJava, folders: dict[str, Path], tmp_path: Path) -> None:
    """An archive with another sum is not installed, and the cache that delivered it is dropped."""
    java("17.0.1", DELIVER.format(content=b"other bytes"))
    (folders["cache"] / "files").mkdir(parents=True)

    with pytest.raises(SetupError, match=f"expected SHA-256 {JAR.sha256}, got .* Nothing was installed"):
        install("broker", (JAR,), tmp_path / "jars", **folders)

    assert not (tmp_path / "jars").exists()
    assert not (folders["cache"] / "files").exists()


def test_an_archive_that_was_not_delivered_is_named(tmp_path: Path) -> None:
    """Silence of the fetcher is not success."""
    with pytest.raises(SetupError, match=r"thing-1.0.jar was not delivered"):
        verify((JAR,), tmp_path)


def test_no_network_is_said_in_one_sentence(java: FakeJava, folders: dict[str, Path], tmp_path: Path) -> None:
    """An unreachable repository is named as such, with the remedy."""
    java("17.0.1", "print(':: UNRESOLVED DEPENDENCIES ::\\n:: org.example#thing;1.0: not found'); sys.exit(1)")

    with pytest.raises(
        SetupError, match=r"could not be fetched .*org.example#thing;1.0: not found.* Check the network"
    ):
        install("broker", (JAR,), tmp_path / "jars", **folders)


def test_a_full_disk_is_said_in_one_sentence(java: FakeJava, folders: dict[str, Path], tmp_path: Path) -> None:
    """A disk that is full while fetching is named as such, with how much is needed."""
    java("17.0.1", "print('java.io.IOException: No space left on device'); sys.exit(1)")

    with pytest.raises(SetupError, match=r"the disk is full: .* Free 100 MB"):
        install("broker", (JAR,), tmp_path / "jars", **folders)


def test_half_an_installation_is_no_installation(java: FakeJava, folders: dict[str, Path], tmp_path: Path) -> None:
    """A folder that lost a file, or holds another selection, counts as not installed."""
    java("17.0.1", DELIVER.format(content=CONTENT))
    folder = tmp_path / "jars"
    install("broker", (JAR,), folder, **folders)
    other = Jar("org.example", "thing", "1.1", JAR.sha256)
    changed = is_installed((other,), folder)
    (folder / "thing-1.0.jar").unlink()

    assert (False, False) == (changed, is_installed((JAR,), folder))


@pytest.fixture
def pyspark(tmp_path: Path) -> Path:
    """The folder of pyspark's archives, Ivy among them."""
    folder = tmp_path / "pyspark"
    folder.mkdir()
    (folder / "ivy-2.5.jar").touch()
    return folder


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """A lock with the one archive of the store `s3a`."""
    lock = tmp_path / "store-jars.lock"
    lock.write_text(f"[s3a]\norg.example:thing:1.0 {JAR.sha256}\n")
    return lock


def test_archives_of_a_store_go_beside_those_of_pyspark(java: FakeJava, pyspark: Path, stores: Path) -> None:
    """There Spark finds them, whoever starts it."""
    java("17.0.1", DELIVER.format(content=CONTENT))

    assert 1 == add("s3a", pyspark, lock=stores)
    assert CONTENT == (pyspark / "thing-1.0.jar").read_bytes()


def test_other_bytes_never_go_beside_those_of_pyspark(java: FakeJava, pyspark: Path, stores: Path) -> None:
    """An archive that is not the pinned one is refused, and Spark's folder is as it was."""
    java("17.0.1", DELIVER.format(content=b"other bytes"))
    with pytest.raises(SetupError, match="not the pinned file"):
        add("s3a", pyspark, lock=stores)

    assert ["ivy-2.5.jar"] == [path.name for path in pyspark.iterdir()]


def test_what_cannot_be_added_is_told(tmp_path: Path, pyspark: Path, stores: Path) -> None:
    """A store that is not pinned, and a folder that is not pyspark's, are refused in one sentence."""
    with pytest.raises(SetupError, match="expected one of s3a; given 'gs'"):
        add("gs", pyspark, lock=stores)
    with pytest.raises(SetupError, match="expected pyspark's archives, Ivy among them"):
        add("s3a", tmp_path, lock=stores)
