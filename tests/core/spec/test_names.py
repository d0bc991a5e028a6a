"""Names are pure functions of what they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.spec import names


@pytest.mark.parametrize("name", ["a", "delays", "delays-2", "a0"])
def test_safe_names_pass(name: str) -> None:
    """A letter, then letters, digits and inner hyphens are safe everywhere."""
    assert names.is_safe(name)


@pytest.mark.parametrize("name", ["", "0", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a\n"])
def test_unsafe_names_are_told(name: str) -> None:
    """Whatever a topic, a Kubernetes object or a folder would refuse is unsafe."""
    assert not names.is_safe(name)


@given(
    st.lists(
        st.tuples(st.from_regex(names.SAFE_NAME, fullmatch=True), st.integers(1, 99)),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_two_models_never_share_a_key(models: list[tuple[str, int]]) -> None:
    """Different model versions have different keys."""
    (one, other) = models

    assert names.monitor_key(*one) != names.monitor_key(*other)
