"""A person says whether a new baseline is promoted: Airflow's question, with the comparison in it, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from pegel.errors import PegelError, PermanentError, Unavailable
from pegel.spec import names
from pegel.spec.alert_routes import is_pager, is_service
from pegel.spec.limits import APPROVAL_WITHIN
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.run_links import model_page
from pegel_airflow.service_sender import ServiceSender
from pegel_airflow.teams import refuse_model_of_other_team

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pegel.alerts.severity import Severity
    from pegel.report.mail_message import Rendered
    from pegel.report.notice import Notice
    from pegel.spec.alert_routes import Route
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.store.refresh_store import Refresh
    from pegel_airflow.services import Stores

WORKFLOW = "baseline_approval"
PROMOTE, KEEP = "Promote the new one", "Keep the current one"
NOBODY = "nobody"
MOST_RUNS = 10
"""Runs that ask about one refresh, one after the other failed. Then nobody is asked until it is an old one."""


class Questions(TriggerDagRunOperator):
    """Starts one run of `baseline_approval` for each question, so that no other model waits for an answer.

    The run's name is the question's: one that is asked already is not asked twice, whoever tries again. Where such a
    run has failed, nobody is asked any more, and the question gets another one.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id=WORKFLOW, logical_date=None, skip_when_already_exists=True, **kwargs)

    def execute(self, context: Context) -> None:
        """Start the run of `conf`'s question, if nobody has."""
        asked = self.conf or {}
        refresh = services.stores(Settings()).refreshes.get(asked["refresh"])
        tried = [run_of(refresh, number) for number in range(MOST_RUNS)]
        failed = context["ti"].get_dr_count(dag_id=WORKFLOW, run_ids=tried, states=["failed"])
        self.trigger_run_id = tried[min(failed, MOST_RUNS - 1)]
        super().execute(context)


class BaselineApproval(HITLOperator):
    """Asks about the refresh that the run's parameter names, and mails the model's people where to answer.

    It waits without a worker and survives restarts of everything. A yes promotes the new baseline over the one that it
    was compared with, and returns its id. After a no, without an answer in time, or where another baseline was promoted
    meanwhile, the current one stays; the task is skipped then, and the model's people are told. What is asked comes
    from stored text: nothing of it is a template.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        why = Param("", type="string", title="Why", description="For whoever reads the history later.")
        # What Airflow hands in are the workflow's own parameters; it adds them again, as no part of the question.
        kwargs.pop("params", None)
        super().__init__(
            subject="May a new baseline take the current one's place?",
            options=[PROMOTE, KEEP],
            # What the scheduler answers with when the time is over.
            defaults=KEEP,
            params={"why": why},
            response_timeout=APPROVAL_WITHIN,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Put the question, unless it is answered already."""
        from pegel.report.refresh_words import review_markdown, short

        settings = Settings()
        stores = services.stores(settings)
        refresh = stores.refreshes.get(context["params"]["refresh"])
        if refresh.end is not None:
            _discard_recount(stores, refresh)
            raise AirflowSkipException(_ended(refresh))
        key = names.monitor_key(refresh.model, refresh.version)
        self.subject = f"May the new baseline of {key} take the current one's place?"
        new, current = short(refresh.baseline_id), short(refresh.compared_with)
        self.body = f"{review_markdown(refresh.review)}\n\nNew `{new}`, current `{current}`."
        link = _where_to_answer(settings, context)
        _mail_question(settings, stores, refresh, link)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Do what was answered. Where somebody of another team answered, nothing was, and the question stays."""
        from pegel.store.refresh_store import RefreshEnd

        answer = super().execute_complete(context, event)
        settings = Settings()
        stores = services.stores(settings)
        refresh = stores.refreshes.get(context["params"]["refresh"])
        by = (answer["responded_by_user"] or {}).get("name") or NOBODY
        if event.get("timedout"):
            end, why = RefreshEnd.TIMED_OUT, f"nobody answered within {APPROVAL_WITHIN.days} days"
        else:
            try:
                refuse_model_of_other_team(settings, refresh.model, refresh.version, by)
            except PermanentError as error:
                print(f"the answer does not count, and the question stays: {error}")  # noqa: T201 - a task's output is its log
                return super().execute(context)
            end = RefreshEnd.PROMOTED if PROMOTE in answer["chosen_options"] else RefreshEnd.REJECTED
            why = str(answer["params_input"].get("why") or "").strip()
        ended = stores.refreshes.end(refresh.seq, end, by=by, why=why, now=datetime.now(UTC))
        _discard_recount(stores, refresh)
        # What another run promoted meanwhile is no effect of this answer: who said no is told that it came too late.
        if end is RefreshEnd.PROMOTED and ended.end is RefreshEnd.PROMOTED:
            return ended.baseline_id
        _tell(settings, stores, ended)
        raise AirflowSkipException(_ended(ended))


def run_of(refresh: Refresh, failed: int = 0) -> str:
    """Return the name of the run that asks about a refresh, after so many that failed.

    With its time: a new results database counts from 1.
    """
    again = f"-again-{failed}" if failed else ""
    return f"refresh-{refresh.seq}-{refresh.at.astimezone(UTC):%Y%m%dT%H%M%S%f}{again}"


def _where_to_answer(settings: Settings, context: Context) -> str:
    """Return the page of the question. The provider's own needs `[api] base_url`, and drops the path of it."""
    ti = context["ti"]
    airflow = settings.page_url.rstrip("/").removesuffix("/pegel")
    run = quote(ti.run_id, safe="")
    return f"{airflow}/dags/{ti.dag_id}/runs/{run}/tasks/{ti.task_id}/required_actions"


def _ended(refresh: Refresh) -> str:
    from pegel.report.refresh_words import refresh_line

    return refresh_line(refresh)


def _discard_recount(stores: Stores, refresh: Refresh) -> None:
    if refresh.recount is not None:
        stores.baselines.discard(refresh.recount)


def _mail_question(settings: Settings, stores: Stores, refresh: Refresh, link: str) -> None:
    from pegel.report.refresh_mail import asked_words

    spec = stores.registry.get(refresh.model, refresh.version)
    if spec is not None:
        picture = _picture(stores, refresh)
        days = APPROVAL_WITHIN.total_seconds() / 86_400
        page = _baselines_page(settings, refresh)
        asked = asked_words(refresh, spec, link=link, days=days, picture=picture, baselines=page)
        _send(settings, spec, refresh, asked)


def _tell(settings: Settings, stores: Stores, refresh: Refresh) -> None:
    from pegel.report.refresh_mail import not_promoted_words

    spec = stores.registry.get(refresh.model, refresh.version)
    if spec is not None:
        _send(settings, spec, refresh, not_promoted_words(refresh, spec, baselines=_baselines_page(settings, refresh)))


def _baselines_page(settings: Settings, refresh: Refresh) -> str:
    return f"{model_page(settings, refresh.model, refresh.version)}/baselines"


def _picture(stores: Stores, refresh: Refresh) -> bytes | None:
    """Return a picture of what moved; None where there is nothing to draw, which keeps no question back."""
    from pegel.report.refresh_mail import picture_of

    if refresh.recount is None:
        return None
    try:
        current, again = stores.baselines.get(refresh.compared_with), stores.baselines.get(refresh.recount)
    except Unavailable:
        raise
    except PegelError:
        return None
    return picture_of(refresh.review.changes, current, again)


def _send(settings: Settings, spec: MonitorSpec, refresh: Refresh, written: Rendered) -> None:
    """Tell a model's people. Who cannot be told is named in the log; the question stands in Airflow all the same."""
    recipients, severity = _recipients(settings, spec)
    with MailSender(settings) as sender:
        failed = dict[str, str]()
        for address in recipients:
            if is_service(address):
                said = ServiceSender().deliver(address, _notice(settings, refresh, written, severity, address))
            else:
                said = sender.deliver([written], [address])
            failed |= said.refused | said.later
    for address, why in failed.items():
        print(f"{address} was not told: {why}")  # noqa: T201 - a task's output is its log


def _recipients(settings: Settings, spec: MonitorSpec) -> tuple[tuple[str, ...], Severity]:
    """Return whom routes name for `refresh refused`, and how bad that is; `alerts.emails` where nobody is told at once.

    A question does not wait: not for a digest, and not for somebody to be on duty. It is no incident of a pager.
    """
    from pegel.alerts.health_kind import HealthKind
    from pegel.alerts.routing import told
    from pegel.alerts.severity import health_severity
    from pegel.spec.deployment_routes import deployment_routes

    kind = HealthKind.REFRESH_REFUSED
    routes: tuple[Route, ...] = ()
    try:
        routes = deployment_routes(settings.alert_routes)
    except PegelError as error:
        print(f"the routes of the deployment are left out: {error}")  # noqa: T201 - a task's output is its log
    severity = health_severity(kind, [spec.alerts.severity])
    at_once = told(spec, routes, datetime.now(UTC), severity=severity, kind=kind).at_once
    asked = tuple(address for address in at_once if not is_pager(address))
    return asked or tuple(spec.alerts.emails), severity


def _notice(settings: Settings, refresh: Refresh, written: Rendered, severity: Severity, address: str) -> Notice:
    """Return what a chat or a pager is told: the first lines of the mail, with the link to the question."""
    from pegel.alerts.message_identity import MailIdentity, short_id
    from pegel.report.notice import Notice
    from pegel.report.severity_words import LEAD

    state = "asked" if refresh.end is None else refresh.end.value
    return Notice(
        id=short_id([MailIdentity(f"refresh {refresh.seq} {state}", refresh.at.isoformat())], address),
        title=written.subject.removeprefix(LEAD),
        text=written.text.partition("\n\n")[0],
        severity=severity,
        link=settings.page_url.rstrip("/"),
        alerts=(),
    )
