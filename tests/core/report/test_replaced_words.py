"""Features that are not from the online store reach people: in the model's row, and in the ledger of its page."""

from __future__ import annotations

import pytest

from pegel.alerts.update import update
from pegel.data.look_up_faults import LookUpFault
from pegel.judge.event_counts import EventCounts
from pegel.judge.judge import Judgement, judge
from pegel.judge.remarks import remarks
from pegel.report.alert_mail import render as mail
from pegel.report.html import render
from pegel.report.model_list import model_rows
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.store.alert_store import AlertStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_ledger, sample_span, sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy", "pandas")

NOW = START + 24.75 * MINUTE
ONLINE = {"source": "local://flights", "keys": ["flight"], "features": {"distance": "null"}}


@pytest.fixture
def stale() -> Judgement:
    """A window of 1,200 events, of which 300 had stale features."""
    reasons = {"failed_look_ups": {LookUpFault.STALE.value: 300}}
    events = EventCounts(1_200, odd={"failed_look_ups": 300}, reasons=reasons)
    return judge(None, None, spec=sample_spec(), span=sample_span(24), revision=1, events=events)


def ledger_of(sources: Sources) -> str:
    """Return the page from its ledger on, in one line."""
    page = " ".join(render(model_view(sources, "delays", 1, NOW)).split())
    return page.partition("<h2>Ledger</h2>")[2]


def test_the_ledger_has_the_three_counters(sources: Sources) -> None:
    """How many events had replaced features, and why each, beside the share that they are."""
    minute = sample_ledger(24, judged=1_200, store_unavailable=1, entity_unknown=20, vector_stale=279)
    Results(sources.engine).write(ledger=[minute])

    told = (
        "of the judged events had failed look-ups in the online store: 1 because it did not answer, 20 of entities "
        "unknown to it, 279 with stale ones."
    )
    assert told in ledger_of(sources)


def test_without_any_the_ledger_says_so(sources: Sources) -> None:
    """Only of a model whose features are looked up; of others nothing is said."""
    before = ledger_of(sources)
    Registry(sources.engine).put(sample_spec(online=ONLINE))

    assert "online store" not in before
    assert "no judged event had failed look-ups in the online store." in ledger_of(sources)


def test_a_mail_calls_it_as_commands_and_pages_do(stale: Judgement) -> None:
    """Failed look-ups, in the subject by which mails are found and in the first sentence, with the reasons."""
    row = sample_window(24, verdict=stale.verdict, remarks=remarks(stale))
    (change,) = update([], [(1, stale.findings[0])], [row], NOW, [sample_spec()])
    assert change.mail is not None
    told = mail(change.mail, baseline=None, tally=Tally(drifting=1, windows=1, rows=0), page_url="x", now=NOW)

    said = "25 % of 1,200 events had failed look-ups in the online store (tolerated 1 %): 300 × stale"  # noqa: RUF001
    assert "[pegel] delays v1: failed look-ups (25 %) (since 00:24 UTC)" == told.subject
    assert told.text.startswith(f"delays v1: failed look-ups: {said}")


def test_the_models_row_says_it_while_it_alarms(sources: Sources, stale: Judgement) -> None:
    """The list names the share and since when, before what else the model is."""
    row = sample_window(24, verdict=stale.verdict, remarks=remarks(stale))
    Results(sources.engine).write(windows=[row], findings=stale.findings)
    (change,) = update([], [(1, stale.findings[0])], [row], NOW, [sample_spec()])
    AlertStore(sources.engine).save(change)
    (listed,) = model_rows(sources, NOW)

    assert "failed look-ups 25 % (300 of 1,200 events) since 00:24 UTC" == listed.state.words
