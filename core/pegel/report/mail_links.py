"""Names of features in the first sentences of a mail, each with the link to that feature's own page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from pegel.alerts.alert_kind import AlertKind
from pegel.judge.findings import Finding
from pegel.report.page_query import feature_query
from pegel.spec.outside_text import LONGEST_SHOWN, shown

ABOUT_FEATURES: Final = {AlertKind.DRIFT, AlertKind.LONG_SPANS}
"""Kinds whose findings name features of the baseline: other kinds name figures, expectations or events."""


def with_links(sentences: Sequence[str], findings: Sequence[Finding], model_page: str) -> list[str]:
    """Return the sentences for HTML, each name of a feature as a link; one without its name stays as it is.

    Args:
        sentences: One per finding, in their order, and whatever follows.
        findings: What the sentences are about.
        model_page: Public address of the model's page.
    """
    linked = [_linked(sentence, finding, model_page) for sentence, finding in zip(sentences, findings, strict=False)]
    return [*linked, *sentences[len(linked) :]]


def _linked(sentence: str, finding: Finding, model_page: str) -> str:
    name = shown(finding.about, LONGEST_SHOWN)
    before, found, after = sentence.partition(name) if name.strip() else (sentence, "", "")
    if not found or before not in {"", "the prediction "}:
        return sentence
    link = Markup("{}/feature{}").format(model_page, feature_query(finding.feature, {"segment": finding.segment}))
    return Markup('{}<a href="{}" style="color: inherit;">{}</a>{}').format(before, link, name, after)
