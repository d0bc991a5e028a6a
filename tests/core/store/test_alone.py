"""Of those who ask for a name, one has it."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from pegel.store.alone import alone

pytestmark = pytest.mark.environments("sqlalchemy")


def test_a_name_is_held_by_one_until_its_block_ends(engine: Engine) -> None:
    """The next one is told so at once; another name is free; the end of the block frees it."""
    with alone(engine, "mails") as first, alone(engine, "mails") as second, alone(engine, "other") as other:
        held = (first, second, other)
    with alone(engine, "mails") as third:
        pass

    assert ((True, False, True), True) == (held, third)
