"""Numbers for people have few digits, whatever computing made of them; for machines they are exact."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from pegel.alerts.alert import Mail, MailKind
from pegel.baseline.baseline import Baseline
from pegel.cli.explain import explained
from pegel.judge.findings import Finding
from pegel.report.alert_mail import plain, render
from pegel.report.html import render as render_page
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec.settings import Settings
from pegel.store.alert_store import AlertStore
from pegel.store.results import Results
from pegel.stream.result_rows import Tally
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_outlier, sample_spec

NOW = START + 24 * MINUTE
MANY_DIGITS = re.compile(r"\.0*[1-9][0-9]{8,}")


UNITS = ("sigma", "sd ratio", "d", "TV", "share", "r")


@pytest.fixture(params=[0.1 + 0.2, 1 / 3 * 1e9, 2 / 3 * 1e-5, 1 - 1e-12, -100 / 3], ids=str)
def value(request: pytest.FixtureRequest) -> float:
    """Return a number as computing makes them, with all digits of a float."""
    number: float = request.param
    return number


@pytest.fixture
def findings(baseline: Baseline, value: float) -> list[Finding]:
    """Return findings of such numbers, one for every unit of an effect, each about a window that is stored."""
    numbers: dict[str, Any] = {"statistic": value, "effect": value, "threshold": abs(value), "p_value": abs(value)}
    effect = {"median_shift": value, "mean_shift": value, "auc": 1 / 3}
    also: dict[str, Any] = {"p_relevant": abs(value), "budget_share": 1 / 3, "baseline_id": baseline.id}
    also["evidence"] = {"effect": effect, "distances": {"tv": value, "js": value}}
    return [sample_finding(18 + at, effect_unit=unit, **numbers, **also) for at, unit in enumerate(UNITS)]


def write(sources: Sources, findings: list[Finding]) -> None:
    """Store findings in place of those of the newest windows."""
    results = Results(sources.engine)
    results.write(windows=results.windows("delays", 1, limit=len(findings)), findings=findings)


def mail_about(findings: list[Finding], sources: Sources) -> Mail:
    """Return the first mail about the stored drift, as if it were about these findings."""
    (alert,) = AlertStore(sources.engine).alerts("delays", 1)
    features = [replace(alert.features[0], feature=finding.effect_unit, finding=finding) for finding in findings]
    about = replace(alert, features=tuple(features))
    return Mail(kind=MailKind.OPENED, alert=about, spec=sample_spec(), recipients=("a@b",), windows=(), previous=None)


def settings_of(sources: Sources) -> Settings:
    """Return the settings by which commands find the same database."""
    return Settings(database_url=sources.engine.url.render_as_string(hide_password=False))


def test_no_number_has_more_digits_than_it_means(
    sources: Sources, baseline: Baseline, findings: list[Finding], value: float
) -> None:
    """Page, report, mail in all its forms and explanation: no number has nine digits that count behind its point."""
    reasons = [{"feature": "departure_delay", "value": value, "part": value}]
    outlier = sample_outlier("odd", 23, score=value, cutoff=value, reasons=reasons)
    write(sources, findings)
    Results(sources.engine).write(outliers=[outlier])
    mail, tally = mail_about(findings, sources), Tally(drifting=1, windows=1, rows=600)
    rendered = render(mail, baseline=baseline, tally=tally, page_url="http://x", now=NOW)
    texts = {
        "page": render_page(model_view(sources, "delays", 1, NOW)),
        "mail": rendered.text,
        "mail as HTML": str(rendered.html),
        "mail in short": plain(mail, problem="none", page_url="http://x", now=NOW).text,
        "explanations": "".join(str(explained(settings_of(sources), finding.id)) for finding in findings),
    }

    assert [] == [finding.effect_unit for finding in findings if finding.id[:8] not in texts["page"]]
    assert {} == {name: many for name, text in texts.items() if (many := MANY_DIGITS.findall(text))}


def test_machines_are_given_every_digit(sources: Sources, findings: list[Finding]) -> None:
    """The explanation as JSON holds the stored numbers exactly, beside those that were computed again."""
    finding = findings[0]
    write(sources, findings)
    told = explained(settings_of(sources), finding.id).to_json()

    assert {"statistic": finding.statistic, "p_value": finding.p_value} == told["stored"]
    assert (finding.effect, finding.threshold, False) == (told["effect"], told["threshold"], told["agrees"])
