"""What a mail about an alert tells from: baseline, windows, long spans, and how the prediction moved meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from pegel.errors import PegelError, PermanentError
from pegel.spec.settings import Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from pegel.alerts.alert import Mail
    from pegel.baseline.baseline import Baseline
    from pegel.longspans.long_span_row import LongSpanRow
    from pegel.report.prediction_words import PredictionMove
    from pegel.stream.result_rows import Tally

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MailSources:
    """What a mail tells from. `problems`: why it tells less than it could."""

    baseline: Baseline | None
    tally: Tally
    long_spans: dict[str, LongSpanRow]
    now: datetime
    problems: list[str]

    @classmethod
    def of(cls, settings: Settings, mail: Mail) -> MailSources:
        """Read what a mail tells from; what cannot be read is left out, with the reason."""
        baseline, problems, alert = None, list[str](), mail.alert
        try:
            baseline = _baseline(settings, mail)
        except PermanentError as error:
            problems.append(f"its mail says less, because a baseline cannot be read: {error}")
        results = services.stores(settings).results
        tally = results.tally(alert.model, alert.version, alert.since, alert.last_end, alert.names)
        return cls(baseline, tally, _long_spans(settings, mail), datetime.now(UTC), problems)


def logs_of_endpoint(settings: Settings, endpoint: str) -> tuple[str, ...]:
    """Return where the logs of what serves are on this machine; none without. No mail is lost for want of them."""
    try:
        return services.serving(settings).logs_of(endpoint)
    except (PegelError, OSError) as error:
        log.warning("the logs of an endpoint could not be named", endpoint=endpoint, reason=str(error))
        return ()


def _long_spans(settings: Settings, mail: Mail) -> dict[str, LongSpanRow]:
    """Return what is stored of the long spans that an alert's newest findings are about, by the finding's id."""
    store = services.stores(settings).long_spans
    rows = {one.finding.id: store.row_of(one.finding) for one in mail.alert.features if one.finding.rhythm is not None}
    return {name: row for name, row in rows.items() if row is not None}


def how_it_moved(settings: Settings, mail: Mail) -> PredictionMove | str:
    """Return how the prediction moved meanwhile, or why that is not known; read only where a mail tells of it."""
    from pegel.report.mail_evidence import asks_what_moved
    from pegel.report.moved_prediction import moved_meanwhile
    from pegel.report.prediction_words import NOT_EXPLAINED

    if not asks_what_moved(mail):
        return NOT_EXPLAINED
    return moved_meanwhile(services.engine(settings.database), mail.spec, mail.alert.features)


def what_was_made(settings: Settings, mail: Mail) -> str:
    """Return what the model made of the single event that a mail is about; read only where a mail tells of it."""
    from pegel.alerts.alert_kind import AlertKind
    from pegel.report.made_of_event import made_of_event

    if mail.alert.kind is not AlertKind.SINGLE_EVENT:
        return ""
    engine, finding = services.engine(settings.database), mail.alert.features[0].finding
    made = made_of_event(engine, mail.spec, finding, now=datetime.now(UTC))
    return "" if made is None else made.words


def _baseline(settings: Settings, mail: Mail) -> Baseline | None:
    """Return the baseline that the alert's newest findings were judged by; None where none was compared with one.

    Raises PermanentError if it is unusable.
    """
    compared = [feature.finding for feature in mail.alert.features if feature.finding.baseline_id]
    if not compared:
        return None
    newest = max(compared, key=lambda finding: finding.span.end)
    return services.stores(settings).baselines.get(newest.baseline_id)
