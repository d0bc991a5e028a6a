"""What the results database of the local system says, for people: heartbeats, models, labels, silences, mails."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.alerts.silencing import Silence
from pegel.archive.folders import NOT_LABELS
from pegel.errors import InvalidSpec, SetupError, Unavailable
from pegel.reconcile.actions import ActionKind, Target, launched
from pegel.reconcile.driver_health import why_doubtful
from pegel.reconcile.worker_planner import explained_namespaces
from pegel.report.answer_words import nobody_can_tell
from pegel.report.health_signs import unreached_signs
from pegel.report.model_list import model_rows
from pegel.report.progress import ago, progress
from pegel.report.reading import Sources
from pegel.report.refused_labels import refused_of_all
from pegel.report.silence_words import silenced
from pegel.report.views import ModelRow
from pegel.report.worker_words import is_silent, worker_words
from pegel.spec.deployment_routes import deployment_routes
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.settings import Settings
from pegel.store.action_log import ActionLog
from pegel.store.database import connect
from pegel.store.database_file import refuse_missing
from pegel.store.identity_store import IdentityStore
from pegel.store.label_store import LabelStore
from pegel.store.last_mails import LastMails
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.silence_store import SilenceStore
from pegel.store.worker_beats import WorkerBeats
from pegel.stream.result_rows import Heartbeat
from pegel_local.backends.worker_processes import WORKERS
from pegel_local.system.ended_parts import EndedParts
from pegel_local.system.status_line import StatusLine

RESTARTS = "wait a minute: the reconciler restarts it; its reasons stand on the model's page"
GOES_ON = (
    "bring that back: the broker by `pegel up`, a topic by `pegel apply FILE` of one of its models; the driver then "
    "goes on by itself"
)
"""Topics are made when a model is onboarded and by nobody else."""
STARTS = "nothing: it says each step of its start"
PAST_ACTIONS = 20
"""Newest actions about a driver among which its last start is looked for."""
LOOK_BACK = timedelta(days=1)
"""How far back messages are counted."""


def stored_status(settings: Settings, now: datetime) -> dict[str, list[StatusLine]]:
    """Return the sections that it has; where it does not answer, one line that says so."""
    try:
        refuse_missing(settings.database)
    except SetupError as error:
        return {"database": [StatusLine(name="results database", state=str(error), good=False, remedy="pegel up")]}
    engine = connect(settings.database)
    results = Results(engine)
    try:
        unheard = dict[str, str]()
        log, damaged_lines = ActionLog(engine), list[str]()
        beats = [_beat(settings, beat, log, now) for beat in results.heartbeats(damaged=unheard)]
        beats += [_damaged(group, reason) for group, reason in unheard.items()]
        sources = Sources(engine, around=EndedParts(settings).words)
        models = [_model(results, row, now) for row in model_rows(sources, now)]
        unread = list[str]()
        silences = [_silence(silence, now) for silence in SilenceStore(engine).in_force(now, damaged=unread)]
        silences += [_damaged("a silence", reason) for reason in unread]
        moves = log.recent(limit=1, damaged=damaged_lines)
        specs = Registry(engine).list()
        refused = refused_of_all(LabelStore(engine), specs)
        unreached = _unreached(settings, LastMails(engine), specs, now)
        explaining = _explaining(settings, WorkerBeats(engine), explained_namespaces(specs), now)
        unknown = nobody_can_tell(specs, IdentityStore(engine).unknown())
        explaining += [StatusLine(name=key, state=words) for key, words in unknown.items()]
    except (Unavailable, SetupError) as error:
        # A sentence that is no wait says itself what to do.
        remedy = "bring it back; whoever needs it waits" if isinstance(error, Unavailable) else "as this line says"
        return {"database": [StatusLine(name="results database", state=str(error), good=False, remedy=remedy)]}
    finally:
        engine.dispose()
    last = [
        StatusLine(name=str(move.target), state=f"{move.kind} {ago(move.at, now)}: {move.reason}") for move in moves
    ]
    last += [_damaged("log of actions", reason) for reason in damaged_lines]
    # What was sent lies aside; rows of a table lie where they were, and the words say what they lack.
    whys = f"read why: {settings.archive_root}/{NOT_LABELS}"
    of_tables = {spec.key for spec in specs if not spec.labels.by_topic}
    labels = [
        StatusLine(name=one.name, state=one.words, remedy="" if one.name in of_tables else whys) for one in refused
    ]
    return {
        "heartbeats": beats,
        **({"explanations": explaining} if explaining else {}),
        "models": models,
        "labels": labels,
        "silences": silences,
        **({"addressees": unreached} if unreached else {}),
        "last reconcile action": last,
    }


def _beat(settings: Settings, beat: Heartbeat, log: ActionLog, now: datetime) -> StatusLine:
    """Return the line of a group's newest heartbeat, which may be that of a driver before the one that runs."""
    target = Target.driver(beat.group)
    actions = log.recent(target, limit=PAST_ACTIONS, damaged=[])
    newest = launched(actions, target)
    text = f"{progress(beat, now, launched=newest)}, heartbeat {ago(beat.at, now)}"
    trouble = beat.error or (None if beat.state == "stopped" else why_doubtful(beat, now))
    if trouble is None and newest <= beat.generation:
        return StatusLine(name=beat.group, state=text)
    state = text if trouble is None or newest > beat.generation else f"{text}; {trouble}"
    last = actions[-1] if actions else None
    if last is not None and last.kind is ActionKind.QUARANTINE:
        remedy = f"less {settings.home / 'jobs' / beat.group / 'log'}; reconciling waits: {last.reason}"
    elif newest > beat.generation or beat.state == "starting":
        remedy = STARTS
    else:
        remedy = GOES_ON if trouble == beat.missing else RESTARTS
    return StatusLine(name=beat.group, state=state, good=False, remedy=remedy)


def _unreached(settings: Settings, last_mails: LastMails, specs: list[MonitorSpec], now: datetime) -> list[StatusLine]:
    """Return who is due something that cannot be delivered."""
    try:
        routes = deployment_routes(settings.alert_routes)
    except InvalidSpec as error:
        return [StatusLine(name="routes", state=str(error), good=False, remedy="mend that file")]
    signs = unreached_signs(last_mails.unreached(), specs, routes, now)
    remedy = "look at the runs of alert_dispatch in Airflow, and at the connection there"
    return [StatusLine(name=sign.about, state=sign.reason, good=False, remedy=remedy) for sign in signs]


def _explaining(settings: Settings, beats: WorkerBeats, namespaces: set[str], now: datetime) -> list[StatusLine]:
    """Return what the worker of each namespace in which some model asks to be explained got done."""
    unheard = dict[str, str]()
    lines = {}
    for beat in beats.list(damaged=unheard):
        quiet = is_silent(beat, now)
        remedy = f"less {settings.home / WORKERS / beat.namespace / 'log'}" if quiet else ""
        lines[beat.namespace] = StatusLine(
            name=beat.namespace, state=worker_words(beat, now), good=not quiet, remedy=remedy
        )
    lines |= {name: _damaged(name, reason) for name, reason in unheard.items()}
    silent = "its worker has not spoken yet"
    return [lines.get(name, StatusLine(name=name, state=silent)) for name in sorted(namespaces)]


def _damaged(name: str, reason: str) -> StatusLine:
    return StatusLine(name=name, state=reason, good=False, remedy="pegel open")


def _model(results: Results, row: ModelRow, now: datetime) -> StatusLine:
    """Return the line of a model, in the words of its page."""
    received = results.ledger_total(row.name, row.version, now - LOOK_BACK).received
    counted = [] if row.is_table else [f"{received} messages in a day"]
    answers = [text for text in (row.answers, row.look, row.days) if text]
    notices = [*row.around, *row.notices]
    state = " · ".join([row.state.whole, f"last window {row.last_window}", *answers, *counted, *notices])
    good = row.state.level != "bad" and not notices
    key = monitor_key(row.name, row.version)
    remedy = "pegel up" if row.around else f"pegel report {key}"
    return StatusLine(name=key, state=state, good=good, remedy="" if good else remedy)


def _silence(silence: Silence, now: datetime) -> StatusLine:
    """Return the line of a silence: a person's wish, so nothing bad, but nobody may wonder why no mail comes."""
    return StatusLine(
        name=f"silence {silence.id}", state=silenced(silence, now), remedy=f"pegel unsilence {silence.id}"
    )
