"""The player makes processes of objects, says how they do as the controllers say it, and leaves nothing behind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import ApiServer
from kubernetes import client
from kubernetes.client import ApiClient, CustomObjectsApi
from objects import Object, apply, at, inference_service, read, spark_application
from played_programs import SERVING, SPARK, program
from waiting import wait_until

from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION
from pegel_local.cluster_player.player import ClusterPlayer, Playing
from pegel_local.processes.process_id import ENDED, process_stat


@dataclass
class Stage:
    """A namespace that a player plays in, with models in a claim."""

    custom: CustomObjectsApi
    core: client.CoreV1Api
    namespace: str
    models: Path
    note: Path
    player: ClusterPlayer
    end: Callable[[], None]
    """Ends the player."""

    def model(self, name: str, content: bytes | None) -> str:
        """Put a model into the claim, or a folder without one; return its address."""
        folder = self.models / name
        folder.mkdir()
        if content is not None:
            (folder / "model.joblib").write_bytes(content)
        return f"pvc://models/{name}"

    def serve(self, uri: str, **predictor: Any) -> None:
        """Apply the inference service `a`."""
        body = inference_service("a", uri=uri)
        body["spec"]["predictor"] |= predictor
        apply(self.custom, INFERENCE_SERVICE, self.namespace, body, force=True)

    def service(self) -> Object:
        """Return the status of `a`."""
        status: Object = read(self.custom, INFERENCE_SERVICE, self.namespace, "a").get("status", {})
        return status

    def transition(self) -> str:
        """Return how far `a` is on its way to what was last applied."""
        return str(self.service().get("modelStatus", {}).get("transitionStatus", ""))

    def ready(self) -> bool:
        """Say whether `a` is ready, and is what was last applied."""
        status = self.service()
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        return conditions.get("Ready") == "True" and self.transition() == "UpToDate"

    def answer(self) -> bytes:
        """Return what `a` answers at its address."""
        return httpx.get(self.service()["url"], trust_env=False).content

    def drive(self, files: dict[str, str], **policy: Any) -> None:
        """Apply the application `g` whose driver finds files in /etc/pegel, and a variable from the Secret `s`."""
        self.core.create_namespaced_config_map(self.namespace, {"metadata": {"name": "g"}, "data": files})
        body = spark_application("g")
        spec, driver = body["spec"], body["spec"]["driver"]
        spec |= {"arguments": ["/etc/pegel"], "volumes": [{"name": "job", "configMap": {"name": "g"}}]}
        spec["restartPolicy"] |= policy
        reference = {"secretKeyRef": {"name": "s", "key": "url"}}
        driver["volumeMounts"] = [{"name": "job", "mountPath": path} for path in ("/etc/pegel", str(self.models))]
        driver["env"] = [
            {"name": "DATABASE", "valueFrom": reference},
            {"name": "FOLDER", "value": "/etc/pegel"},
            {"name": "MODELS", "value": str(self.models)},
        ]
        apply(self.custom, SPARK_APPLICATION, self.namespace, body)

    def secret(self) -> None:
        """Create the Secret `s`."""
        self.core.create_namespaced_secret(self.namespace, {"metadata": {"name": "s"}, "stringData": {"url": "db://"}})

    def application(self) -> Object:
        """Return the status of `g`."""
        status: Object = read(self.custom, SPARK_APPLICATION, self.namespace, "g").get("status", {})
        return status

    def state(self) -> str:
        """Return the state of `g`."""
        return str(self.application().get("applicationState", {}).get("state", ""))

    def starts(self) -> list[Any]:
        """Return what each driver was told, in order."""
        return [json.loads(line) for line in self.note.read_text().splitlines()] if self.note.exists() else []

    def pods(self) -> list[str]:
        """Name the pods of the namespace."""
        return [pod.metadata.name for pod in self.core.list_namespaced_pod(self.namespace).items]


@pytest.fixture
def stage(own_server: ApiServer, admin: ApiClient, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    """A player over the API server of ours; another's cluster has nodes and controllers of its own."""
    models, note = tmp_path / "models", tmp_path / "note"
    models.mkdir()
    playing = Playing(
        kubeconfig=own_server.kubeconfig,
        folder=tmp_path / "pods",
        serving_python=program(tmp_path / "serving-python", SERVING),
        spark_python=program(tmp_path / "spark-python", SPARK, note=str(note)),
        spark_programs=Path("/jobs"),
        claims={"models": models},
    )
    custom, core = CustomObjectsApi(admin), client.CoreV1Api(admin)
    with ExitStack() as begun:
        player = begun.enter_context(ClusterPlayer(playing))
        yield Stage(custom, core, namespace, models, note, player, begun.close)


def lives(pid: int) -> bool:
    """Say whether a process runs: one that has ended and is not collected yet does not."""
    stat = process_stat(pid)
    return stat is not None and stat.state not in ENDED


def test_an_applied_model_becomes_ready(stage: Stage) -> None:
    """An InferenceService gets a model server, an address that answers, and the conditions of KServe's controller."""
    stage.serve(stage.model("delays", b"one"))

    assert wait_until(stage.ready)
    assert b"one" == stage.answer()
    assert {"activeModelState": "Loaded", "targetModelState": "Loaded"} == stage.service()["modelStatus"]["states"]
    assert 1 == len(stage.pods())


def test_an_agent_stands_before_a_model_with_a_logger(stage: Stage) -> None:
    """Where a logger is asked for, clients reach the agent, which is told whom to post to."""
    stage.serve(stage.model("delays", b"one"), logger={"mode": "all", "url": "http://logger"})

    assert wait_until(stage.ready)
    assert b"logged" == stage.answer()


def test_a_model_answers_under_the_name_that_it_is_given(stage: Stage) -> None:
    """A candidate answers under the name that clients use, which its object says."""
    uri = stage.model("delays", b"one")
    stage.serve(uri, model={"modelFormat": {"name": "sklearn"}, "storageUri": uri, "args": ["--name=delays-v1"]})

    assert wait_until(stage.ready)
    [pod] = stage.core.list_namespaced_pod(stage.namespace).items
    told = pod.spec.containers[0].args
    assert "delays-v1" == told[told.index("--name") + 1]


def test_a_model_that_cannot_be_loaded_says_why(stage: Stage) -> None:
    """A model server that ends makes the service BlockedByFailedLoad, with exit code and the end of its log."""
    stage.serve(stage.model("empty", None))

    assert wait_until(lambda: stage.transition() == "BlockedByFailedLoad")
    failure = stage.service()["modelStatus"]["lastFailureInfo"]

    assert ("ModelLoadFailed", 1) == (failure["reason"], failure["exitCode"])
    assert "there is no model.joblib" in failure["message"]
    assert not stage.ready()


def test_a_model_that_no_runtime_serves_is_an_invalid_spec(stage: Stage) -> None:
    """A format without a runtime makes the service InvalidSpec, and nothing is started."""
    stage.serve("pvc://models/delays", model={"modelFormat": {"name": "unheard"}, "storageUri": "pvc://models/delays"})

    assert wait_until(lambda: stage.transition() == "InvalidSpec")
    assert "unheard" in stage.service()["modelStatus"]["lastFailureInfo"]["message"]
    assert [] == stage.pods()


def test_a_bad_change_leaves_what_serves(stage: Stage) -> None:
    """What served before answers on while the model it is to be cannot be loaded; a good change takes its place."""
    stage.serve(stage.model("delays", b"one"))
    assert wait_until(stage.ready)
    address = stage.service()["url"]
    stage.serve(stage.model("empty", None))
    assert wait_until(lambda: stage.transition() == "BlockedByFailedLoad")
    during = stage.answer()
    stage.serve(stage.model("better", b"two"))

    assert b"one" == during
    assert wait_until(stage.ready)
    assert (b"two", address) == (stage.answer(), stage.service()["url"])
    assert wait_until(lambda: len(stage.pods()) == 1)


def test_a_deleted_service_leaves_no_process(stage: Stage) -> None:
    """With its service a model's pods, processes and address go."""
    stage.serve(stage.model("delays", b"one"))
    assert wait_until(stage.ready)
    url = stage.service()["url"]
    stage.custom.delete_namespaced_custom_object(**at(INFERENCE_SERVICE, stage.namespace), name="a")

    assert wait_until(lambda: stage.pods() == [])
    assert wait_until(lambda: not list(stage.player.node.folder.glob("*/*")))
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_driver_finds_what_its_object_says(stage: Stage) -> None:
    """A driver is asked for as Spark asks an image, with files of its ConfigMap and variables of its Secret."""
    stage.secret()
    stage.drive({"job.json": "{}"})

    assert wait_until(lambda: stage.state() == "RUNNING" and len(stage.starts()) == 1)
    [told] = stage.starts()
    assert ["-m", "pegel_spark.container", "driver", "--properties-file"] == told["told"][:4]
    assert ["org.apache.spark.deploy.PythonRunner", "local:///jobs/monitor.py"] == told["told"][-3:-1]
    assert {"spark.master=local[2]", "spark.driver.memory=512m"} <= set(told["properties"].splitlines())
    assert {"job.json": "{}"} == told["files"]
    assert ("db://", str(stage.models)) == (told["environment"]["DATABASE"], told["environment"]["MODELS"])
    assert {"job.json": "{}"} == {path.name: path.read_text() for path in Path(told["environment"]["FOLDER"]).iterdir()}
    assert {"podName": "g-driver"} == stage.application()["driverInfo"]


def test_a_driver_waits_for_its_secret(stage: Stage) -> None:
    """A driver whose Secret is not there yet is submitted and does not run; it runs once there is one."""
    stage.drive({"job.json": "{}"})
    assert wait_until(lambda: stage.state() == "SUBMITTED")
    before = stage.starts()
    stage.secret()

    assert [] == before
    assert wait_until(lambda: stage.state() == "RUNNING")


@pytest.mark.parametrize("how", ["its process is killed", "its pod is deleted"])
def test_a_killed_driver_is_started_again(stage: Stage, how: str) -> None:
    """However a driver is killed, another one runs after it, and the operator's count says so."""
    stage.secret()
    stage.drive({"job.json": "{}"})
    assert wait_until(lambda: stage.state() == "RUNNING" and len(stage.starts()) == 1)
    first = stage.starts()[0]["pid"]
    if how == "its pod is deleted":
        stage.core.delete_namespaced_pod("g-driver", stage.namespace)
    else:
        os.kill(first, 9)

    assert wait_until(lambda: len(stage.starts()) == 2 and stage.state() == "RUNNING")
    assert 2 == stage.application()["executionAttempts"]
    assert not lives(first)


def test_a_driver_that_always_fails_is_given_up(stage: Stage) -> None:
    """After the retries of its policy a driver is FAILED, with how it ended."""
    stage.secret()
    stage.drive({"fail": ""}, onFailureRetries=1)

    assert wait_until(lambda: stage.state() == "FAILED", within_s=40)
    message = stage.application()["applicationState"]["errorMessage"]
    assert "driver container failed with ExitCode: 3, Reason: Error" == message
    assert 2 == len(stage.starts())
    assert "it was told to fail" in stage.player.node.log_of(stage.namespace, "g-driver", "spark-kubernetes-driver")


def test_a_changed_application_is_run_anew(stage: Stage) -> None:
    """A change of an application's spec ends its driver, and starts one that is told the new one."""
    stage.secret()
    stage.drive({"job.json": "{}"})
    assert wait_until(lambda: stage.state() == "RUNNING" and len(stage.starts()) == 1)
    stage.custom.patch_namespaced_custom_object(
        **at(SPARK_APPLICATION, stage.namespace),
        name="g",
        body={"spec": {"driver": {"env": [{"name": "CHANGED", "value": "1"}]}}},
        _content_type="application/merge-patch+json",
    )

    assert wait_until(lambda: len(stage.starts()) == 2 and stage.state() == "RUNNING")
    assert ["CHANGED" in told["environment"] for told in stage.starts()] == [False, True]
    assert 1 == stage.application()["executionAttempts"]


def test_a_restarted_server_changes_nothing(own_server: ApiServer, stage: Stage) -> None:
    """While the API server is away everything runs on, and after that nothing was started anew."""
    stage.serve(stage.model("delays", b"one"))
    assert wait_until(stage.ready)
    url, pods = stage.service()["url"], stage.pods()
    own_server.kill()
    during = httpx.get(url, trust_env=False).content
    own_server.start()

    assert b"one" == during
    assert wait_until(lambda: stage.player.trouble == "")
    assert (True, pods) == (stage.ready(), stage.pods())


def test_at_the_end_nothing_runs(stage: Stage) -> None:
    """A player that ends takes every process with it, and leaves the objects."""
    stage.secret()
    stage.drive({"job.json": "{}"})
    stage.serve(stage.model("delays", b"one"))
    assert wait_until(lambda: stage.ready() and len(stage.starts()) == 1)
    stage.end()
    [told] = stage.starts()

    assert not lives(told["pid"])
    assert [] == list(stage.player.node.folder.glob("*/*"))
    assert 2 == len(stage.pods())
