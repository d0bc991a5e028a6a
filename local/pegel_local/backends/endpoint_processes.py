"""Model endpoints as processes of this machine: the local serving backend.

An endpoint is two supervised processes, as a KServe pod is two containers: a real `kserve` model server, and before it
a proxy that posts every request and response to the inference logger as KServe's agent does. Where features are looked
up, a transformer stands before both. Where a server runs
already it is the proxy alone, or, if that server has a logger of its own, no process at all: what is not ours is looked
at and never touched. `endpoints/<name>/` holds the processes, and says in `endpoint.json` what serves. A candidate that
is to take its place runs beside it, of the other colour, and stands in `candidate-<fingerprint>.json`; taking the place
is one rename, so that a candidate that another run replaced cannot take it.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pegel.data import wire
from pegel.data.endpoint_readiness import ABSENT, READY, foreign_readiness, readiness
from pegel.errors import PegelError, SetupError
from pegel.featurestore import LocalFeatureStore
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus, another_candidate, pinned
from pegel.spec import names
from pegel.spec.limits import ENDPOINT_ANSWERS_WITHIN, SERVICE_GRACE
from pegel.spec.model_roots import local_folder, refuse_model_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_local.backends import model_copy
from pegel_local.backends.child_environments import endpoint_environment, proxy_environment, transformer_environment
from pegel_local.backends.endpoint_document import (
    PARTS,
    DamagedEndpoint,
    EndpointDocument,
    parts_of,
    read_document,
    write_document,
)
from pegel_local.backends.served_copies import ServedCopies, model_folder
from pegel_local.machine.ports import answers
from pegel_local.processes.process_control import last_lines
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.processes.supervisor_files import Launch, SupervisorFiles

RESTARTS = 2
"""Restarts by the supervisor itself, within seconds; what still fails then is brought back by reconciling."""
SERVES, CANDIDATES = "endpoint.json", "candidate-*.json"
SEEN_READY = "seen-ready"
"""Its time is the last look that saw the endpoint ready."""
LOOKED_UP = (wire.LOOK_UP_HEADER, wire.ENTITIES_HEADER)
"""Headers by which a transformer tells what it has looked up; a proxy without one knows none of them."""
ANSWERED = "answered"
"""Its time is the last answer to an inference; a proxy touches it in its folder."""


class LocalServingBackend:
    """Runs endpoints below the settings' home. Any process that knows the home may call it. One host only."""

    def __init__(
        self,
        settings: Settings,
        *,
        answers_within: timedelta = ENDPOINT_ANSWERS_WITHIN,
        grace: timedelta = SERVICE_GRACE,
    ) -> None:
        """Use the folder `endpoints` of the settings' home.

        An endpoint that takes longer than `answers_within` to answer is not ready; each of its processes has `grace` to
        end.
        """
        self._settings = settings
        self._grace_s = grace.total_seconds()
        self._answers_within = answers_within
        self._folder = settings.home.resolve() / "endpoints"

    def pin(self, spec: MonitorSpec) -> MonitorSpec:
        """Return the spec with the digest of its model's folder. Raises SetupError, and InvalidSpec for another one."""
        return spec if spec.model.uri is None else pinned(spec, model_copy.digest(model_folder(spec.model.uri)))

    def planned(self, spec: MonitorSpec) -> str:
        """Return the processes of this machine that `apply` would run. Raises SetupError for a forbidden place."""
        refuse_model_outside(spec.model, self._settings.allowed_models)
        parts = " and ".join(parts_of(spec)) or "no process: another's server is watched as it is"
        return f"{spec.endpoint}: {parts} on this machine, of {spec.model.place}"

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist as desired and return at once. The same spec again changes nothing.

        An endpoint of another model is replaced; parts of it that ended are started again. Raises SetupError without a
        serving environment, and where there is no copy of what is meant (`model.digest`): when the model's folder is
        not on this machine, holds something else or cannot be copied. What serves is as it was then. Raises Unavailable
        when a part does not start.
        """
        refuse_model_outside(spec.model, self._settings.allowed_models)
        present = self._readable(spec.endpoint, SERVES)
        if present is None or present.fingerprint != endpoint_fingerprint(spec):
            wanted = self._new(spec, _other_colour(self._candidate(spec.endpoint)))
            if (self._folder / spec.endpoint / SERVES).exists():
                self.halt(spec.endpoint)
                self._copies(spec.endpoint).clear(but=wanted.digest)
            present = wanted
        self._run(present, SERVES)

    def restart(self, spec: MonitorSpec, *, started_before: datetime) -> None:
        """End what runs of the endpoint and start it anew, at the same address, and return at once.

        Processes that were started at `started_before` or later are left alone. Raises what `apply` raises.
        """
        refuse_model_outside(spec.model, self._settings.allowed_models)
        document = self._readable(spec.endpoint, SERVES)
        parts = [] if document is None else [self._part(document, part) for part in document.parts]
        for part in parts:
            state = part.files.state()
            if state is None or state.started_at < started_before:
                part.stop(grace_s=self._grace_s)
        self.apply(spec)

    def stage(self, spec: MonitorSpec, *, by: str = "") -> None:
        """Start what `spec` says beside what serves now, which is not touched, and return at once.

        The same spec again changes nothing but whose candidate it is; another one is replaced. What serves as desired
        already is its own candidate. Raises what `apply` raises.
        """
        refuse_model_outside(spec.model, self._settings.allowed_models)
        wanted = endpoint_fingerprint(spec)
        present, candidate = (self._readable(spec.endpoint, file) for file in (SERVES, _candidate_file(wanted)))
        if present is not None and present.fingerprint == wanted:
            self._forget_candidates(spec.endpoint)
            self._run(present, SERVES)
            return
        if candidate is None:
            candidate = self._new(spec, _other_colour(present))
            self._forget_candidates(spec.endpoint, next_digest=candidate.digest)
        self._run(replace(candidate, staged_by=by), _candidate_file(wanted))

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at the endpoint's candidate now; without one, at what serves."""
        candidate = self._candidate(endpoint)
        if candidate is None:
            return self.observe(endpoint)
        return self._status(candidate, _candidate_file(candidate.fingerprint))

    def promote(self, spec: MonitorSpec) -> None:
        """Let what was staged as `spec` serve in place of what serves now, and end the latter.

        The new address is in force at once: the switch is one rename. Requests that the old server has are answered
        within its grace. If it serves already, nothing happens. Raises Conflict if it is neither.
        """
        endpoint, fingerprint = spec.endpoint, endpoint_fingerprint(spec)
        candidate = self._folder / endpoint / _candidate_file(fingerprint)
        try:
            # Its time is when the endpoint was last changed: for reconciling it begins now.
            os.utime(candidate)
            candidate.replace(self._folder / endpoint / SERVES)
        except FileNotFoundError:
            present, other = self._readable(endpoint, SERVES), self._candidate(endpoint)
            if present is None or present.fingerprint != fingerprint:
                given = other.fingerprint if other is not None else ""
                raise another_candidate(endpoint, fingerprint, given) from None
        self._sweep(endpoint)

    def discard(self, spec: MonitorSpec, *, by: str = "") -> None:
        """End what was staged as `spec`, if `by` was the last to stage it, and forget it; nothing else."""
        endpoint, fingerprint = spec.endpoint, endpoint_fingerprint(spec)
        candidate = self._readable(endpoint, _candidate_file(fingerprint))
        if candidate is not None and candidate.staged_by != by:
            return
        (self._folder / endpoint / _candidate_file(fingerprint)).unlink(missing_ok=True)
        self._sweep(endpoint)
        if self._candidate(endpoint) is not None:
            return
        if not (self._folder / endpoint / SERVES).exists():
            shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def resume(self, endpoint: str) -> None:
        """Start what does not run of an endpoint, after a restart of the system. Raises what `apply` raises.

        An endpoint whose file is damaged is left to reconciling, which knows its spec.
        """
        document = self._readable(endpoint, SERVES)
        if document is not None:
            self._run(document, SERVES)

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint now. One whose file is damaged has failed: nobody knows where it listens."""
        try:
            document = read_document(self._folder / endpoint / SERVES)
        except DamagedEndpoint as error:
            return EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.FAILED, detail=str(error))
        if document is None:
            return EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
        return self._status(document, SERVES)

    def logs_of(self, endpoint: str) -> tuple[str, ...]:
        """Return the logs of what serves that are there: of the model server, if it is ours, then of the proxy."""
        document = self._readable(endpoint, SERVES)
        parts = [] if document is None else [self._part(document, part) for part in reversed(document.parts)]
        return tuple(str(part.files.log) for part in parts if part.files.log.is_file())

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint, its candidate too, and wait until nothing of it runs. An absent one is not an error."""
        self.halt(endpoint)
        shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def halt(self, endpoint: str) -> None:
        """End the endpoint's processes and keep what it is to be, so that `resume` brings it back."""
        self._end(self._parts_of(endpoint))

    def names(self) -> list[str]:
        """Name every endpoint below the home that is to serve, in order. None of them is looked at."""
        return sorted(path.parent.name for path in self._folder.glob(f"*/{SERVES}"))

    def _parts_of(self, endpoint: str) -> set[Path]:
        """Return the folders of all parts there are; proxies come and go before their servers."""
        return {path for part in PARTS for path in (self._folder / endpoint).glob(f"{part}*") if path.is_dir()}

    def _forget_candidates(self, endpoint: str, *, next_digest: str | None = None) -> None:
        """End every candidate, also one whose file is damaged; the copy of the next one's model stays."""
        for path in (self._folder / endpoint).glob(CANDIDATES):
            path.unlink(missing_ok=True)
        self._sweep(endpoint, next_digest=next_digest)

    def _sweep(self, endpoint: str, *, next_digest: str | None = None) -> None:
        """End the parts that neither what serves nor a candidate needs, also those that a crash left behind.

        Copies of models go as well, except while a document is damaged: which of them it needs nobody knows.
        """
        documents = (self._readable(endpoint, SERVES), self._candidate(endpoint))
        kept = [document for document in documents if document is not None]
        needed = {self._part(document, part).folder for document in kept for part in document.parts}
        unneeded = self._parts_of(endpoint) - needed
        self._end(unneeded)
        for folder in unneeded:
            shutil.rmtree(folder, ignore_errors=True)
        written = [*(self._folder / endpoint).glob(SERVES), *(self._folder / endpoint).glob(CANDIDATES)]
        if len(written) == len(kept):
            self._copies(endpoint).sweep({next_digest, *(document.digest for document in kept)})

    def _end(self, folders: set[Path]) -> None:
        for folder in sorted(folders):
            SupervisedProcess(folder).stop(grace_s=self._grace_s)

    def _part(self, document: EndpointDocument, part: str) -> SupervisedProcess:
        folder = part if document.colour == "blue" else f"{part}-{document.colour}"
        return SupervisedProcess(self._folder / document.name / folder)

    def _candidate(self, endpoint: str) -> EndpointDocument | None:
        """Return what the endpoint's candidate is to be; None without one that can be read."""
        files = sorted(path.name for path in (self._folder / endpoint).glob(CANDIDATES))
        documents = (self._readable(endpoint, file) for file in files)
        return next((document for document in documents if document is not None), None)

    def _readable(self, endpoint: str, which: str) -> EndpointDocument | None:
        """Return what an endpoint or its candidate is to be; None when that is not said, or cannot be read."""
        with suppress(DamagedEndpoint):
            return read_document(self._folder / endpoint / which)
        return None

    def _run(self, document: EndpointDocument, which: str) -> None:
        """Write down what the endpoint is to be and start those of its parts that do not run."""
        parts = {part: self._part(document, part) for part in reversed(document.parts)}
        if parts and not any(part.files.running for part in parts.values()) and _taken(document):
            # While the endpoint was down somebody else took a port of it.
            document = document.elsewhere()
        if document.digest is not None:
            self._copies(document.name).take(str(document.model_uri), document.digest)
        write_document(self._folder / document.name / which, document)
        for name, part in parts.items():
            command, environment = self._started(document, name)
            part.start(Launch(command=command, fingerprint=document.fingerprint, restarts=RESTARTS), environment)

    def _started(self, document: EndpointDocument, part: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the command and the environment of a part. Raises SetupError."""
        if part == "server":
            return self._server_command(document), endpoint_environment()
        if part == "proxy":
            return self._proxy_command(document), proxy_environment(document.probe_token)
        return self._transformer_command(document), transformer_environment(self._settings)

    def _new(self, spec: MonitorSpec, colour: str) -> EndpointDocument:
        """Return what a new endpoint is to be, of whose model there is a copy now. Raises SetupError."""
        if spec.model.uri is None:
            return EndpointDocument.of(spec, colour)
        self._python()
        digest = self._copies(spec.endpoint).take(spec.model.uri, spec.model.digest)
        return EndpointDocument.of(spec, colour, digest=digest)

    def _copies(self, endpoint: str) -> ServedCopies:
        return ServedCopies(self._folder / endpoint)

    def _python(self) -> str:
        python = self._settings.serving_python
        if python is None or not Path(python).exists():
            raise SetupError(
                f"PEGEL_SERVING_PYTHON must name the serving environment's interpreter; given: {python}. "
                f"No endpoint was started."
            )
        return str(python)

    def _server_command(self, document: EndpointDocument) -> tuple[str, ...]:
        options = (
            "--model-dir",
            str(self._copies(document.name).place(document.digest)),
            "--name",
            document.name,
            "--port",
            str(document.server_port),
            *self._explaining(document),
        )
        return (self._python(), "-m", "pegel_serving.server", *options)

    def _explaining(self, document: EndpointDocument) -> tuple[str, ...]:
        """Return the options of a server that explains; rows of the baseline that are not here are done without."""
        if document.explained_with is None:
            return ()
        try:
            table = LocalFeatureStore(self._settings.features).read_training_data(document.explained_with)
        except PegelError:
            return ("--explain",)
        return ("--explain", "--background", str(table))

    def _proxy_command(self, document: EndpointDocument) -> tuple[str, ...]:
        own = () if document.client_header is None else (document.client_header,)
        logged = (*(LOOKED_UP if document.online is not None else ()), *own)
        options = {
            "--upstream": document.server_url,
            "--logger": self._settings.logger_url,
            "--name": document.name,
            "--served-name": document.served_name,
            "--namespace": document.namespace,
            "--port": str(document.proxy_port),
            **({"--metadata-headers": ",".join(logged)} if logged else {}),
            "--answered": str(self._part(document, "proxy").folder / ANSWERED),
            "--annotations": json.dumps({"managed-by": names.MANAGED_BY}),
        }
        flat = tuple(text for pair in options.items() for text in pair)
        opened = () if document.explained_with is None else ("--explain",)
        return (self._python(), "-m", "pegel_serving.proxy", *flat, *opened)

    def _transformer_command(self, document: EndpointDocument) -> tuple[str, ...]:
        options = {
            "--online": json.dumps(document.online),
            "--model_name": document.served_name,
            "--predictor_host": document.proxy_url,
            "--http_port": str(document.port),
            "--home": str(self._settings.home.resolve()),
        }
        flat = tuple(text for pair in options.items() for text in pair)
        return (self._python(), "-m", "pegel_serving.transformer", *flat)

    def _status(self, document: EndpointDocument, which: str) -> EndpointStatus:
        state, detail = self._look(document)
        seen_ready = self._seen_ready(document)
        if state is EndpointState.READY:
            # A full disk takes no new file; then the endpoint counts as not ready since its start.
            with suppress(OSError):
                seen_ready.touch()
        return EndpointStatus(
            name=document.name,
            fingerprint=document.fingerprint,
            state=state,
            url=document.url,
            detail=detail,
            changed_at=_time_of(self._folder / document.name / which),
            note=self._note(document) if which == SERVES else "",
            unready_since=None if state is EndpointState.READY else self._unready_since(document, seen_ready),
            probe_token=document.probe_token,
        )

    def _note(self, document: EndpointDocument) -> str:
        """Say whether the model's folder holds something else than what is served; "" if not."""
        if document.digest is None:
            return ""
        return self._copies(document.name).note(str(document.model_uri), document.digest)

    def _unready_since(self, document: EndpointDocument, seen_ready: Path) -> datetime | None:
        """Return the latest of: the starts of its parts, the last look that saw it ready, the last answer it gave.

        One that is busy answering may take long to say that it is ready, and restarting it would lose what waits.
        """
        states = [self._part(document, part).files.state() for part in document.parts]
        answered = self._part(document, "proxy").folder / ANSWERED
        times = [_time_of(seen_ready), _time_of(answered), *(state.started_at for state in states if state is not None)]
        return max((at for at in times if at is not None), default=None)

    def _look(self, document: EndpointDocument) -> tuple[EndpointState, str]:
        for part in reversed(document.parts):
            files = self._part(document, part).files
            if not files.running:
                return EndpointState.FAILED, f"its {part} {_end_of(files)}; {self._end_of_log(document, part)}"
        if not document.parts and document.upstream is None:
            # Hopsworks serves it, and knows whether it does.
            return EndpointState.READY, ""
        if document.upstream is not None:
            state, detail = self._look_at_foreign(document)
            return (state, detail) if state is not EndpointState.READY else self._look_at_transformer(document)
        answer = readiness(document.proxy_url, document.name, self._answers_within)
        if answer == READY:
            return self._look_at_transformer(document)
        if answer in ABSENT and self._was_ready(document):
            return EndpointState.FAILED, f"its server has lost the model ({answer})"
        log = self._end_of_log(document, "server")
        return EndpointState.STARTING, f"the model does not answer ready yet ({answer}); {log}"

    def _look_at_transformer(self, document: EndpointDocument) -> tuple[EndpointState, str]:
        """Look at what stands before a predictor that is ready; without a transformer, the endpoint is."""
        if document.online is None:
            return EndpointState.READY, ""
        answer = readiness(str(document.url), document.served_name, self._answers_within)
        if answer == READY:
            return EndpointState.READY, ""
        log = self._end_of_log(document, "transformer")
        return EndpointState.STARTING, f"the transformer does not answer ready yet ({answer}); {log}"

    def _end_of_log(self, document: EndpointDocument, part: str) -> str:
        """Return the last lines of a part, each once: started again, it fails with the same.

        The copy of the model's folder has the name that a person knows it by.
        """
        lines = "\n".join(dict.fromkeys(last_lines(self._part(document, part).files.log).splitlines()))
        if document.digest is not None:
            copy = self._copies(document.name).place(document.digest)
            lines = lines.replace(str(copy), str(local_folder(str(document.model_uri))))
        return f"its log ends:\n{lines}"

    def _look_at_foreign(self, document: EndpointDocument) -> tuple[EndpointState, str]:
        """Look at a server that is not ours: ready or not, it never counts as failed. Nobody here restarts it."""
        name, protocol = document.served_name, document.protocol
        url = document.proxy_url if "proxy" in document.parts else document.server_url
        answer = foreign_readiness(url, name, protocol, self._answers_within)
        if answer == READY:
            return EndpointState.READY, ""
        return EndpointState.STARTING, f"the server at {document.upstream} does not answer ready ({answer})"

    def _seen_ready(self, document: EndpointDocument) -> Path:
        """Return the file whose time is the last look that saw it ready; it goes with what was seen."""
        if not document.parts:
            return self._folder / document.name / f"{SEEN_READY}-{document.colour}"
        return self._part(document, document.parts[-1]).folder / SEEN_READY

    def _was_ready(self, document: EndpointDocument) -> bool:
        """Say whether some look saw this very server ready."""
        state, seen = self._part(document, "server").files.state(), _time_of(self._seen_ready(document))
        return state is not None and seen is not None and seen > state.started_at


def _end_of(files: SupervisorFiles) -> str:
    """Say how a part ended, as far as its supervisor saw it."""
    state = files.state()
    if state is None or state.exit_code is None:
        return "ended"
    return f"exited with {state.exit_code}" if state.exit_code >= 0 else f"was killed by signal {-state.exit_code}"


def _candidate_file(fingerprint: str) -> str:
    return CANDIDATES.replace("*", fingerprint)


def _other_colour(document: EndpointDocument | None) -> str:
    return "green" if document is not None and document.colour == "blue" else "blue"


def _taken(document: EndpointDocument) -> bool:
    return any(map(answers, (document.port, document.proxy_port, document.server_port)))


def _time_of(path: Path) -> datetime | None:
    """Return when a file was last written, UTC; None without the file."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
