"""One message about many alerts: what they share first, the worst of each, nothing drowned, a page at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pegel.alerts.severity import Severity
from pegel.report.mail_lead import Lead
from pegel.report.mail_message import Rendered
from pegel.report.many_mails import many_words
from pegel.testing.manual_clock import START

NOW = START + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def lead(
    model: str, about: str = "drift of amount", minutes: float = 0, p_value: float = 1e-9, *, is_over: bool = False
) -> Lead:
    """Return what is told of one alert."""
    return Lead(
        about=about,
        models=(f"{model}/1",),
        is_over=is_over,
        is_news=not is_over,
        since=START + minutes * MINUTE,
        p_value=p_value,
        sentence=f"{about.partition(' of ')[2]} of {model} shifted up.",
        quiet="" if is_over else f"pegel ack {model}",
    )


def told(leads: list[Lead]) -> Rendered:
    """Return the message about them."""
    return many_words(leads, page_url="http://page/pegel/", now=NOW)


@pytest.fixture
def night() -> Rendered:
    """A bad deploy of 197 models, and one model that drifts by itself since long before."""
    deploy = [lead(f"m{at:03}", minutes=40 + at / 100, p_value=10.0**-at) for at in range(197)]
    return told([*deploy[:100], lead("slow", "drift of age", minutes=-300), *deploy[100:]])


def test_the_first_lines_name_the_worst_model_and_how_many_others(night: Rendered) -> None:
    """The subject has what most of them have with its time, and how many further troubles; the text how many alerts."""
    named = "m196/1 and 197 more models"

    assert f"[pegel] {named}: drift of amount (197 models, since 00:40 UTC), and 1 more" == night.subject
    assert f"{named}: 198 alerts to look at." == night.text.splitlines()[0]


def test_the_most_severe_stands_first_whatever_most_have() -> None:
    """The subject that says how bad it is names what is so bad."""
    worse = replace(lead("slow", "drift of age"), severity=Severity.CRITICAL)
    mail = told([lead("m000"), lead("m001"), worse])

    assert mail.subject.startswith("[pegel] critical: slow/1 and 2 more models: drift of age (1 model, since ")


def test_of_the_models_of_one_trouble_a_few_are_named() -> None:
    """Fifty models of a driver that is away are no paragraph of names."""
    group = replace(lead("m000"), models=tuple(f"m{at:03}/1" for at in range(50)))
    text = told([group, lead("other", "drift of age")]).text

    assert "  m000/1 and 49 more: amount of m000 shifted up." in text.splitlines()


def test_a_drift_of_one_model_is_not_drowned(night: Rendered) -> None:
    """What differs from the rest stands by itself, with its command."""
    (line,) = [line for line in night.text.splitlines() if "slow/1" in line]

    assert "  slow/1: age of slow shifted up." == line
    assert "pegel ack slow" in night.text


def test_of_what_is_alike_the_worst_are_told_and_the_rest_is_counted(night: Rendered) -> None:
    """Five of 197, the clearest first, in text and HTML."""
    named = [line.split("/")[0].strip() for line in night.text.splitlines() if line.startswith("  m")]

    assert ["m196", "m195", "m194", "m193", "m192"] == named
    assert "  and 192 more of the same" in night.text.splitlines()
    assert "and 192 more of the same" in str(night.html)


def test_many_that_begin_together_lead_to_what_they_share(night: Rendered) -> None:
    """It says where to look first; five that began hours apart are five troubles."""
    apart = told([lead(f"m{at}", minutes=60 * at) for at in range(5)])
    shared = "look first at what they share"

    assert (True, False) == (shared in night.text, shared in apart.text)


def test_what_is_over_stands_last() -> None:
    """News to look at comes first, whatever there is more of."""
    rendered = told([*(lead(f"m{at}", is_over=True) for at in range(9)), lead("new", "late events")])
    titles = [line for line in rendered.text.splitlines() if line.endswith(" UTC)")]

    assert ["late events (1 model, since 00:00 UTC)", "over: drift of amount (9 models, since 00:00 UTC)"] == titles
    assert rendered.text.startswith("new/1 and 9 more models: 1 alert to look at and 9 alerts over.\n")


def test_however_much_there_is_it_is_a_page() -> None:
    """Ten thousand alerts about a thousand troubles: twenty of these, the rest counted."""
    rendered = told([lead(f"m{at}", f"drift of f{at % 1_000}") for at in range(10_000)])

    assert "and 980 more troubles" in rendered.text
    assert 300 > len(rendered.text.splitlines())


def test_odd_names_are_text() -> None:
    """Markup in a name is shown, not run."""
    rendered = told([lead("<b>x</b>", "drift of <i>y</i>"), lead("z")])

    assert ("&lt;b&gt;x" in str(rendered.html), "<b>x" in str(rendered.html)) == (True, False)
