"""References to training data in Hopsworks: one written form, both ways, and one sentence for what is none."""

from __future__ import annotations

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.hopsworks_reference import HopsworksRef, is_hopsworks

WHOLE = "hopsworks://demo/delays_view/2?td=3&split=train&model=Delays&predictions=expected,late"


def test_every_part_is_read() -> None:
    """Project, view and version stand in the path, the rest in the query."""
    expected = HopsworksRef(
        project="demo",
        feature_view="delays_view",
        version=2,
        training_dataset=3,
        split="train",
        model="Delays",
        predictions=("expected", "late"),
    )

    assert expected == HopsworksRef.parse(WHOLE)


@pytest.mark.parametrize("text", [WHOLE, "hopsworks://demo/delays_view/2", "hopsworks://Demo/v/1?split=test"])
def test_what_is_written_is_read_again(text: str) -> None:
    """The written form is the same after reading."""
    assert text == str(HopsworksRef.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "hopsworks://demo/delays_view",
        "hopsworks://demo/delays_view/0",
        "hopsworks://demo/delays_view/one",
        "hopsworks:///delays_view/1",
        "hopsworks://demo/delays_view/1/2",
        "hopsworks://demo/delays_view/1?td=0",
        "hopsworks://demo/delays_view/1?td=1&td=2",
        "hopsworks://demo/delays_view/1?td=",
        "hopsworks://demo/delays_view/1?split=half",
        "hopsworks://demo/delays_view/1?version=1",
        "hopsworks://demo/delays_view/1?model=",
        "hopsworks://demo/delays_view/1?predictions=,a",
        "hopsworks://demo/delays_view/1?predictions=a,a",
        "hopsworks://de\nmo/delays_view/1",
        "hopsworks://demo/delays_view/1\t",
        "hopsworks://demo/../1",
        "hopsworks://demo/a%2Fb/1",
        "hopsworks://user:secret@demo/delays_view/1",
        "hopsworks://demo/delays_view/1#td",
        "hopsworks://[/delays_view/1",
        "local://delays",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """What is no reference is answered with how one is written."""
    with pytest.raises(InvalidSpec, match=r"expected hopsworks://PROJECT/FEATURE_VIEW/VERSION\?td=3&split=train"):
        HopsworksRef.parse(text)


def test_a_source_of_hopsworks_is_known_by_its_scheme() -> None:
    """Upper and lower case are the same; what only begins alike is none."""
    given = ("hopsworks://demo/v/1", " Hopsworks://demo/v/1", "hopsworksx://demo/v/1", "local://hopsworks")

    assert [True, True, False, False] == list(map(is_hopsworks, given))
