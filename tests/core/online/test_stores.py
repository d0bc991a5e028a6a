"""Which store a reference means."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel.errors import InvalidSpec, NotFound
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector
from pegel.online.stores import loadable_store, online_store
from pegel.spec.online_reference import OnlineRef
from pegel.spec.settings import Settings
from pegel.testing import MemoryOnlineStore
from pegel.testing.online_checks import ONLINE_CHECKS, OnlineCheck, check_promise


def test_local(tmp_path: Path) -> None:
    """`local://NAME` is a view of the store in the home; nothing is made by asking for it."""
    store = loadable_store("local://flights", Settings(home=tmp_path))

    assert isinstance(store, LocalOnlineStore)
    assert [] == list(tmp_path.iterdir())


def test_unknown_store(tmp_path: Path) -> None:
    """A store that nobody has installed is not found; the message names those that are there."""
    with pytest.raises(NotFound, match=r"expected a store of features of .*local, redis.*; given 'feast'"):
        online_store("feast://flights", Settings(home=tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "flights",
        "local:flights",
        "local://",
        "local://../x",
        "local://a//b",
        "local://a?b=1",
        "LOCAL://a",
        "://a",
        "local://a b",
        "local://a\n",
    ],
)
def test_no_reference(text: str) -> None:
    """What is no reference is refused with an example."""
    with pytest.raises(InvalidSpec, match="expected STORE://VIEW, for example local://flights"):
        OnlineRef.parse(text)


@pytest.mark.parametrize("text", ["local://flights", "redis://flights-v2", "hopsworks://PROJECT/flights/1"])
def test_reference(text: str) -> None:
    """A reference that was read is written as it was."""
    assert text == str(OnlineRef.parse(text))


@pytest.mark.parametrize("check", ONLINE_CHECKS, ids=lambda check: check.__name__)
def test_the_fake_keeps_the_promises(check: OnlineCheck) -> None:
    """The store in memory keeps every promise that a real one keeps."""
    views: dict[str, dict[str, FeatureVector]] = {}

    check_promise(check, lambda view: MemoryOnlineStore(views.setdefault(view, {})))
