"""Model endpoints as processes of this machine: the local serving backend.

An endpoint is two supervised processes, as a KServe pod is two containers: a real `kserve` model server, and before it
a proxy that posts every request and response to the inference logger as KServe's agent does. `endpoints/<name>/` holds
both, and says in `endpoint.json` what serves. A candidate that is to take its place runs beside it, of the other
colour, and stands in `candidate.json`; taking the place is one rename.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from pegel.errors import SetupError
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_local.backends.driver_processes import environment
from pegel_local.machine.ports import LOOPBACK, answers, free_ports
from pegel_local.processes.process_control import last_lines
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.processes.supervisor_files import Launch, write_json

RESTARTS = 2
STOP_WITHIN_S = 10.0
ASK_WITHIN_S = 5.0
PARTS = ("proxy", "server")
"""In the order in which they end; they start the other way round."""
SERVES, CANDIDATE = "endpoint.json", "candidate.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an endpoint is to be: the part of a spec that its processes depend on, and the ports it was given."""

    name: str
    namespace: str
    model: dict[str, Any]
    server_port: int
    port: int
    colour: str = "blue"
    """`blue` or `green`: what serves and its candidate differ in it, so that neither is in the way of the other."""

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of what was wished; ports are ours to choose and not part of it."""
        return fingerprint(self.namespace, self.model)

    @property
    def url(self) -> str:
        """Return the base address clients send to: the proxy."""
        return f"http://{LOOPBACK}:{self.port}"


class LocalServingBackend:
    """Runs endpoints below the settings' home. Any process that knows the home may call it. One host only."""

    def __init__(self, settings: Settings) -> None:
        """Use the folder `endpoints` of the settings' home."""
        self._settings = settings
        self._folder = settings.home.resolve() / "endpoints"

    def apply(self, spec: MonitorSpec) -> None:
        """Make the endpoint of `spec` exist as wished and return at once. The same wish again changes nothing.

        An endpoint of another wish is replaced; parts of it that ended are started again. Raises SetupError without a
        serving environment or when the model's folder is not on this machine.
        """
        model = spec.model.model_dump(mode="json")
        _model_folder(model["uri"])
        present = self._wish(spec.endpoint)
        if present is not None and present.fingerprint != fingerprint(spec.namespace, model):
            self.delete(spec.endpoint)
            present = None
        self._run(present or _new_wish(spec, model), SERVES)

    def stage(self, spec: MonitorSpec) -> None:
        """Start what `spec` wishes beside what serves now, which is not touched, and return at once.

        The same wish again changes nothing; another candidate is replaced. What serves as wished already is its own
        candidate. Raises SetupError as `apply` does.
        """
        model = spec.model.model_dump(mode="json")
        _model_folder(model["uri"])
        wanted = fingerprint(spec.namespace, model)
        present, candidate = self._wish(spec.endpoint), self._wish(spec.endpoint, CANDIDATE)
        if present is not None and present.fingerprint == wanted:
            self.discard(spec.endpoint)
            self._run(present, SERVES)
            return
        if candidate is not None and candidate.fingerprint != wanted:
            candidate = None
        if candidate is None:
            self.discard(spec.endpoint)
            colour = "green" if present is not None and present.colour == "blue" else "blue"
            candidate = _new_wish(spec, model, colour)
        self._run(candidate, CANDIDATE)

    def staged(self, endpoint: str) -> EndpointStatus:
        """Look at the endpoint's candidate now; without one, at what serves."""
        candidate = self._wish(endpoint, CANDIDATE)
        return self.observe(endpoint) if candidate is None else self._status(candidate)

    def promote(self, endpoint: str) -> None:
        """Let the candidate serve in place of what serves now, and end the latter. No candidate: nothing happens.

        The new address is in force at once: the switch is one rename. Requests that the old server has are answered
        within its grace.
        """
        if self._wish(endpoint, CANDIDATE) is not None:
            (self._folder / endpoint / CANDIDATE).replace(self._folder / endpoint / SERVES)
        self._sweep(endpoint)

    def discard(self, endpoint: str) -> None:
        """End the candidate and forget it; what serves is not touched. No candidate: nothing happens."""
        (self._folder / endpoint / CANDIDATE).unlink(missing_ok=True)
        self._sweep(endpoint)
        if self._wish(endpoint) is None:
            shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def resume(self) -> list[str]:
        """Start the endpoints that were wished and do not run, after a restart of the system. Return their names."""
        wishes = [wish for wish in map(self._wish, self._known()) if wish is not None]
        for wish in wishes:
            self._run(wish, SERVES)
        return [wish.name for wish in wishes]

    def observe(self, endpoint: str) -> EndpointStatus:
        """Look at one endpoint now."""
        wish = self._wish(endpoint)
        if wish is None:
            return EndpointStatus(name=endpoint, fingerprint="", state=EndpointState.ABSENT)
        return self._status(wish)

    def delete(self, endpoint: str) -> None:
        """Remove the endpoint, its candidate too, and wait until nothing of it runs. An absent one is not an error."""
        self.halt(endpoint)
        shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def halt(self, endpoint: str) -> None:
        """End the endpoint's processes and keep the wish, so that `resume` brings it back."""
        self._end(self._parts_of(endpoint))

    def list(self) -> list[EndpointStatus]:
        """List every endpoint below the home, in the order of their names."""
        return [self.observe(name) for name in self._known()]

    def _known(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in self._folder.glob(f"*/{SERVES}")))

    def _parts_of(self, endpoint: str) -> set[Path]:
        """Return the folders of all parts there are; proxies come and go before their servers."""
        return {path for part in PARTS for path in (self._folder / endpoint).glob(f"{part}*") if path.is_dir()}

    def _sweep(self, endpoint: str) -> None:
        """End the parts that neither what serves nor a candidate needs, also those that a crash left behind."""
        wishes = (self._wish(endpoint), self._wish(endpoint, CANDIDATE))
        needed = {self._part(wish, part).folder for wish in wishes if wish is not None for part in PARTS}
        unneeded = self._parts_of(endpoint) - needed
        self._end(unneeded)
        for folder in unneeded:
            shutil.rmtree(folder, ignore_errors=True)

    def _end(self, folders: set[Path]) -> None:
        for folder in sorted(folders):
            SupervisedProcess(folder).stop(grace_s=STOP_WITHIN_S)

    def _part(self, wish: Wish, part: str) -> SupervisedProcess:
        folder = part if wish.colour == "blue" else f"{part}-{wish.colour}"
        return SupervisedProcess(self._folder / wish.name / folder)

    def _wish(self, endpoint: str, which: str = SERVES) -> Wish | None:
        try:
            return Wish(**json.loads((self._folder / endpoint / which).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def _run(self, wish: Wish, which: str) -> None:
        """Write the wish down and start those of its two parts that do not run."""
        server, proxy = self._part(wish, "server"), self._part(wish, "proxy")
        if not server.files.running and not proxy.files.running and (answers(wish.port) or answers(wish.server_port)):
            # While the endpoint was down somebody else took a port of it.
            server_port, port = free_ports(2)
            wish = replace(wish, server_port=server_port, port=port)
        write_json(self._folder / wish.name / which, asdict(wish))
        server.start(self._launch(wish, self._server_command(wish)))
        proxy.start(self._launch(wish, self._proxy_command(wish)))

    def _launch(self, wish: Wish, command: tuple[str, ...]) -> Launch:
        return Launch(
            command=command,
            fingerprint=wish.fingerprint,
            environment=environment(self._settings),
            restarts=RESTARTS,
        )

    def _python(self) -> str:
        python = self._settings.serving_python
        if python is None or not Path(python).exists():
            raise SetupError(
                f"PEGEL_SERVING_PYTHON must name the serving environment's interpreter; given: {python}. "
                f"No endpoint was started."
            )
        return str(python)

    def _server_command(self, wish: Wish) -> tuple[str, ...]:
        folder = str(_model_folder(wish.model["uri"]))
        options = ("--model-dir", folder, "--name", wish.name, "--port", str(wish.server_port))
        return (self._python(), "-m", "pegel_serving.server", *options)

    def _proxy_command(self, wish: Wish) -> tuple[str, ...]:
        options = {
            "--upstream": f"http://{LOOPBACK}:{wish.server_port}",
            "--logger": self._settings.logger_url,
            "--name": wish.name,
            "--namespace": wish.namespace,
            "--port": str(wish.port),
            "--annotations": json.dumps({"managed-by": names.MANAGED_BY}),
        }
        flat = tuple(text for pair in options.items() for text in pair)
        return (self._python(), "-m", "pegel_serving.proxy", *flat)

    def _status(self, wish: Wish) -> EndpointStatus:
        state, detail = self._look(wish)
        return EndpointStatus(name=wish.name, fingerprint=wish.fingerprint, state=state, url=wish.url, detail=detail)

    def _look(self, wish: Wish) -> tuple[EndpointState, str]:
        for part in reversed(PARTS):
            files = self._part(wish, part).files
            if not files.running:
                return EndpointState.FAILED, f"its {part} ended; the last lines of its log:\n{last_lines(files.log)}"
        answer = _ask(f"{wish.url}/v1/models/{wish.name}")
        if answer == "ready":
            return EndpointState.READY, ""
        log = last_lines(self._part(wish, "server").files.log)
        return EndpointState.STARTING, f"the model does not answer ready yet ({answer}); its log ends:\n{log}"


def fingerprint(namespace: str, model: dict[str, Any]) -> str:
    """Return the SHA-256 of what an endpoint's processes depend on. Whatever else a spec says does not restart them."""
    relevant = {key: value for key, value in model.items() if key != "ready_within"}
    return hashlib.sha256(json.dumps([namespace, relevant], sort_keys=True).encode()).hexdigest()


def _new_wish(spec: MonitorSpec, model: dict[str, Any], colour: str = "blue") -> Wish:
    server_port, port = free_ports(2)
    return Wish(
        name=spec.endpoint, namespace=spec.namespace, model=model, server_port=server_port, port=port, colour=colour
    )


def _model_folder(uri: str) -> Path:
    """Return the folder a `file://` address or a plain path names. Raises SetupError when it is not on this machine."""
    address = urlsplit(uri)
    folder = Path(unquote(address.path))
    if address.scheme not in ("", "file") or not folder.is_dir():
        raise SetupError(
            f"the local serving backend needs a folder of this machine as model.uri, e.g. file:///models/delays; "
            f"given: {uri}. No endpoint was started."
        )
    return folder


def _ask(url: str) -> str:
    """Return `ready`, or in a few words what the model answered instead."""
    try:
        # Nothing between two processes of one machine goes through a proxy server of the environment. The name is the
        # kubelet's: whoever asks under it leaves no logged request.
        answer = httpx.get(url, timeout=ASK_WITHIN_S, trust_env=False, headers={"user-agent": "kube-probe/pegel"})
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code == httpx.codes.OK and answer.json().get("ready") is True:
        return "ready"
    return f"status {answer.status_code}"
