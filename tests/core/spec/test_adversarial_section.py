"""What a spec may say about how a model is asked."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.data.wire import PROBE_HEADER
from pegel.errors import InvalidSpec
from pegel.spec.adversarial_section import AdversarialSection
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec, tabled


def spec(section: dict[str, Any], **fields: Any) -> MonitorSpec:
    """Return a spec with a section `adversarial`."""
    return sample_spec(**{"adversarial": section, **fields})


def test_nothing_is_watched_unless_it_is_asked_for() -> None:
    """Without the section all of it is off."""
    assert AdversarialSection() == spec({}).adversarial
    assert not spec({}).adversarial.is_used


@pytest.mark.parametrize("part", ["probing", "combinations", "off_grid"])
def test_each_part_is_a_switch_of_its_own(part: str) -> None:
    """One of them is enough for rows to be looked at."""
    assert spec({part: True}).adversarial.is_used


def test_a_header_without_crowds_is_refused_in_a_sentence() -> None:
    """It is told with crowds alone."""
    with pytest.raises(InvalidSpec, match="client_header is told with crowds of rows alone; state `probing: true`"):
        spec({"client_header": "X-Client-Id"})


def test_only_the_name_of_a_header_is_one() -> None:
    """Blanks and colons stand in no name."""
    with pytest.raises(InvalidSpec, match="client_header"):
        spec({"probing": True, "client_header": "X Client: Id"})


@pytest.mark.parametrize("header", ["Authorization", "cookie", PROBE_HEADER])
def test_a_header_that_lets_in_whoever_has_it_is_refused(header: str) -> None:
    """It would be logged with each request."""
    with pytest.raises(InvalidSpec, match="client_header: expected a header that names a client; given"):
        spec({"probing": True, "client_header": header})


def test_a_model_that_only_stands_in_a_table_is_asked_nothing() -> None:
    """There the section is refused, as whatever else is about requests."""
    with pytest.raises(InvalidSpec, match="adversarial: the model only stands in a table: nobody asks it"):
        MonitorSpec.parse(
            {"model": tabled(), "baseline": {"source": "local://delays"}, "adversarial": {"probing": True}}
        )
