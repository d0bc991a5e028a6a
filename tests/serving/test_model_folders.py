"""A model at an address of a store is copied to where it can be read, and nothing else is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from pegel.spec.monitor_spec import MonitorSpec
from pegel_serving.attribution.model_folders import ModelFolders, store_of
from pegel_serving.attribution.unprepared import NO_ARTEFACT, Unprepared


def spec(uri: str, name: str = "paint") -> MonitorSpec:
    """Return the spec of a model at an address."""
    return MonitorSpec.parse(
        {
            "model": {"name": name, "uri": uri},
            "baseline": {"source": "local://paint"},
            "attribution": {"via": "artefact"},
        }
    )


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A bucket with a model of two files, as a folder."""
    model = tmp_path / "bucket" / "models" / "paint" / "1"
    (model / "more").mkdir(parents=True)
    (model / "metadata.json").write_text("{}")
    (model / "more" / "words.txt").write_text("red")
    return model


def folders(tmp_path: Path, allowed: tuple[str, ...] | None = None) -> ModelFolders:
    """Return what copies from the bucket."""

    def store(uri: str) -> tuple[Any, str]:
        return fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), uri.removeprefix("s3://")

    return ModelFolders(tmp_path / "copies", allowed, store)


def files(folder: Path) -> dict[str, str]:
    """Return the files of a folder with what they hold."""
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}


def test_a_model_of_a_store_is_copied_once(tmp_path: Path, bucket: Path) -> None:
    """All its files, for this account alone; again only where the store lists others, and then the former copy goes."""
    known, asked = folders(tmp_path), spec("s3://bucket/models/paint/1")
    first = known.of(asked)
    again = known.of(asked)
    (bucket / "model.joblib").write_text("new")
    second = known.of(asked)

    assert first == again
    assert {"metadata.json": "{}", "more/words.txt": "red", "model.joblib": "new"} == files(second)
    assert [second] == list(second.parent.iterdir())
    assert 0o700 == second.stat().st_mode & 0o777


def test_a_store_that_is_slow_with_one_model_holds_up_no_other(tmp_path: Path, bucket: Path) -> None:
    """Each is copied by itself."""
    begun, go_on = threading.Event(), threading.Event()
    local = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())

    def store(uri: str) -> tuple[Any, str]:
        if "slow" in uri:
            begun.set()
            go_on.wait(60)
        return local, "bucket/models/paint/1"

    known = ModelFolders(tmp_path / "copies", None, store)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(known.of, spec("s3://slow/paint", name="slow"))
        assert begun.wait(60)
        quick = known.of(spec("s3://quick/paint"))
        is_done = waits.done()
        go_on.set()

        assert not is_done
        assert files(bucket) == files(quick) == files(waits.result(60))


def test_a_folder_is_read_where_it_is(tmp_path: Path, bucket: Path) -> None:
    """What this machine sees is not copied."""
    assert bucket == folders(tmp_path).of(spec(f"file://{bucket}"))
    assert not (tmp_path / "copies").exists()


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s3://bucket/models/nothing", "cannot be copied"),
        ("pvc://claim/paint", "at s3:// or gs://; given pvc://claim/paint"),
        ("s3://other/paint", "PEGEL_MODEL_ROOTS"),
        ("file:///elsewhere", "PEGEL_MODEL_ROOTS"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_what_is_no_model_of_ours_is_refused(tmp_path: Path, uri: str, why: str) -> None:
    """Nothing at all, an address that nobody here reads, and a place from which no model may be loaded."""
    allowed = ("s3://bucket/models", "pvc://claim")
    with pytest.raises(Unprepared, match=why) as refusal:
        folders(tmp_path, allowed).of(spec(uri))

    assert NO_ARTEFACT == refusal.value.reason


def test_no_name_leads_out_of_the_copy(tmp_path: Path) -> None:
    """A store may call a file as it likes; one that would be written elsewhere is refused."""

    class OddStore:
        def get_file_info(self, selector: Any) -> list[Any]:
            return [fs.FileInfo(f"{selector.base_dir}/../../escaped", fs.FileType.File, size=1)]

    odd = ModelFolders(tmp_path / "copies", None, lambda uri: (OddStore(), uri.removeprefix("s3://")))
    with pytest.raises(Unprepared, match="names of files below it"):
        odd.of(spec("s3://bucket/paint"))


def test_a_store_of_ones_own_is_asked_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is that of every client of S3; without one it is Amazon's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store, path = store_of("s3://bucket/models/paint")

    assert ("s3", "bucket/models/paint") == (store.type_name, path)
