"""Numbers of writes of the archive: each higher than all before it, and of two writers one is told to stop."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from pegel.errors import Superseded
from pegel.store.archive_store import ArchiveStore

pytestmark = pytest.mark.environments("sqlalchemy")


def test_every_write_has_a_number_of_its_own(engine: Engine) -> None:
    """A writer goes on from the number it had; what lies somewhere already, under whatever number, is lower."""
    store = ArchiveStore(engine)
    first = store.next_number("delays", 1)
    second = store.next_number("delays", 1, after=first)
    third = store.next_number("delays", 1, above=40, after=second)

    assert [1, 2, 41, 42] == [first, second, third, store.next_number("delays", 1, after=third)]
    assert 1 == store.next_number("delays", 2)


def test_a_writer_does_not_go_on_after_another(engine: Engine) -> None:
    """Whoever was overtaken gets no further number, and takes none away from the other one."""
    store = ArchiveStore(engine)
    overtaken = store.next_number("delays", 1)
    other = store.next_number("delays", 1)
    with pytest.raises(Superseded, match="expected the write 1 to be the newest; 2 has come since"):
        store.next_number("delays", 1, after=overtaken)
    store.require_newest("delays", 1, other)

    assert 3 == store.next_number("delays", 1, after=other)
