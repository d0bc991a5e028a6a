"""A model's folder is told apart by its content, and copied whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pegel.errors import SetupError
from pegel_local.backends import model_copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of two files, one below a folder, and one behind a link."""
    place = tmp_path / "model"
    (place / "trees").mkdir(parents=True)
    (place / "model.joblib").write_bytes(b"model")
    (place / "trees" / "one").write_bytes(b"tree")
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (place / "metadata.json").symlink_to(tmp_path / "elsewhere")
    return place


def rewritten(folder: Path) -> None:
    """Write the same content again."""
    (folder / "model.joblib").write_bytes(b"model")
    os.utime(folder / "model.joblib", (1, 1))


def exchanged(folder: Path) -> None:
    """Let two files have each other's content."""
    (folder / "model.joblib").write_bytes(b"tree")
    (folder / "trees" / "one").write_bytes(b"model")


def behind_the_link(folder: Path) -> None:
    """Write where a link leads."""
    (folder.parent / "elsewhere").write_bytes(b"[]")


def renamed(folder: Path) -> None:
    """Call a file otherwise."""
    (folder / "model.joblib").rename(folder / "model.pkl")


def hidden(folder: Path) -> None:
    """Add a file that is not listed."""
    (folder / ".more").write_bytes(b"")


@pytest.mark.parametrize(
    ("change", "same"), [(rewritten, True), *((each, False) for each in (exchanged, behind_the_link, renamed, hidden))]
)
def test_the_digest_is_that_of_names_and_contents(folder: Path, change: Callable[[Path], None], same: bool) -> None:
    """Whatever is written, renamed or added gives another digest; the same content at another time does not."""
    before, seen = model_copy.digest(folder), model_copy.signature(folder)
    change(folder)

    assert same is (before == model_copy.digest(folder))
    assert seen != model_copy.signature(folder)


def test_a_copy_is_the_same_model(folder: Path, tmp_path: Path) -> None:
    """A copy has the digest of what it was made of, no links, and is readable by its owner alone."""
    target = tmp_path / "kept" / "copy"
    model_copy.copy(folder, target, model_copy.digest(folder))

    assert model_copy.digest(folder) == model_copy.digest(target)
    assert not (target / "metadata.json").is_symlink()
    assert [0o600] == sorted({path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()})
    assert [0o700] == sorted({path.stat().st_mode & 0o777 for path in (target, *target.rglob("*")) if path.is_dir()})
    assert ["copy"] == [path.name for path in target.parent.iterdir()]


def test_a_folder_that_changed_is_not_copied(folder: Path, tmp_path: Path) -> None:
    """What has another digest than expected leaves nothing behind."""
    with pytest.raises(SetupError, match="the folder has changed since"):
        model_copy.copy(folder, tmp_path / "kept" / "copy", "0" * 64)

    assert [] == [*(tmp_path / "kept").iterdir()]


def test_a_copy_without_room_is_not_the_models_fault(folder: Path, tmp_path: Path) -> None:
    """Where nothing can be written the error names the place of the copy, and nothing is left there."""
    (tmp_path / "kept").write_bytes(b"a file where a folder is needed")

    with pytest.raises(SetupError, match=f"expected room for a copy of {folder} in {tmp_path / 'kept'}; given: "):
        model_copy.copy(folder, tmp_path / "kept" / "copy", model_copy.digest(folder))


def pipe(folder: Path) -> None:
    """Add a pipe, which nobody writes to."""
    os.mkfifo(folder / "pipe")


def loose_end(folder: Path) -> None:
    """Add a link that leads nowhere."""
    (folder / "loose").symlink_to(folder / "nothing")


def many(folder: Path) -> None:
    """Add more files than a model has."""
    for number in range(model_copy.MOST_FILES):
        (folder / str(number)).touch()


def circles(folder: Path) -> None:
    """Leave nothing but links to the folder itself."""
    for path in (folder / "model.joblib", folder / "metadata.json", folder / "trees" / "one"):
        path.unlink()
    for name in ("a", "b"):
        (folder / name).symlink_to(folder)


def too_deep(folder: Path) -> None:
    """Nest folders until no path leads into the last one, as in one that may not be read."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(os.pathconf(folder, "PC_PATH_MAX") // 200 + 1):
        os.mkdir("d" * 200, dir_fd=descriptor)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (too_deep, "ddd.*: File name too long. Keep the model in a folder of its own"),
        (pipe, "pipe, which is no file"),
        (loose_end, "loose, which is no file"),
        (many, "more than 1,000 files"),
        (circles, "more than 1,000 files"),
    ],
)
def test_what_is_no_models_folder_is_refused(folder: Path, change: Callable[[Path], None], words: str) -> None:
    """Pipes, loose links and a folder of everything are named, in time, and nothing is read for ever."""
    change(folder)
    for look in (model_copy.digest, model_copy.signature):
        with pytest.raises(SetupError, match=words):
            look(folder)
