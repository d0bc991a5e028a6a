"""The proxy behaves as KServe's agent towards the logger, and as if no logger existed towards the client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import processes
import pytest
import running_servers
import sinks
from cloudevents.http import from_http
from listening import listening
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pegel.data.running_server import problem_of_server
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_spec
from pegel_local.machine.ports import free_ports
from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.cloudevent import EndpointOrigin
from pegel_serving.held_bodies import BodyLimits
from pegel_serving.proxy import build

# a process that starts beside other tests on two cores may take a while
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Starter = Callable[..., processes.Service]
BODY = b'{"instances": [["red", 1.0, 2.0]]}'
PATH = "/v1/models/paint-v1:predict"


def begin(services: Starter, upstream: str, logger: str, folder: Path, *options: str) -> processes.Service:
    """Start a proxy in namespace `shop`."""
    flat = ("--upstream", upstream, "--logger", logger, "--name", "paint-v1", "--namespace", "shop", *options)
    return services("pegel_serving.proxy", *flat, log=folder / "proxy.log")


@contextmanager
def within(upstream: str, logger: str, answered: Path | None = None, explanations: int = 0) -> Iterator[str]:
    """Run a proxy in this process, where it starts at once, and yield its address; at the end what it logs is sent."""
    origin = EndpointOrigin(name="paint-v1", namespace="shop", source="test")
    limits = BodyLimits()
    app = build(upstream, logger, origin, limits, answered=answered, explanations_per_minute=explanations)
    with listening(app, ConnectionLimits()) as (host, port):
        yield f"http://{host}:{port}"


def ask(url: str, body: bytes = BODY, **headers: str) -> httpx.Response:
    """Send one request through the proxy."""
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{url}{PATH}", content=body, headers=named, trust_env=False, timeout=20.0)


def test_request_and_response_are_posted_as_the_agent_does(
    services: Starter, server: processes.Service, sink: sinks.Sink, tmp_path: Path
) -> None:
    """KServe's headers and the client's own id beside ours, both bodies untouched; the CloudEvents SDK reads them."""
    options = ("--annotations", "revision=7", "--metadata-headers", "X-Request-Id")
    proxy = begin(services, server.url, sink.url, tmp_path, *options)
    answer = ask(proxy.url, ce_id="client-id", x_request_id="abc")
    (first, request), (second, response) = sorted(sink.wait_for(2), key=lambda got: got[0]["Ce-Type"])
    carried = {name: value for name, value in first.items() if name.startswith("Ce-")}
    times = [carried.pop(name) for name in ("Ce-Time", "Ce-Recordedtime")]

    assert [18.0] == pytest.approx(answer.json()["predictions"])
    assert {
        "Ce-Id": answer.headers["Pegel-Event-Id"],
        "Ce-Clientid": "client-id",
        "Ce-Specversion": "1.0",
        "Ce-Type": "org.kubeflow.serving.inference.request",
        "Ce-Source": carried["Ce-Source"],
        "Ce-Inferenceservicename": "paint-v1",
        "Ce-Namespace": "shop",
        "Ce-Component": "predictor",
        "Ce-Endpoint": "",
        "Ce-Metadata": '{"X-Request-Id":["abc"]}',
        "Ce-Annotations": '{"revision":"7"}',
    } == carried
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", value) for value in times)
    assert (BODY, answer.content) == (request, response)
    assert (first["Ce-Id"], "client-id", "application/json") == (
        second["Ce-Id"],
        second["Ce-Clientid"],
        second["Content-Type"],
    )
    assert "org.kubeflow.serving.inference.response" == second["Ce-Type"]
    assert "paint-v1" == from_http(first, request)["inferenceservicename"]


def test_an_id_that_a_client_repeats_makes_no_copies(server: processes.Service, sink: sinks.Sink) -> None:
    """Two calls have two ids, one for both events of each, whatever the client calls them."""
    with within(server.url, sink.url) as url:
        ask(url, ce_id="always-the-same")
        ask(url, ce_id="always-the-same")
    ids = [headers["Ce-Id"] for headers, _ in sink.wait_for(4)]

    assert {2} == {ids.count(event_id) for event_id in ids}
    assert 2 == len(set(ids))


def test_only_answers_of_200_are_logged(
    services: Starter, server: processes.Service, sink: sinks.Sink, tmp_path: Path
) -> None:
    """A refused request is a request without a response; the client gets the refusal as it is."""
    proxy = begin(services, server.url, sink.url, tmp_path)
    answer = ask(proxy.url, b'{"instances": [["red"]]}')
    code = proxy.end()

    assert (400, 0) == (answer.status_code, code)
    assert ["org.kubeflow.serving.inference.request"] == [headers["Ce-Type"] for headers, _ in sink.got]


def test_each_status_that_is_no_prediction_is_in_the_log(services: Starter, sink: sinks.Sink, tmp_path: Path) -> None:
    """The server may be somebody else's and keep none: what it failed on and refused is counted, not repeated."""

    async def answer(request: Request) -> Response:
        return Response(status_code=int(await request.body()))

    app = Starlette(routes=[Route(PATH, answer, methods=["POST"])])
    with listening(app, ConnectionLimits()) as (host, port):
        proxy = begin(services, f"http://{host}:{port}", sink.url, tmp_path)
        for status in [500] * 8 + [422, 200]:
            ask(proxy.url, str(status).encode())
        proxy.end()
    lines = [json.loads(line) for line in proxy.log.read_text().splitlines()]
    failures = [line for line in lines if line["event"] == "model server answered without a prediction"]

    assert {500, 422} == {line["status"] for line in failures}
    assert len(failures) < 9
    assert 4 <= max(line["times"] for line in failures)


def test_the_last_answer_to_an_inference_is_kept(server: processes.Service, sink: sinks.Sink, tmp_path: Path) -> None:
    """A file has its time; neither a question nor a refused request touches it; a folder that is gone costs none."""
    file, nowhere = tmp_path / "answered", tmp_path / "gone" / "answered"
    with within(server.url, sink.url, file) as url:
        httpx.get(f"{url}/v1/models/paint-v1", trust_env=False)
        ask(url, b'{"instances": [["red"]]}')
        before = file.exists()
        ask(url)
        after = file.exists()
    with within(server.url, sink.url, nowhere) as url:
        status = ask(url).status_code

    assert (False, True) == (before, after)
    assert 200 == status


def test_a_path_is_handed_on_as_it_was_sent(sink: sinks.Sink) -> None:
    """A query stays one, and none becomes no empty one."""
    with within(sink.url.rstrip("/"), sink.url) as url:
        ask(url)
        httpx.post(f"{url}{PATH}?dry=1", content=BODY, trust_env=False)
    asked = [target for target in sink.targets if target != "/"]

    assert [PATH, f"{PATH}?dry=1"] == asked


def test_questions_are_not_logged(server: processes.Service, sink: sinks.Sink) -> None:
    """Whoever waits for readiness or reads the schema leaves no event, by whatever name."""
    paths = ("/v1/models/paint-v1", "/v2/health/live", "/v2/models/paint-v1", "/v2/models/paint-v1/ready", "/")
    with within(server.url, sink.url) as url:
        answers = [httpx.get(f"{url}{path}", trust_env=False) for path in paths]

    assert [200] * len(paths) == [answer.status_code for answer in answers]
    assert {"name": "paint-v1", "ready": True} == answers[0].json()
    assert [] == sink.got


EXPLANATION = "/v1/models/paint-v1:explain"


def test_explanations_reach_no_model_server_unless_they_are_open(sink: sinks.Sink) -> None:
    """Whoever asks for one is told what would open them."""
    with within(sink.url.rstrip("/"), sink.url) as url:
        answer = httpx.post(f"{url}{EXPLANATION}", content=BODY, trust_env=False)

    assert 404 == answer.status_code
    assert "attribution.on_request" in answer.text
    assert [] == sink.targets


def test_open_explanations_are_few_and_no_events(sink: sinks.Sink) -> None:
    """As many as a minute allows pass, each under an id of its own; the logger hears of none."""
    with within(sink.url.rstrip("/"), sink.url, explanations=2) as url:
        answers = [httpx.post(f"{url}{EXPLANATION}", content=BODY, trust_env=False) for _ in range(4)]

    assert [200, 200, 429, 429] == [answer.status_code for answer in answers]
    assert 2 == len({answer.headers["Pegel-Event-Id"] for answer in answers[:2]})
    assert [EXPLANATION] * 2 == sink.targets


def test_each_open_explanation_is_in_the_log(services: Starter, sink: sinks.Sink, tmp_path: Path) -> None:
    """With the id that its answer carries, and how many there were; and their number at the end."""
    proxy = begin(services, sink.url.rstrip("/"), sink.url, tmp_path, "--explain")
    answers = [httpx.post(f"{proxy.url}{EXPLANATION}", content=BODY, trust_env=False) for _ in range(2)]
    proxy.end()
    lines = [json.loads(line) for line in proxy.log.read_text().splitlines()]
    told = [line for line in lines if line["event"] == "explained on request"]

    assert [answer.headers["Pegel-Event-Id"] for answer in answers] == [line["id"] for line in told]
    assert [(200, len(BODY), 1), (200, len(BODY), 2)] == [(one["status"], one["bytes"], one["passed"]) for one in told]
    assert [2] == [line["explanations"] for line in lines if line["event"] == "proxy stopped"]


def test_a_logger_that_is_away_changes_nothing(services: Starter, server: processes.Service, tmp_path: Path) -> None:
    """Every call is answered; the losses are one line in the log."""
    proxy = begin(services, server.url, "http://127.0.0.1:9/", tmp_path)
    answers = [ask(proxy.url).status_code for _ in range(20)]
    proxy.end()
    lines = [json.loads(line) for line in proxy.log.read_text().splitlines()]

    assert [200] * 20 == answers
    assert 1 == sum(line["event"] == "event lost" for line in lines)
    assert [(0, 40)] == [(line["sent"], line["lost"]) for line in lines if line["event"] == "agent stopped"]


def test_a_logger_that_never_answers_delays_nobody(server: processes.Service, sink: sinks.Sink) -> None:
    """Every call is answered while the five workers wait for their first answer."""
    sink.answers.clear()
    with within(server.url, sink.url) as url:
        answers = [ask(url).status_code for _ in range(20)]
        taken = len(sink.wait_for(5))
        sink.answers.set()

    assert ([200] * 20, 5) == (answers, taken)


def test_a_model_server_that_is_away_is_502(sink: sinks.Sink) -> None:
    """The client learns that nobody answers, and no response is logged."""
    with within("http://127.0.0.1:9", sink.url) as url:
        answer = ask(url)

    assert 502 == answer.status_code
    assert ["org.kubeflow.serving.inference.request"] == [headers["Ce-Type"] for headers, _ in sink.got]


REDIRECTS = (301, 302, 303, 307, 308)


def test_nobody_is_led_around_the_proxy(sink: sinks.Sink) -> None:
    """An answer that leads elsewhere is 502 with a sentence and no address, for calls and for questions."""
    statuses = iter([status for status in REDIRECTS for _ in range(2)])

    async def elsewhere(_request: Request) -> Response:
        return RedirectResponse("http://10.0.0.7/v1/models/other:predict", next(statuses))

    app = Starlette(routes=[Route("/{path:path}", elsewhere, methods=["GET", "POST"])])
    with running_servers.running(app) as server, within(server, sink.url) as url:
        for status in REDIRECTS:
            answers = [ask(url), httpx.get(f"{url}/v1/models/paint-v1", trust_env=False)]
            said = (
                f"the model server answers {status} and leads elsewhere, which is not followed; the endpoint needs the "
                "address of the server itself"
            )

            assert [(502, {"error": said}, None)] * 2 == [
                (answer.status_code, answer.json(), answer.headers.get("location")) for answer in answers
            ]


def test_what_did_not_change_is_no_way_elsewhere(sink: sinks.Sink) -> None:
    """An answer of 304 reaches whoever asked whether something has changed."""

    async def unchanged(_request: Request) -> Response:
        return Response(status_code=304, headers={"etag": "7"})

    app = Starlette(routes=[Route("/v2/models/paint-v1", unchanged)])
    with running_servers.running(app) as server, within(server, sink.url) as url:
        answer = httpx.get(f"{url}/v2/models/paint-v1", headers={"if-none-match": "7"}, trust_env=False)

    assert (304, "7") == (answer.status_code, answer.headers["etag"])


def test_a_proxy_that_is_its_own_model_server_ends_the_circle(sink: sinks.Sink) -> None:
    """A call that comes back to its proxy is 508 with a sentence, instead of going round until every port is taken."""
    (port,) = free_ports(1)
    origin = EndpointOrigin(name="paint-v1", namespace="shop", source="test")
    itself = f"http://127.0.0.1:{port}"
    app = build(itself, sink.url, origin, BodyLimits())
    with listening(app, ConnectionLimits(), port=port):
        answer = ask(itself)

    assert (508, "this request was here before") == (answer.status_code, answer.json()["error"][:28])
    assert 1 == len(sink.got)


def test_a_proxy_says_in_via_whose_it_is(server: processes.Service, sink: sinks.Sink) -> None:
    """Requests and answers name namespace and endpoint, behind whatever proxies there were before."""
    with within(server.url, sink.url) as url:
        answer = ask(url, via="1.1 edge")

    assert "1.1 pegel-shop.paint-v1" == answer.headers["via"]


def test_a_proxy_is_known_as_one_while_its_server_is_away(sink: sinks.Sink) -> None:
    """Its address in the place of a model server's is refused, whatever it answers: by another name it says 404."""
    with within("http://127.0.0.1:9", sink.url) as url:
        specs = [sample_spec(model={"name": name, "url": url, "protocol": "v1"}) for name in ("paint", "other")]
        problems = [problem_of_server(spec.model, spec.served_name, Settings()) for spec in specs]

    assert ["that is our own proxy of shop.paint-v1"] * 2 == [
        problem.partition("; ")[2].partition(",")[0] for problem in problems
    ]
