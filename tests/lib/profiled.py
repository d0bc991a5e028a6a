"""What comes of a table that is profiled: the kinds of its columns, or the sentence with which it is refused."""

from __future__ import annotations

from typing import Any

import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.errors import PermanentError


def kinds(baseline: Baseline) -> dict[str, str]:
    """Return the kind of each column that was learnt."""
    return {field.name: field.kind.value for field in baseline.layout.schema.fields}


def refused(data: Any) -> str:
    """Return the sentence with which a table is refused."""
    with pytest.raises(PermanentError) as error:
        pegel.profile(data)
    return str(error.value)
